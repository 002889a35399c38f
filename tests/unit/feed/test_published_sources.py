"""The corresponding source of published packages: a signed list in each snapshot, and files beside them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bluejacket.definition.release import Retention
from bluejacket.errors import OutsideError
from bluejacket.feed.channel import Move, move
from bluejacket.feed.snapshot import Snapshot
from bluejacket.foundation.openpgp import Keyring, verify_detached
from bluejacket.foundation.sources import Source, SourceFile, Use
from bluejacket.store import State
from clouds import Place
from debs import Member, Thing
from feeds import SIGNER
from publishing import publish_here
from snapshotted import DAY, NOON, Snapshots

OURS, THEIRS, NEWER = b"the source of ours", b"the source of theirs", b"the newer source of ours"
LOST = Source("lost", "1", Use.SOURCE, ("lost",))


def thing(number: int) -> Thing:
    return Thing("thing", f"{number}-1", [Member("/usr/share/thing", str(number).encode())])


def source(state: State, name: str, content: bytes, archive: str = "") -> Source:
    """Give a source of one file, which the store has."""
    with state.store.part() as part:
        part.write(content)
        part.commit(digest := part.sha256)
    file = SourceFile(f"pool/{name}.tar", len(content), digest)
    return Source(name, "1:1~a+b", Use.SOURCE if archive else Use.OWN, (name,), archive, (file,))


def location(content: bytes, name: str) -> str:
    return f"sources/{hashlib.sha256(content).hexdigest()[:16]}/{name}.tar"


@pytest.fixture
def world(tmp_path: Path) -> Snapshots:
    found = Snapshots(tmp_path / "world")
    for number, content in ((1, OURS), (2, NEWER)):
        ours, theirs = source(found.state, "ours", content), source(found.state, "theirs", THEIRS, "debian")
        snapshot = found.take(thing(number), now=NOON + number * DAY, sources=(ours, theirs, LOST)).snapshot
        move(found.state, found.release, "stable", snapshot, Move(snapshot.id, NOON, "promoted"))
    return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "site"), "https://feed.example/1")


def mirrored(place: Place) -> dict[str, bytes]:
    root = Path(place.ours)
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.glob("sources/*/*")}


def newest(world: Snapshots) -> Snapshot:
    return Snapshot.load(world.state.snapshot_link(world.release.distribution.id, "1", "20260926.1"))


def test_a_snapshot_s_list_is_signed_and_says_where_each_file_is(world: Snapshots, place: Place) -> None:
    publish_here(world, place)
    file = Path(place.ours, "snapshots/20260926.1/sources.json")
    keyring = Keyring.parse(SIGNER.certificate().encode("ascii"), "the feed's key")
    verify_detached(file.read_bytes(), Path(f"{file}.asc").read_bytes(), keyring, "sources.json")
    ours, theirs, lost = json.loads(file.read_text())["sources"]
    assert (ours["name"], ours["version"], ours["use"], ours["of"]) == ("ours", "1:1~a+b", "own", ["ours"])
    assert ours["files"] == [
        {
            "path": location(NEWER, "ours"),
            "location": "pool/ours.tar",
            "size": len(NEWER),
            "sha256": hashlib.sha256(NEWER).hexdigest(),
        }
    ]
    assert (theirs["archive"], theirs["missing"], lost["missing"], lost["files"]) == (
        "debian",
        False,
        True,
        [],
    )


def test_our_own_sources_are_always_there_and_others_on_request(world: Snapshots, place: Place) -> None:
    """Also those of older snapshots, whose file may have the same name; what was mirrored once stays."""
    publish_here(world, place)
    own = {location(OURS, "ours"): OURS, location(NEWER, "ours"): NEWER}
    assert mirrored(place) == own
    whole = own | {location(THEIRS, "theirs"): THEIRS}
    assert publish_here(world, place, sources=True).sent == 1
    assert mirrored(place) == whole
    assert publish_here(world, place, prune=True).removed == 0
    world.release = replace(world.release, retention=Retention(keep_days=0, keep_last=1))
    world.state.snapshot_link(world.release.distribution.id, "1", "20260925.1").unlink()
    publish_here(world, place, prune=True)
    assert mirrored(place) == {path: data for path, data in whole.items() if data != OURS}


def test_a_harmed_list_is_not_published(world: Snapshots, place: Place) -> None:
    file = newest(world).folder.resolve() / "sources.json"
    text = file.read_text()
    file.unlink()
    file.write_text(text.replace("1:1~a+b", "1:1~a+c"))
    with pytest.raises(OutsideError, match=r"sources\.json is not as it was written"):
        publish_here(world, place)


def lose(world: Snapshots, content: bytes) -> None:
    blob = world.state.store.blob(hashlib.sha256(content).hexdigest())
    assert blob is not None
    blob.unlink()


def test_a_source_of_our_own_that_the_store_has_lost_is_named(world: Snapshots, place: Place) -> None:
    lose(world, THEIRS)
    publish_here(world, place)  # nobody asked for that one
    before = mirrored(place)
    lose(world, OURS)
    with pytest.raises(OutsideError, match=r"has lost ours\.tar, the source of published packages"):
        publish_here(world, place)
    assert mirrored(place) == before


def test_a_laptop_serves_what_the_store_has(world: Snapshots, client: httpx.Client) -> None:
    listed = client.get("snapshots/20260926.1/sources.json").json()["sources"]
    for row, content in zip(listed, (NEWER, THEIRS), strict=False):
        assert client.get(row["files"][0]["path"]).content == content
    assert client.get("snapshots/20260926.1/sources.json.asc").text.startswith("-----BEGIN PGP SIGNATURE")
    assert client.get(location(OURS, "ours")).content == OURS
    lose(world, THEIRS)
    for path in (location(THEIRS, "theirs"), "sources", "sources/0000000000000000/ours.tar"):
        assert client.get(path).status_code == 404
