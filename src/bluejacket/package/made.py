"""A package that was made: all that composing a feed asks of one, which brings in none of what makes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bluejacket.foundation.metadata import Package
    from bluejacket.package.scripts import Notes


class Made(NamedTuple):
    """A signed RPM of ours: its file (with its description beside it), and the key of its step.

    The file is a path in words, as there are thousands and few are opened.

    `notes` tells of its upstream's maintainer scripts; a package built from a spec has none.
    """

    path: str
    name: str
    key: str
    package: Package | None = None
    notes: Notes | None = None

    @property
    def rpm(self) -> Path:
        """The file."""
        return Path(self.path)

    @property
    def filename(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]
