"""A package that was made: all that composing a feed asks of one, which brings in none of what makes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bluejacket.foundation.metadata import Package
    from bluejacket.package.scripts import Notes


@dataclass(frozen=True, slots=True)
class Made:
    """A signed RPM of ours: its file (with its description beside it), and the key of its step.

    `notes` tells of its upstream's maintainer scripts; a package built from a spec has none.
    """

    rpm: Path
    name: str
    key: str
    package: Package | None = None
    notes: Notes | None = None
