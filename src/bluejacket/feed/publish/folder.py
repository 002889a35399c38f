"""A folder as a target: a file is written under another name, synced, and renamed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from bluejacket.errors import Fault, OutsideError
from bluejacket.feed.publish.target import There
from bluejacket.store.files import sync_folder

_PART = ".part-"
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder `root`, made when something is written; see `Target` for what the methods do."""

    root: Path

    @property
    def url(self) -> str:
        """The folder as an address."""
        return self.root.as_uri()

    def listing(self, below: str) -> dict[str, There]:
        """Give all files below a folder, by path."""
        found = {}
        for base, _, names in os.walk(self.root / below):
            for name in names:
                file = Path(base, name)
                if not name.startswith(_PART):
                    with suppress(FileNotFoundError):  # another publisher's, gone meanwhile
                        found[file.relative_to(self.root).as_posix()] = There(file.stat().st_size)
        return found

    def read(self, path: str) -> bytes:
        """Give a file's content."""
        return (self.root / path).read_bytes()

    def put(self, path: str, content: Path | bytes, *, immutable: bool = False) -> None:
        """Write or replace a file."""
        final = self.root / path
        with self._written(final, content) as part:
            part.replace(final)
            sync_folder(final.parent)

    def create(self, path: str, data: bytes) -> bool:
        """Write a file unless there is one."""
        final = self.root / path
        with self._written(final, data) as part:
            try:
                final.hardlink_to(part)
            except FileExistsError:
                return False
            sync_folder(final.parent)
        return True

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that it leaves empty."""
        file = self.root / path
        file.unlink(missing_ok=True)
        for folder in file.parents:
            if folder == self.root:
                break
            try:
                folder.rmdir()
            except OSError:
                break  # something else is in it

    def sweep(self, below: str) -> None:
        """Remove half written files."""
        for part in (self.root / below).rglob(f"{_PART}*"):
            part.unlink(missing_ok=True)

    @contextmanager
    def _written(self, final: Path, content: Path | bytes) -> Iterator[Path]:
        """Give a durable file with this content beside `final`; it is gone afterwards."""
        with self._disk_faults():
            self._make(final.parent)
            with NamedTemporaryFile(dir=final.parent, prefix=_PART, delete=False) as out:
                part = Path(out.name)
                try:
                    if isinstance(content, bytes):
                        out.write(content)
                    else:
                        with content.open("rb") as source:
                            shutil.copyfileobj(source, out, 1 << 20)
                    out.flush()
                    os.fchmod(out.fileno(), 0o644)  # whatever the umask
                    os.fsync(out.fileno())
                    yield part
                finally:
                    part.unlink(missing_ok=True)

    @contextmanager
    def _disk_faults(self) -> Iterator[None]:
        """Turn a full or read-only disk into one sentence; the store's words for it do not fit here."""
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                way_out = "free some room there; what was sent is kept: the same command goes on from there"
                raise OutsideError(Fault(f"the disk that holds {self.root} is full", way_out)) from error
            if error.errno == errno.EROFS:
                what = f"{self.root} is on a file system that cannot be written"
                raise OutsideError(Fault(what, "mount it for writing, or publish elsewhere")) from error
            raise

    def _make(self, folder: Path) -> None:
        """Make a folder and those above it, durably."""
        if folder.is_dir():
            return
        self._make(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o755)
        sync_folder(folder.parent)
