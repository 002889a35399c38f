"""What a snapshot's record says of its packages: what their own headers say, and what the lock knows."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from bluejacket.definition import Release
from bluejacket.errors import Fault, OutsideError
from bluejacket.feed.advisory.facts import Facts, facts_of
from bluejacket.feed.built import Built
from bluejacket.feed.compose import Table
from bluejacket.feed.snapshot import FIXED, Shipped, Snapshot, Upstream
from bluejacket.foundation.lock import Lock
from bluejacket.foundation.metadata import Package
from bluejacket.package.convert import NOTES
from bluejacket.package.made import Made
from bluejacket.package.scripts import Notes
from bluejacket.store import Store


def packages_of(store: Store, built: Built, kept: Collection[str] = ()) -> tuple[list[Made], dict[str, str]]:
    """Give the packages of a feed as their steps made them, and their SHA-256 by file name.

    Both are in the order of the file names. Raises OutsideError when the store has lost one; of those
    whose SHA-256 is among `kept` there is a copy, so that nobody looks for them.
    """
    table = Table.read(store, built.index)
    found = []
    for name, sha256, key in zip(*table, strict=True):
        rpm = store.place_of(key, name) if sha256 in kept else store.file_of(key, name)
        if rpm is None:
            what = f"the store has lost the step that made {name}"
            raise OutsideError(Fault(what, "`bluejacket store verify`, then build again"))
        found.append(Made(rpm, name.rsplit("-", 2)[0], key))
    return found, dict(zip(table.names, table.hashes, strict=True))


def facts_after(
    packages: Sequence[Made], hashes: Mapping[str, str], former: Sequence[Facts] | None
) -> list[Facts]:
    """Give the packages' facts; only what the predecessor has not is read, and with its changelog.

    `former` are the predecessor's, if there is one; what both have is the very same object.
    """
    known = {facts.package.sha256: facts for facts in former or ()}
    return [
        same
        if (same := known.get(hashes[name])) and same.package.filename == name
        else facts_of(made, changes=former is not None)
        for name, made in zip(hashes, packages, strict=True)
    ]


def rows_of(
    release: Release, lock: Lock, packages: Sequence[Made], facts: Sequence[Facts], parent: Snapshot | None
) -> tuple[Shipped, ...]:
    """Give the rows of a record for `packages`, whose `facts` stand in the same order.

    The scripts of those that the predecessor has as well are taken from there, and a row that would be the
    same is its very object.
    """
    known = {package.sha256: package for package in parent.packages} if parent else {}
    locked = {one.package.name: one.package for one in reversed(lock.packages)}
    wanted, built = _components(release)
    found = []
    for made, one in zip(packages, facts, strict=True):
        fixed = one.package
        former, package = known.get(fixed.sha256), locked.get(fixed.name)
        component = wanted.get(fixed.name) or built.get(fixed.source) or ""
        upstream = _upstream(package) if package and package.evr == fixed.evr else None
        if former is fixed and former.component == component and former.upstream == upstream:
            found.append(former)
            continue
        size, scripts = (former.size, former.scripts) if former else (made.rpm.stat().st_size, _scripts(made))
        values = (*FIXED(fixed), size, component, upstream, scripts)
        found.append(Shipped(*values))
    return tuple(found)


def _scripts(made: Made) -> tuple[tuple[str, str], ...]:
    """Give the scripts that want a review; a package built from a spec has no notes of any."""
    file = made.rpm.with_name(NOTES)
    if not file.is_file():
        return ()
    notes = Notes.from_json(json.loads(file.read_text("utf-8")))
    return tuple((note.name, note.sha256) for note in notes.scripts if note.needs_review)


def _upstream(package: Package) -> Upstream:
    return Upstream(package.archive, package.upstream_name, package.upstream_version, package.sha256)


def _components(release: Release) -> tuple[dict[str, str], dict[str, str]]:
    """Give the first component that wants each package, by name, and all components by their own names."""
    wanted = {name: c.name for c in reversed(release.components) for name in c.wanted}
    return wanted, {c.name: c.name for c in release.components}
