"""Notes: what a later run may use to be quick, and can do without; one may be lost or stale at any time."""

from __future__ import annotations

import os
from pathlib import Path

from bluejacket.store.files import disk_faults


class Notes:
    """A folder of small texts by name. They are not synced: a power cut may take one, or leave half of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> str:
        """Give a note as it was written last; nothing for one that is not there or cannot be read."""
        try:
            return (self._folder / name).read_text("utf-8")
        except (OSError, UnicodeError):
            return ""

    def write(self, name: str, text: str) -> None:
        """Replace a note; whoever reads meanwhile has the old one or the new."""
        with disk_faults(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            part = self._folder / f".part-{os.getpid()}-{name}"
            part.write_text(text, "utf-8")
            part.replace(self._folder / name)

    def forget(self) -> None:
        """Remove all notes."""
        for file in self._folder.glob("*"):
            file.unlink(missing_ok=True)
