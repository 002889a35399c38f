"""DNF5 and DNF 4 follow a channel: what they install is of one snapshot, whatever moves meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from bluejacket.errors import ToolFailed, UserError
from bluejacket.feed.channel import Move, move
from bluejacket.feed.promote import promote
from bluejacket.feed.published import Tree, published
from bluejacket.feed.serve import FeedServer, Folder, Site
from bluejacket.feed.snapshot import Snapshot
from bluejacket.feed.verify import verify_by_dnf
from bluejacket.tools import Sandbox
from clients import Client
from debs import Member, Thing
from feeds import SIGNER
from snapshotted import DAY, NOON, Snapshots


def thing(number: int) -> Thing:
    return Thing("thing", f"{number}-1", [Member("/usr/share/thing", f"{number}\n".encode())])


def other(number: int) -> Thing:
    return Thing("other", f"{number}-1", [Member("/usr/share/other", f"{number}\n".encode())])


@pytest.fixture(params=["dnf5", "dnf"])
def client(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Client:
    root = request.getfixturevalue("dnf4") if request.param == "dnf" else None
    return Client(sandbox, request.param, root, tmp_path / "client")


@pytest.fixture
def world(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path)


def taken(world: Snapshots, number: int) -> Snapshot:
    return world.take(thing(number), other(number), now=NOON + number * DAY).snapshot


def point(world: Snapshots, snapshot: Snapshot) -> None:
    move(world.state, world.release, "stable", snapshot, Move(snapshot.id, NOON, "promoted"))


class Meddling:
    """The release's own site, but `meddle` is called before each answer with the number of the request."""

    def __init__(self, site: Site, meddle: Callable[[int, str], Path | None]) -> None:
        self.site, self.meddle, self.asked = site, meddle, list[str]()

    def find(self, path: str, address: str) -> Path | bytes:
        self.asked.append(path)
        return self.meddle(len(self.asked), path) or self.site.find(path, address)


def test_a_client_installs_and_updates_by_a_channel(client: Client, world: Snapshots) -> None:
    first, second = taken(world, 1), taken(world, 2)
    point(world, first)
    with FeedServer(Tree(world.state, world.release)) as server:
        client.run(server.url, "install", "thing")
        assert client.installed("thing") == "1"
        point(world, second)
        client.run(server.url, "--refresh", "upgrade", fresh=False)  # DNF 4 counts a second as no time
        assert client.installed("thing") == "2"
        told = client.run(server.url, "updateinfo", "list", "--all", fresh=False)
        assert "HASA-2026:0002" in told


def test_a_repomd_of_another_snapshot_is_refused(client: Client, world: Snapshots) -> None:
    first, second = taken(world, 1), taken(world, 2)
    point(world, first)
    swapped = ("repomd.xml", "repomd.xml.asc")

    def swap(_: int, path: str) -> Path | None:
        name = path.rpartition("/")[2]
        return second.folder / "repodata" / name if name in swapped else None

    with FeedServer(Meddling(Tree(world.state, world.release), swap)) as server:
        with pytest.raises(ToolFailed):
            client.run(server.url, "install", "thing")
        assert not (client.here / "root/usr/share/thing").exists()
        # The control: it is the hash in the metalink that refuses, since the channel may point there.
        point(world, second)
        client.run(server.url, "install", "thing")
        assert client.installed("thing") == "2"


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.long)])
def test_a_channel_that_moves_is_never_mixed(
    client: Client, world: Snapshots, every: int, rotating_seed: int
) -> None:
    """It moves before the 1st request, then before a later one, … until all were asked for before."""
    first, second = taken(world, 1), taken(world, 2)
    seen = set()
    for nth in range(1, 40):
        if nth > 1 and (nth + rotating_seed) % every:
            continue
        point(world, first)

        def step(number: int, _: str, nth: int = nth) -> Path | None:
            if number == nth:
                point(world, second)
            return None

        site = Meddling(Tree(world.state, world.release), step)
        with FeedServer(site) as server:
            client.run(server.url, "install", "thing", "other")
        both = client.installed("thing"), client.installed("other")
        assert both in {("1", "1"), ("2", "2")}, f"moved before request {nth} of {site.asked}"
        seen.add(both)
        if len(site.asked) < nth:
            break
    assert seen == {("1", "1"), ("2", "2")}
    assert nth > 4  # there were requests to move between


