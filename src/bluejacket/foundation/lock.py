"""The lock of a release: every input by version and hash, and why it is in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from bluejacket.definition import Overlay, Release
from bluejacket.errors import Fault, Place, UserError
from bluejacket.foundation.index import IndexRecord
from bluejacket.foundation.metadata import Package
from bluejacket.foundation.solve import Cause
from bluejacket.foundation.sources import Source, SourceFile, Use
from bluejacket.store.files import replace_text

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Locked:
    """One pinned package; `causes` says what needs it (a cause by nobody is the release itself)."""

    package: Package
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Lock:
    """All that a release's build takes from its foundation.

    `epoch` (seconds since 1970) dates everything made from it: the newest index's date.
    `asked` is the digest of the definitions that were solved. `materials` are what own packages are
    built from, without what these need to run. `left_out` are suites (or repositories) of the foundation
    that this lock was made without, although the definitions name them. `sources` are the corresponding
    source of packages and materials.
    """

    release: str
    foundation: str
    asked: str
    epoch: int
    indexes: tuple[IndexRecord, ...]
    packages: tuple[Locked, ...]
    tools: tuple[Locked, ...]
    materials: tuple[Locked, ...] = ()
    left_out: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def tolerated(self) -> tuple[str, ...]:
        """What was wrong with the indexes, or missing on purpose, and accepted; every report repeats it."""
        without = (
            f"release {self.release} is locked without {name}, which {self.foundation} has; "
            f"`bluejacket lock {self.release}` takes it again"
            for name in self.left_out
        )
        return (*(record.tolerated for record in self.indexes if record.tolerated), *without)

    def find(self, name: str) -> Locked | None:
        """Give the feed's package of this name."""
        return next((locked for locked in self.packages if locked.package.name == name), None)


def asked_by(release: Release) -> str:
    """Give the digest of what a release asks of its foundation."""
    question = {
        "foundation": release.foundation.model_dump(mode="json"),
        "components": [(c.name, c.kind, c.wanted, c.provides) for c in release.components],
        "exclude": release.exclude,
        "recommends": release.recommends,
        "tools": (release.tools_release, release.tools.packages, release.tools.exclude),
        "overlays": list(filter(None, map(_relations, release.overlays.values()))),
    }
    if materials := _materials(release):
        question["materials"] = materials
    return hashlib.sha256(json.dumps(question, sort_keys=True, default=str).encode()).hexdigest()


def _materials(release: Release) -> list[tuple[str, tuple[str, ...]]]:
    return [(c.name, c.build_from) for c in release.components if c.build_from]


def _relations(overlay: Overlay) -> dict[str, Any]:
    """Give what an overlay changes of its package's relations, and the name; nothing if it changes none."""
    parts = ("requires", "provides", "conflicts", "obsoletes", "recommends")
    changed = {k: v for k, v in overlay.model_dump(mode="json").items() if k.endswith(parts) and v}
    return {"package": overlay.package, **changed} if changed else {}


def lock_file(release: Release) -> Path:
    """Give the place of a release's lock."""
    return release.folder / "locks" / f"{release.version}.json"


def write_lock(lock: Lock, file: Path) -> None:
    """Write the lock, one package a line, so that a difference can be read."""
    head = {"format": FORMAT} | {
        name: getattr(lock, name) for name in ("release", "foundation", "asked", "epoch")
    }
    if lock.left_out:
        head["left_out"] = lock.left_out
    head["indexes"] = [asdict(record) for record in lock.indexes]
    text = json.dumps(head, indent=1)[:-2]
    for part in ("packages", "tools", "materials"):
        if part == "materials" and not lock.materials:
            continue
        rows = [_row(locked) for locked in getattr(lock, part)]
        text += f',\n "{part}": [\n' + ",\n".join(rows) + "\n ]"
    if lock.sources:
        rows = [json.dumps(_source_row(source)) for source in lock.sources]
        text += ',\n "sources": [\n' + ",\n".join(rows) + "\n ]"
    replace_text(file, text + "\n}\n")


def _source_row(source: Source) -> dict[str, Any]:
    files = [[file.location, file.size, file.sha256] for file in source.files]
    row = {"name": source.name, "version": source.version, "use": source.use, "of": source.of}
    return row | ({"archive": source.archive, "files": files} if files else {})


