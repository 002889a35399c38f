"""A Debian package index as RPM metadata: one pass over `Packages`, one shape for every solver."""

from __future__ import annotations

import json
import lzma
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation import solvfile
from bluejacket.foundation.debian.built_using import built_using
from bluejacket.foundation.debian.control import Stanza, stanzas
from bluejacket.foundation.debian.relations import Mapped, Mapper, Parsed, parse
from bluejacket.foundation.debian.version import to_evr
from bluejacket.foundation.metadata import Package
from bluejacket.foundation.primary import write_primary

ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64", "all": "noarch"}
_values = attrgetter(*(f.name for f in fields(Package)))
FAVOURED = ("required", "important", "standard")


class IndexFile(NamedTuple):
    """One verified `Packages` file (xz) and the archive and suite that it belongs to."""

    archive: str
    suite: str
    file: Path


def convert_index(files: Sequence[IndexFile], into: Path) -> None:
    """Write `primary.xml`, `index.solv`, `packages.sqlite` and `rewritten.json` for `files`.

    Raises OutsideError for an index that is not what Debian Policy describes.
    """
    parsed = [(origin, stanza, parse(stanza)) for origin, stanza in read_index(files)]
    mapper = Mapper((stanza, relations) for _, stanza, relations in parsed)
    packages = _Table(into / "packages.sqlite")
    with packages, write_primary(into / "primary.xml", len(parsed)) as primary:
        for origin, stanza, relations in parsed:
            package = _package(origin, stanza, relations, mapper)
            primary.add(package)
            packages.add(package)
            packages.add_parts(package, built_using(stanza))
    (into / "rewritten.json").write_text(json.dumps([r._asdict() for r in mapper.rewritten], indent=1))
    solvfile.compile_primary(into / "primary.xml", into / "index.solv")


def read_index(files: Sequence[IndexFile]) -> Iterator[tuple[IndexFile, Stanza]]:
    """Give every stanza of `files`. Raises OutsideError for a file that cannot be read."""
    for origin in files:
        try:
            with lzma.open(origin.file, "rt", encoding="utf-8") as stream:
                text = stream.read()
        except (lzma.LZMAError, UnicodeDecodeError, EOFError) as error:
            raise OutsideError(Fault(f"the index of {origin.suite} cannot be read: {error}")) from error
        for stanza in stanzas(text):
            yield origin, stanza


def _package(origin: IndexFile, stanza: Stanza, relations: Parsed, mapper: Mapper) -> Package:
    mapped: Mapped = mapper.map(stanza, relations)
    source, _, source_version = stanza.get("source", "").partition(" ")
    summary, _, description = stanza.get("description", "").partition("\n")
    try:
        return Package(
            name=stanza["package"],
            evr=to_evr(stanza["version"]),
            arch=ARCHITECTURES[stanza["architecture"]],
            upstream_name=stanza["package"],
            upstream_version=stanza["version"],
            source=source or stanza["package"],
            source_version=source_version.strip("()") or stanza["version"],
            section=stanza.get("section", "misc"),
            priority=stanza.get("priority", "optional"),
            summary=summary,
            description=description,
            url=stanza.get("homepage", ""),
            archive=origin.archive,
            location=stanza["filename"],
            size=int(stanza["size"]),
            installed_size=int(stanza.get("installed-size", "0")) * 1024,
            sha256=stanza["sha256"],
            provides=tuple(map(str, mapped.provides)),
            requires=tuple(map(str, mapped.requires)),
            requires_pre=tuple(map(str, mapped.requires_pre)),
            conflicts=tuple(map(str, mapped.conflicts)),
            recommends=tuple(map(str, mapped.recommends)),
            suggests=tuple(map(str, mapped.suggests)),
        )
    except (KeyError, ValueError) as error:
        raise OutsideError(
            Fault(f"the index of {origin.suite} describes {stanza.get('package', '?')} without {error}")
        ) from error


class _Table:
    """The packages by name, epoch-version-release and architecture, for what a solver found."""

    def __init__(self, file: Path) -> None:
        self._database = sqlite3.connect(file)

    def __enter__(self) -> None:
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute(
            "CREATE TABLE package (name TEXT, evr TEXT, arch TEXT, priority TEXT, json TEXT)"
        )
        self._database.execute(
            "CREATE TABLE built_using (name TEXT, evr TEXT, arch TEXT, field TEXT, source TEXT, version TEXT)"
        )

    def add_parts(self, package: Package, parts: Iterable[tuple[str, str, str]]) -> None:
        rows = [(package.name, package.evr, package.arch, *part) for part in parts]
        self._database.executemany("INSERT INTO built_using VALUES (?, ?, ?, ?, ?, ?)", rows)

    def add(self, package: Package) -> None:
        row = (package.name, package.evr, package.arch, package.priority, json.dumps(_values(package)))
        self._database.execute("INSERT INTO package VALUES (?, ?, ?, ?, ?)", row)

    def __exit__(self, *_: object) -> None:
        self._database.execute("CREATE INDEX by_name ON package (name)")
        self._database.execute("CREATE INDEX by_binary ON built_using (name)")
        self._database.execute("CREATE INDEX by_priority ON package (priority)")
        self._database.commit()
        self._database.close()
