"""What machines tell of their provisioning: Ready, or why not. It outlives the control plane."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Condition
from time import monotonic

from bluejacket.store.files import replace_text

LONGEST = 4096  # characters of a description


@dataclass(frozen=True, slots=True)
class Told:
    """A machine's health report: `substatus` and `description` say why it is not ready."""

    ready: bool
    substatus: str = ""
    description: str = ""


class Reports:
    """Keeps the newest report of each machine that one is expected of, a file each below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told = Condition()

    def expect(self, vm_id: str) -> None:
        """Begin to expect a report; an earlier one counts for nothing."""
        with self._told:
            replace_text(self._file(vm_id), "{}\n", 0o600)

    def told(self, vm_id: str, told: Told) -> bool:
        """Take a machine's report; False, and nothing happens, if none is expected of it."""
        with self._told:
            if not self._file(vm_id).exists():
                return False
            short = Told(told.ready, told.substatus[:LONGEST], told.description[:LONGEST])
            replace_text(self._file(vm_id), json.dumps(asdict(short)) + "\n", 0o600)
            self._told.notify_all()
            return True

    def now(self, vm_id: str) -> Told | None:
        """Give what the machine told since it was expected to, or None."""
        try:
            found = json.loads(self._file(vm_id).read_text("utf-8"))
        except FileNotFoundError:
            return None
        return Told(**found) if found else None

    def wait(self, vm_id: str, limit_s: float) -> Told:
        """Wait until the machine has told; raises TimeoutError after `limit_s` seconds."""
        until = monotonic() + limit_s
        with self._told:
            while (found := self.now(vm_id)) is None:
                if not self._told.wait(max(until - monotonic(), 0)) and monotonic() >= until:
                    raise TimeoutError(f"the machine {vm_id} has reported nothing for {limit_s:g} s")
            return found

    def forget(self, vm_id: str) -> None:
        """Expect nothing more of a machine; a second call is fine."""
        self._file(vm_id).unlink(missing_ok=True)

    def _file(self, vm_id: str) -> Path:
        return self._folder / f"{vm_id.lower()}.json"