def _source(row: dict[str, Any]) -> Source:
    files = tuple(SourceFile(*file) for file in row.pop("files", ()))
    return Source(**row | {"use": Use(row["use"]), "of": tuple(row["of"])}, files=files)


def _row(locked: Locked) -> str:
    package = {k: v for k, v in asdict(locked.package).items() if v not in ("", ())}
    package["causes"] = [[cause.by, cause.relation] for cause in locked.causes]
    return json.dumps(package, ensure_ascii=False)


def read_lock(release: Release, *, current: bool = True) -> Lock:
    """Read a release's lock.

    Raises UserError when there is none, when it cannot be read, and, if it has to be `current`,
    when the definitions ask for something else by now.
    """
    file = lock_file(release)
    renew = f"`bluejacket lock {release.version}` makes a new one"
    if not file.exists():
        raise UserError(Fault(f"release {release.version} has no lock", renew, Place(file)))
    lock = read_lock_file(file, renew)
    if current and lock.asked != asked_by(release):
        raise UserError(
            Fault(
                f"the definitions of release {release.version} ask for something else than its lock holds",
                f"`bluejacket lock {release.version}` brings it up to date",
                Place(file),
            )
        )
    return lock


def read_lock_file(file: Path, way_out: str = "`bluejacket lock` writes locks") -> Lock:
    """Read a lock wherever it lies. Raises UserError, with this way out, when it cannot be read."""
    try:
        return _parsed(file.read_bytes())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(Fault(f"the lock cannot be read: {error}", way_out, Place(file))) from error


@lru_cache(maxsize=4)  # a command asks for the same lock several times
def _parsed(text: bytes) -> Lock:
    table = json.loads(text)
    if table["format"] != FORMAT:
        raise ValueError(f"format {table['format']}, where {FORMAT} is understood")
    return Lock(
        **{name: table[name] for name in ("release", "foundation", "asked", "epoch")},
        indexes=tuple(IndexRecord(**_frozen(r)) for r in table["indexes"]),
        packages=_locked(table["packages"]),
        tools=_locked(table["tools"]),
        materials=_locked(table.get("materials", ())),
        left_out=tuple(table.get("left_out", ())),
        sources=tuple(map(_source, table.get("sources", ()))),
    )


def _locked(rows: Sequence[dict[str, Any]]) -> tuple[Locked, ...]:
    names = {f.name for f in fields(Package)}
    found = []
    for row in rows:
        causes = tuple(Cause(*cause) for cause in row.pop("causes"))
        values = dict.fromkeys(("section", "priority", "summary", "description", "url"), "") | _frozen(row)
        found.append(Locked(Package(**{k: v for k, v in values.items() if k in names}), causes))
    return tuple(found)


def _frozen(row: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}


def epoch_of(records: Sequence[IndexRecord]) -> int:
    """Give the time of the newest index, in seconds since 1970."""
    return max(int(datetime.fromisoformat(record.date).timestamp()) for record in records)


def chains(locked: Sequence[Locked], name: str) -> list[list[Cause]]:
    """Give the ways from what the release wants to the package `name`, shortest first.

    Each is a list of causes from the root on; the last cause's relation is what `name` fulfils.
    One way is given for each package that needs it directly.
    """
    by_name = {entry.package.name: entry for entry in locked}
    shortest: dict[str, list[Cause]] = {}
    ring = [name_ for name_, entry in by_name.items() if any(not c.by for c in entry.causes)]
    for root in ring:
        shortest[root] = [next(c for c in by_name[root].causes if not c.by)]
    needed_by: dict[str, list[tuple[str, Cause]]] = {}
    for entry in locked:
        for cause in entry.causes:
            if cause.by:
                needed_by.setdefault(cause.by, []).append((entry.package.name, cause))
    while ring:
        following = []
        for here in ring:
            for there, cause in needed_by.get(here, ()):
                if there not in shortest:
                    shortest[there] = [*shortest[here], cause]
                    following.append(there)
        ring = following
    ways = []
    for cause in by_name[name].causes:
        if not cause.by:
            ways.append([cause])
        elif cause.by in shortest and name not in {c.by for c in shortest[cause.by]}:
            ways.append([*shortest[cause.by], cause])
    return sorted(ways, key=len)
