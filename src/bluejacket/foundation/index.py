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
from bluejacket.foundation.debian.version import rpm_key
from bluejacket.foundation.metadata import Package
from bluejacket.foundation.sources import Key, Use


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
class SourceList:
    """A suite's list of source packages, as its signed index describes it; `size` in bytes."""

    archive: str
    suite: str
    urls: tuple[str, ...]
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Index:
    """A converted index: `folder` holds `index.solv` and `packages.sqlite`."""

    folder: Path
    records: tuple[IndexRecord, ...]
    key: str
    source_lists: tuple[SourceList, ...] = ()

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

    def built_using(self, packages: Iterable[Package]) -> list[tuple[str, Use, Key]]:
        """Give (binary, use, source) for each source of which parts are in, besides the package's own."""
        found: list[tuple[str, Use, Key]] = []
        with sqlite3.connect(self.folder / "packages.sqlite") as database:
            for package in packages:
                query = (
                    "SELECT field, source, version FROM built_using WHERE name = ? AND evr = ? AND arch = ?"
                )
                rows = database.execute(query, (package.name, package.evr, package.arch)).fetchall()
                found += [(package.name, Use(field), (name, version)) for field, name, version in rows]
        return found

    def newest(self, names: Iterable[str]) -> dict[str, Package]:
        """Give the newest version of each of these packages that is there, by name."""
        found: dict[str, Package] = {}
        fields_ = [f.name for f in fields(Package)]
        with sqlite3.connect(self.folder / "packages.sqlite") as database:
            for name in names:
                rows = database.execute("SELECT json FROM package WHERE name = ?", (name,)).fetchall()
                packages = [_package(text, fields_) for (text,) in rows]
                if packages:
                    found[name] = max(packages, key=lambda package: rpm_key(package.evr))
        return found

    def known(self, keys: Iterable[tuple[str, str, str]]) -> frozenset[tuple[str, str, str]]:
        """Give those of these (name, evr, arch) that are there."""
        query = "SELECT 1 FROM package WHERE name = ? AND evr = ? AND arch = ?"
        with sqlite3.connect(self.folder / "packages.sqlite") as database:
            return frozenset(key for key in keys if database.execute(query, key).fetchone())

    def look_up(self, wanted: Iterable[tuple[str, str, str]]) -> Sequence[Package]:
        """Give the packages of these (name, evr, arch), in that order."""
        found: list[Package] = []
        names = [f.name for f in fields(Package)]
        with sqlite3.connect(self.folder / "packages.sqlite") as database:
            for key in wanted:
                query = "SELECT json FROM package WHERE name = ? AND evr = ? AND arch = ?"
                (text,) = database.execute(query, key).fetchone()
                found.append(_package(text, names))
        return found


def _package(text: str, names: Sequence[str]) -> Package:
    values: list[Any] = [tuple(v) if isinstance(v, list) else v for v in json.loads(text)]
    return Package(**dict(zip(names, values, strict=True)))