def test_the_published_tree_needs_no_server_of_ours(client: Client, world: Snapshots) -> None:
    """Files laid down in their order: at no moment does one name another that is not there."""
    point(world, taken(world, 1))
    root = world.folder / "site"
    with FeedServer(Folder(root)) as server:
        order = []
        for item in published(world.state, world.release, [server.url]):
            file = root / item.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(item.content if isinstance(item.content, bytes) else item.content.read_bytes())
            order.append(item.path)
        client.run(server.url, "install", "thing")
        assert client.installed("thing") == "1"
    stages = [path.partition("/")[0] for path in order]
    assert list(dict.fromkeys(stages)) == ["pool", "snapshots", "advisories", "channels"]
    metadata = [path for path in order if path.startswith("snapshots/")]
    assert metadata[-1].endswith("/repomd.xml")


def test_rpm_and_dnf_accept_a_snapshot(sandbox: Sandbox, world: Snapshots) -> None:
    snapshot = taken(world, 1)
    verify_by_dnf(sandbox, snapshot.tree, SIGNER.certificate(), f"snapshots/{snapshot.id}")


def test_a_snapshot_nobody_booted_is_not_promoted(world: Snapshots) -> None:
    snapshot = taken(world, 1)
    with pytest.raises(UserError, match="no boot test of vm"):
        promote(world.state, world.release, "stable", snapshot, SIGNER.certificate(), NOON)


def many_files(number: int) -> Thing:
    names = [hashlib.sha256(f"{number} {i}".encode()).hexdigest() for i in range(300)]
    members = [Member(f"/usr/share/many/{name}", b"") for name in names]
    return Thing("many", f"{number}-1", members)


class Counting:
    """The release's own site, which keeps what was asked for and the bytes of each answer."""

    def __init__(self, site: Site) -> None:
        self.site, self.asked = site, list[tuple[str, int]]()

    def find(self, path: str, address: str) -> Path | bytes:
        found = self.site.find(path, address)
        self.asked.append((path, len(found) if isinstance(found, bytes) else found.stat().st_size))
        return found


def test_a_client_takes_no_more_metadata_than_it_needs(client: Client, world: Snapshots) -> None:
    """A quarter behind, it asks for the channel, the index, its signature, and the two kinds it decides by.

    Lists of all files and changelogs are never asked for: closure is judged without them. What is asked
    for is asked for once, so that its bytes are those of these files.
    """
    things = lambda number: (thing(number), other(number), many_files(number))  # noqa: E731
    point(world, world.take(*things(1), now=NOON + DAY).snapshot)
    site = Counting(Tree(world.state, world.release))
    with FeedServer(site) as server:
        client.run(server.url, "install", "thing", "many")
        after = world.take(*things(90), now=NOON + 90 * DAY).snapshot
        point(world, after)
        site.asked.clear()
        client.run(server.url, "upgrade", "--security", fresh=False)
    asked = [(path, size) for path, size in site.asked if not path.startswith("pool/")]
    kinds = [path.rpartition("/")[2].rpartition("-")[2] for path, _ in asked if "repodata/" in path]
    assert sorted(kind for kind in kinds if not kind.startswith("repomd")) == [
        "primary.xml.zst",
        "updateinfo.xml.zst",
    ]
    sizes = {file.name.rpartition("-")[2]: file.stat().st_size for file in after.folder.glob("repodata/*")}
    needed = ("repomd.xml", "repomd.xml.asc", "primary.xml.zst", "updateinfo.xml.zst")
    channel = sum(size for path, size in asked if path == "channels/stable.metalink")
    served = sum(size for _, size in asked)
    assert served - channel == sum(sizes[kind] for kind in needed)
    assert channel < 2 * 2000  # DNF 4 looks whether it has moved, then reads it
    assert served < sizes["filelists.xml.zst"] + sizes["other.xml.zst"]  # left where they are
