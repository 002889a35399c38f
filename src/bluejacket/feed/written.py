"""The files of a snapshot's folder against what the store wrote down of them as it was made.

A signature answers for packages, metadata and documents of CSAF. Pages, lists and the record have none, and
people and the next snapshot believe them as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.feed.snapshot import BESIDE, Snapshot
from bluejacket.feed.verify import Verdict, verify_feed
from bluejacket.store import Store


def written(store: Store, snapshot: Snapshot) -> dict[str, str]:
    """Give the SHA-256 of each file in a snapshot's folder as it was written, by path below the folder.

    Raises OutsideError when the store has no record of it.
    """
    below = f"snapshots/{snapshot.id}/"
    hashes = store.hashes_of(snapshot.tree.parent.name)
    return {path.removeprefix(below): one for path, one in hashes.items() if path.startswith(below)}


def harmed(store: Store, snapshot: Snapshot) -> Iterator[str]:
    """Name each file in a snapshot's folder that was changed, removed or added since."""
    hashes, folder = written(store, snapshot), snapshot.folder.resolve()
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if not p.is_dir()}
    for path in sorted(hashes.keys() | there.keys()):
        if path not in there:
            yield f"{path} is missing"
        elif path not in hashes:
            yield f"{path} was not written with it"
        elif hashlib.sha256(there[path].read_bytes()).hexdigest() != hashes[path]:
            yield f"{path} is not as it was written"


def verify_snapshot(store: Store, snapshot: Snapshot, certificate: str) -> Verdict:
    """Check a snapshot's signatures, hashes and completeness as `verify_feed` does, and all other files."""
    verdict = verify_feed(snapshot.folder.resolve(), certificate, BESIDE)
    return replace(verdict, faults=(*verdict.faults, *harmed(store, snapshot)))


def refuse_harmed(store: Store, snapshot: Snapshot) -> None:
    """Raise OutsideError with what was done to a snapshot's folder, if anything was."""
    if faults := list(harmed(store, snapshot)):
        way_out = "restore it from a copy or a mirror; `bluejacket store verify` tells all that is damaged"
        raise OutsideError(*(Fault(fault, way_out, Place(snapshot.folder)) for fault in faults))
