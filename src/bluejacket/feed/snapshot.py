"""A snapshot: a feed as it was on one day, which never changes again, and what is written down about it.

Its folder `snapshots/ID/` holds `repodata/`, `advisories.json`, `advisories/`, `sources.json` with its
signature, and the record `snapshot.json`; its packages lie where `pool.json` beside `snapshots/` says, and
in one `pool/` there, with those of all snapshots of a release, once published.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, get_type_hints

from pydantic import ConfigDict, ValidationError, create_model, with_config

from bluejacket.definition import Release
from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.feed.advisory.model import Fixed
from bluejacket.feed.pool import in_pool
from bluejacket.feed.shards import pool_location
from bluejacket.foundation.sources import Source
from bluejacket.store import State

RECORD = "snapshot.json"
ADVISORIES = "advisories.json"
SOURCES = "sources.json"
BESIDE = (RECORD, ADVISORIES, SOURCES, "advisories/")  # what lies in a snapshot's folder beside its feed
ID = re.compile(r"(?P<day>[0-9]{8})\.(?P<number>[1-9][0-9]{0,5})")
_FORMAT: Literal[1] = 1
_STRICT = ConfigDict(extra="forbid", strict=True)
_JSON = json.JSONEncoder(ensure_ascii=False)  # `json.dumps` would make one a package
FIXED = attrgetter(*(field.name for field in fields(Fixed)))  # the values of `Fixed`, in their order


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class Upstream:
    """The archive's binary package that a package of ours was made from; `sha256` is that of its file."""

    archive: str
    name: str
    version: str
    sha256: str


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class Shipped(Fixed):
    """One package of a snapshot; `size` is that of its file, in bytes.

    `component` is empty for what merely belongs to the closure, `upstream` None for what is built here.
    `scripts` are the upstream's maintainer scripts that want a review: name and SHA-256.
    """

    size: int
    component: str = ""
    upstream: Upstream | None = None
    scripts: tuple[tuple[str, str], ...] = ()

    @property
    def alone(self) -> Fixed:
        """The package as an advisory names it."""
        return Fixed(*FIXED(self))


_NAMES = tuple(field.name for field in fields(Shipped))


