"""Long tests that can be stopped: what is done is kept, for the commit that it was done on."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bluejacket.store import replace_text


class LongRun:
    """Numbers already done, by the name of the test, in a folder of the state."""

    def __init__(self, root: Path) -> None:
        head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
        self._folder = root / (head or "none")
        self._record = self._folder / "done.json"

    def _done(self) -> dict[str, list[int]]:
        return json.loads(self._record.read_text()) if self._record.exists() else {}

    def left(self, name: str, count: int) -> Iterator[int]:
        """Give the numbers still to do; one counts as done when the next is asked for."""
        for number in range(count):
            if number in self._done().get(name, []):
                continue
            yield number
            done = self._done()
            done.setdefault(name, []).append(number)
            replace_text(self._record, json.dumps(done))

    def finished(self, name: str, count: int) -> bool:
        """Whether all numbers are done."""
        return set(range(count)) <= set(self._done().get(name, []))

    def kept(self, name: str) -> Path:
        """Give a folder that stays from run to run."""
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """Give an empty folder on the file system of the state; it stays when the test fails."""
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        yield folder
        shutil.rmtree(folder)
