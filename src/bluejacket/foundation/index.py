"""A foundation's verified index, ready to be solved and looked up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import solv

from bluejacket.foundation import solvfile
from bluejacket.foundation.metadata import Package


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """Which signed index was used; `tolerated` says what was wrong with it and accepted, or nothing."""

    archive: str
    suite: str
    sha256: str
    date: str  # ISO 8601, as signed
    signers: tuple[str, ...]
    tolerated: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """A converted index: `folder` holds `index.solv` and `packages.sqlite`."""

    folder: Path
    records: tuple[IndexRecord, ...]
    key: str

    def load(self, pool: solv.Pool) -> solv.Repo:
        """Add the packages to a pool."""
        return solvfile.load(pool, self.folder / "index.solv", "foundation")

    def favoured(self) -> frozenset[str]:
        """Give the names of packages that the upstream itself calls standard or more important."""
        with sqlite3.connect(self.folder / "packages.sqlite") as database:
            rows = database.execute(
                "SELECT name FROM package WHERE priority IN ('required', 'important', 'standard')"
            )
            return frozenset(name for (name,) in rows)

    def look_up(self, wanted: Iterable[tuple[str, str, str]]) -> Sequence[Package]:
        """Give the packages of these (name, evr, arch), in that order."""
        found: list[Package] = []
        names = [f.name for f in fields(Package)]
        with sqlite3.connect(self.folder / "packages.sqlite") as database:
            for key in wanted:
                query = "SELECT json FROM package WHERE name = ? AND evr = ? AND arch = ?"
                (text,) = database.execute(query, key).fetchone()
                values: list[Any] = [tuple(v) if isinstance(v, list) else v for v in json.loads(text)]
                found.append(Package(**dict(zip(names, values, strict=True))))
        return found
