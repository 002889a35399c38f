"""The source of a real package, found and fetched from a published feed alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bluejacket.definition import Release
from bluejacket.feed.channel import Move, move
from bluejacket.feed.sources import corresponding
from bluejacket.foundation.lock import Lock
from bluejacket.foundation.openpgp import Keyring, verify_detached
from bluejacket.foundation.sources import Source, Use
from bluejacket.store import State
from clouds import Place, folder
from debs import Member, Thing
from feeds import SIGNER
from publishing import publish_here
from snapshotted import NOON, Snapshots

PACKAGE = Thing("thing", "1-1", [Member("/usr/share/thing", b"thing")])


@pytest.fixture
def chosen(state: State, release: Release, lock: Lock) -> tuple[Source, Source]:
    """The smallest source of the lock that a binary was built from, and one of our own."""
    sources = corresponding(state, release, lock)
    small = min((s for s in sources if s.use is Use.SOURCE and not s.missing), key=lambda one: one.size)
    return small, next(one for one in sources if one.use is Use.OWN)


def fetch(place: Place, name: str) -> bytes:
    answer = httpx.get(f"{place.machines}/{name}", trust_env=False)
    answer.raise_for_status()
    return answer.content


def test_the_source_of_a_package_is_fetched_from_where_the_package_is(
    release: Release, state: State, lock: Lock, chosen: tuple[Source, Source], tmp_path: Path
) -> None:
    world = Snapshots(tmp_path / "world")
    world.release = replace(world.release, foundation=release.foundation, folder=release.folder)
    theirs, ours = chosen
    (file,) = ours.files
    blob = state.store.blob(file.sha256)
    assert blob is not None
    with world.state.store.part() as part:
        part.write(blob.read_bytes())
        part.commit(file.sha256)
    snapshot = world.take(PACKAGE, sources=chosen).snapshot
    move(world.state, world.release, "stable", snapshot, Move(snapshot.id, NOON, "promoted"))
    with folder(tmp_path / "site") as place:
        publish_here(world, place, sources=True)
        listed = f"snapshots/{snapshot.id}/sources.json"
        data = fetch(place, listed)
        keyring = Keyring.parse(SIGNER.certificate().encode("ascii"), "the feed's key")
        verify_detached(data, fetch(place, f"{listed}.asc"), keyring, "sources.json")
        rows = httpx.get(f"{place.machines}/{listed}", trust_env=False).json()["sources"]
        found = {
            one["location"].rpartition("/")[2]: fetch(place, one["path"])
            for row in rows
            for one in row["files"]
        }
        hashes = {one["location"].rpartition("/")[2]: one["sha256"] for row in rows for one in row["files"]}
    assert {name: hashlib.sha256(data).hexdigest() for name, data in found.items()} == hashes
    assert rows[0]["of"] == list(theirs.of)
    assert set(theirs.of) <= {entry.package.name for entry in lock.packages}
    (description,) = (data.decode() for name, data in found.items() if name.endswith(".dsc"))
    assert f"\nVersion: {theirs.version}\n" in description
    for name, digest in hashes.items():  # as the archive's own description has them
        if not name.endswith((".dsc", f"{ours.name}-{release.version}.tar")):
            assert f" {digest} " in description
