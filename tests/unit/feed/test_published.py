"""The published tree: its order, and the same files from a server that has no tree."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from bluejacket.feed.channel import Move, move
from bluejacket.feed.published import Stage, published
from bluejacket.feed.snapshot import RECORD, Snapshot
from bluejacket.foundation.rpmmd.metalink import parse_metalink
from debs import Member, Thing
from snapshotted import DAY, NOON, Snapshots

ADDRESS = "https://feed.example/1"
SAME = Thing("same", "1-1", [Member("/usr/share/same", b"same")])


def thing(number: int) -> Thing:
    return Thing("thing", f"{number}-1", [Member("/usr/share/thing", str(number).encode())])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    found = Snapshots(tmp_path_factory.mktemp("world"))
    for number in (1, 2):
        snapshot = found.take(thing(number), SAME, now=NOON + number * DAY).snapshot
        point(found, "preview" if number == 2 else "stable", snapshot)
    return found


def point(world: Snapshots, name: str, snapshot: Snapshot) -> None:
    move(world.state, world.release, name, snapshot, Move(snapshot.id, NOON, "promoted"))


def test_packages_come_once_and_channels_last(world: Snapshots) -> None:
    items = list(published(world.state, world.release, [ADDRESS]))
    paths = [item.path for item in items]
    assert len(set(paths)) == len(paths)
    assert [item.stage for item in items] == sorted((item.stage for item in items), key=list(Stage).index)
    assert len([path for path in paths if path.startswith("pool/")]) == 3  # `same` is shared
    for snapshot in ("20260925.1", "20260926.1"):
        metadata = [path for path in paths if path.startswith(f"snapshots/{snapshot}/")]
        assert metadata[-1] == f"snapshots/{snapshot}/repodata/repomd.xml"
    assert paths[-2:] == ["channels/preview.metalink", "channels/stable.metalink"]
    assert [item.path for item in items if not item.immutable][-2:] == paths[-2:]
    assert all(item.immutable for item in items if item.stage in (Stage.PACKAGES, Stage.SNAPSHOTS))
    link = items[-1].content
    assert isinstance(link, bytes)
    assert parse_metalink(link, "stable").bases == (f"{ADDRESS}/snapshots/20260925.1/",)


def test_the_server_gives_what_would_be_published(world: Snapshots, client: httpx.Client) -> None:
    address = str(client.base_url)
    for item in published(world.state, world.release, [address]):
        content = item.content if isinstance(item.content, bytes) else item.content.read_bytes()
        answer = client.get(item.path)
        assert (answer.status_code, answer.content) == (200, content), item.path
    part = client.get("channels/stable.metalink", headers={"Range": "bytes=0-4"})
    assert (part.status_code, part.content) == (206, b"<?xml")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "channels",
        "channels/beta.metalink",
        f"snapshots/20260925.1/{RECORD}",
        "snapshots/20260925.1",
        "snapshots/20990101.1/repodata/repomd.xml",
        "snapshots/20260925.1/repodata/%2e%2e/advisories.json",
        "snapshots/%2e%2e/.lock",
        "snapshots/.lock",
        "advisories/%2e%2e/snapshot.json",
        "pool",
        "pool/%2e%2e/snapshots/20260925.1/snapshot.json",
        "pool/0000000000000000/thing-1-1.noarch.rpm",
        "keys/example.key",
        "%00",
    ],
)
def test_nothing_else_is_served(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_what_appears_is_served_at_once(world: Snapshots, client: httpx.Client) -> None:
    before = client.get("channels/preview.metalink")
    assert (
        client.get("channels/preview.metalink", headers={"If-None-Match": before.headers["ETag"]}).status_code
        == 304
    )
    third = world.take(thing(3), SAME, now=NOON + 3 * DAY).snapshot
    assert client.get(f"snapshots/{third.id}/repodata/repomd.xml").status_code == 200
    assert client.get("channels/preview.metalink").content == before.content
    point(world, "preview", third)
    changed = client.get("channels/preview.metalink", headers={"If-None-Match": before.headers["ETag"]})
    assert changed.status_code == 200
    assert parse_metalink(changed.content, "preview").main.sha256 == third.repomd_sha256


def test_many_snapshots_share_their_files_on_disk(world: Snapshots) -> None:
    found = [item for item in published(world.state, world.release, [ADDRESS]) if "same" in item.path]
    assert len(found) == 1
    content = found[0].content
    assert isinstance(content, Path)
    assert content.stat().st_nlink > 2