@dataclass(frozen=True)
class Snapshot:
    """A snapshot as its record says it. `created` is in seconds since 1970, `parent` the id before it.

    `feed_key` names the step of the built feed that it was made from, `content` its set of packages
    (see `content_of`): feeds of equal content differ in their times alone.
    """

    folder: Path
    distribution: str
    release: str
    id: str
    created: int
    parent: str
    feed_key: str
    content: str
    repomd_sha256: str
    repomd_size: int
    packages: tuple[Shipped, ...]  # in the order of their file names
    sources: tuple[Source, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> Snapshot:
        """Read the record in a snapshot's folder. Raises OutsideError for one that cannot be read."""
        file = folder / RECORD
        try:
            text = file.read_text("utf-8")
            record = _Record.model_validate_json(text)
        except (OSError, ValueError) as error:
            what = f"is no record of a snapshot: {_in_a_line(error)}"
            way_out = "`bluejacket store verify` finds what is damaged"
            raise OutsideError(Fault(what, way_out, Place(file))) from error
        found = cls(folder=folder, **{name: value for name, value in record if name != "format"})
        found.__dict__["_words"] = _words_in(text, found.packages)
        return found

    def as_text(self) -> str:
        """Give the record as its file holds it: a package a line, so that a difference can be read."""
        head = {"format": _FORMAT} | {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in ("folder", "packages", "sources")
        }
        return json.dumps(head, indent=1)[:-2] + self._rows + "\n}\n"

    @cached_property
    def _rows(self) -> str:
        words = self._words
        packages = (words[id(p)][1] if id(p) in words else _JSON.encode(_table(p)) for p in self.packages)
        sources = (_JSON.encode(asdict(source)) for source in self.sources)
        text = ""
        for part, lines in (("packages", packages), ("sources", sources)):
            rows = ",\n".join(lines)
            text += f',\n "{part}": [\n{rows}\n ]'
        return text

    @cached_property
    def _words(self) -> Mapping[int, tuple[Shipped, str]]:
        """The packages whose rows are in words already, by the identity of the package."""
        return {}

    def worded_as(self, former: Snapshot | None) -> Snapshot:
        """Give the record itself, with words for those rows that are a former one's very objects."""
        if former is not None:
            self.__dict__["_words"] = former._words
        return self

    def indexed(self, repomd: bytes) -> Snapshot:
        """Give the record with what its repomd.xml is; thousands of rows are put into words only once."""
        done = replace(self, repomd_sha256=sha256(repomd).hexdigest(), repomd_size=len(repomd))
        done.__dict__["_rows"] = self._rows
        return done

    @property
    def when(self) -> str:
        """The time of its making in ISO 8601, UTC."""
        return datetime.fromtimestamp(self.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def size(self) -> int:
        """The bytes of its packages."""
        return sum(package.size for package in self.packages)

    @cached_property
    def by_filename(self) -> Mapping[str, Shipped]:
        """Its packages by the names of their files."""
        return {package.filename: package for package in self.packages}

    def sources_of(self, package: Shipped) -> tuple[Source, ...]:
        """Give the corresponding sources of one of its packages, as far as they are recorded."""
        return tuple(source for source in self.sources if package.name in source.of)

    @property
    def tree(self) -> Path:
        """The folder of its step: with that of its packages it is the tree that is published."""
        return self.folder.resolve().parents[1]

    def file_of(self, package: Shipped) -> Path:
        """Give the file of one of its packages."""
        return in_pool(self.tree, pool_location(package.filename, package.sha256))


# What the file of a record holds; pydantic makes thousands of rows in half the time that we take.
_FIELDS: dict[str, Any] = {n: (kind, ...) for n, kind in get_type_hints(Snapshot).items() if n != "folder"}
_Record = create_model("_Record", __config__=_STRICT, format=(Literal[1], ...), **_FIELDS)


def content_of(packages: Iterable[tuple[str, str]]) -> str:
    """Give one digest of a set of packages, each given as the SHA-256 and the name of its file."""
    lines = sorted(f"{digest}  {name}\n" for digest, name in packages)
    return sha256("".join(lines).encode()).hexdigest()


def order(snapshot_id: str) -> tuple[str, int]:
    """Give what sorts ids by age. Raises ValueError for what is none."""
    found = ID.fullmatch(snapshot_id)
    if found is None:
        raise ValueError(f"{snapshot_id!r} is no id of a snapshot")
    return found["day"], int(found["number"])


def ids_in(folder: Path) -> list[str]:
    """Give the ids of the snapshots that the links of a folder lead to (`State.snapshots`), oldest first."""
    names = (link.name for link in folder.iterdir()) if folder.is_dir() else ()
    return sorted((name for name in names if ID.fullmatch(name)), key=order)


def snapshots_in(folder: Path) -> list[Snapshot]:
    """Give the snapshots of `ids_in`. Raises OutsideError for one that cannot be read."""
    return [Snapshot.load(folder / name) for name in ids_in(folder)]


def snapshots(state: State, release: Release) -> list[Snapshot]:
    """Give a release's snapshots, oldest first. Raises OutsideError for one that cannot be read."""
    return snapshots_in(state.snapshots(release.distribution.id, release.version))


def _table(package: Shipped) -> dict[str, Any]:
    """Give what `asdict` gives, which looks at every value of every package for what it may hold."""
    row = {name: getattr(package, name) for name in _NAMES}
    return row | {"upstream": asdict(package.upstream) if package.upstream else None}


def _words_in(text: str, packages: Sequence[Shipped]) -> Mapping[int, tuple[Shipped, str]]:
    """Give the lines of a record with its packages, by their identity; none for another layout."""
    _, _, rest = text.partition('\n "packages": [\n')
    lines = rest.partition("\n ]")[0].split(",\n")
    if len(lines) != len(packages):
        return {}
    return {id(package): (package, line) for package, line in zip(packages, lines, strict=True)}


def _in_a_line(error: Exception) -> str:
    """Give the first of the mistakes in a record; one of another format is of another version."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    if first["loc"] == ("format",):
        return "it is of another version of Bluejacket"
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".lstrip(": ")
