"""Publishing to a folder, Blob storage and S3: DNF5 is the client, and publishers are killed."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from bluejacket.errors import OutsideError, UserError
from bluejacket.feed.channel import Move, move
from bluejacket.feed.publish.lease import FOLDER
from bluejacket.feed.snapshot import Snapshot
from bluejacket.tools import Sandbox
from clients import Client
from clouds import PLACES, Place, free_port
from debs import Member, Thing
from feeds import SIGNER
from longrun import LongRun
from publishing import publish_here, start
from snapshotted import DAY, GOOD, NOON, Snapshots

NAMES = ("thing", "thing++")  # S3 reads a plus sign in an address as a blank


def taken(world: Snapshots, number: int) -> Snapshot:
    """Take a snapshot of two packages that both say `number`, and point the channel at it."""
    things = [
        Thing(name, f"{number}-1", [Member(f"/usr/share/{name}", f"{number}\n".encode())]) for name in NAMES
    ]
    snapshot = world.take(*things, now=NOON + number * DAY).snapshot
    move(world.state, world.release, "stable", snapshot, Move(snapshot.id, NOON, "promoted"))
    return snapshot


@pytest.fixture
def world(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "world")


@pytest.fixture(params=PLACES)
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with PLACES[request.param](tmp_path / "room") as place:
        yield place


@pytest.fixture
def client(sandbox: Sandbox, tmp_path: Path) -> Client:
    return Client(sandbox, "dnf5", None, tmp_path / "client")


def sees(client: Client, place: Place) -> tuple[str, ...]:
    """Give what a fresh machine installs from a place."""
    client.run(f"{place.machines}/", "install", *NAMES)
    return tuple(client.installed(name) for name in NAMES)


def test_dnf_follows_what_is_published(room: Place, world: Snapshots, client: Client) -> None:
    place = room.fresh()
    taken(world, 1)
    first = publish_here(world, place)
    assert (first.kept, first.channels) == (0, ("stable",))
    assert sees(client, place) == ("1", "1")
    taken(world, 2)
    second = publish_here(world, place)
    assert second.kept > 0
    client.run(f"{place.machines}/", "upgrade", fresh=False)
    assert [client.installed(name) for name in NAMES] == ["2", "2"]
    again = publish_here(world, place, check=True)
    assert (again.sent, again.kept) == (0, second.sent + second.kept)
    assert publish_here(world, place, prune=True).removed == 0
    page = httpx.head(f"{place.machines}/advisories/index.html", trust_env=False)
    if not place.ours.startswith("/"):  # a folder's web server has its own rules
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["cache-control"] == "no-cache"


def strike(world: Snapshots, place: Place, client: Client, calls: int, after: float) -> tuple[str, ...]:
    """Kill a publisher `after` seconds into its call number `calls`; give what DNF5 sees then."""
    child = start(world, place)
    assert child.stdout is not None
    for _ in range(calls):
        child.stdout.readline()
    try:
        child.wait(after)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
    child.communicate(timeout=60)
    return sees(client, place)


def strikes(room: Place, world: Snapshots, client: Client, draw: random.Random) -> Iterator[tuple[str, ...]]:
    """Publish one snapshot, kill the publication of the next, look, finish it, and look again; for ever."""
    first = taken(world, 1)
    link = world.state.snapshots(world.release.distribution.id, "1")
    second = taken(world, 2)
    rehearsal = room.fresh()
    told, _ = start(world, rehearsal).communicate(timeout=120)
    assert told.endswith("done\n"), told
    calls = len(told.splitlines())
    while True:
        place = room.fresh()
        move(world.state, world.release, "stable", first, Move(first.id, NOON, "promoted"))
        hidden = link / second.id
        hidden.rename(link / "hidden")
        publish_here(world, place)
        (link / "hidden").rename(hidden)
        move(world.state, world.release, "stable", second, Move(second.id, NOON, "promoted"))
        seen = strike(world, place, client, draw.randrange(1, calls), draw.uniform(0, 0.02))
        publish_here(world, place)
        assert sees(client, place) == ("2", "2")
        yield seen


@pytest.mark.parametrize(("room", "count"), [("folder", 3), ("blob", 2), ("s3", 2)], indirect=["room"])
def test_killed_a_few_times(
    room: Place, count: int, world: Snapshots, client: Client, rotating_seed: int
) -> None:
    draw = random.Random(rotating_seed)
    for _, seen in zip(range(count), strikes(room, world, client, draw), strict=False):
        assert seen in {("1", "1"), ("2", "2")}


@pytest.mark.long
def test_killed_20_times(
    room: Place, world: Snapshots, client: Client, long_run: LongRun, request: pytest.FixtureRequest
) -> None:
    row = strikes(room, world, client, random.Random(request.node.name))
    for _ in long_run.left(request.node.name, 20):
        assert next(row) in {("1", "1"), ("2", "2")}


def test_of_two_publishers_one_works_at_a_time(room: Place, world: Snapshots, client: Client) -> None:
    place = room.fresh()
    taken(world, 1)
    children = [start(world, place) for _ in range(3)]
    spans = []
    for child in children:
        told, _ = child.communicate(timeout=180)
        assert told.endswith("done\n"), told
        calls = [line.split(" ", 2) for line in told.splitlines() if line[0].isdigit()]
        times = [float(when) for when, _, path in calls if not path.startswith(FOLDER)]
        spans.append((times[0], times[-1]))
    spans.sort()
    assert all(end < begin for (_, end), (begin, _) in pairwise(spans))
    assert sees(client, place) == ("1", "1")


@pytest.mark.parametrize("room", ["blob", "s3"], indirect=True)
def test_wrong_credentials_are_told_without_them(room: Place, world: Snapshots) -> None:
    taken(world, 1)
    secret = secrets.token_hex(32)
    text = str(room.options.get("connection_string", ""))
    wrong = [{"endpoint_url": f"http://127.0.0.1:{free_port()}", "key": "publisher", "secret": secret}]
    if text:
        account, key = text.split("AccountKey=")
        wrong = [
            {"connection_string": f"{account}AccountKey={secret};{key.partition(';')[2]}"},
            {"connection_string": secret},
        ]
    for options in wrong:
        with pytest.raises((OutsideError, UserError)) as refused:
            publish_here(world, Place(room.ours, room.machines, options))
        assert room.ours in str(refused.value)
        assert secret not in str(refused.value)
        assert refused.value.__cause__ is None


def command(world: Snapshots, place: Place, *more: str) -> list[str]:
    """Give the command that publishes to a place, after laying the key where it looks for it."""
    key = world.state.keys / f"{world.release.distribution.id}.key"
    key.parent.mkdir(mode=0o700, exist_ok=True)
    key.write_text(SIGNER.armoured())
    key.chmod(0o600)
    return [
        sys.executable, "-m", "bluejacket", "--json", "-v", "--distro", str(GOOD),
        "--state", str(world.state.root), "feed", "publish", place.ours, "1", "--address", place.machines,
        *more,
    ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system, which root may")
def test_a_full_target_is_one_sentence_and_no_harm(world: Snapshots, client: Client, tmp_path: Path) -> None:
    """It speaks of the target, not of the store; with more room the same command goes on."""
    taken(world, 1)
    with PLACES["folder"](tmp_path / "room") as room:
        place = room.fresh()
        disk = Path(place.ours)
        disk.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "full", disk], check=True)
        try:
            ran = subprocess.run(command(world, place), capture_output=True, text=True)
            assert ran.returncode == 1, ran.stderr
            told = [line for line in ran.stderr.splitlines() if "is full" in line]
            assert told == [
                f"bluejacket: the disk that holds {disk} is full (free some room there; what was sent is "
                "kept: the same command goes on from there)"
            ]
            assert not list(disk.glob("channels/*"))
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            ran = subprocess.run(command(world, place), capture_output=True, text=True)
            assert ran.returncode == 0, ran.stderr
            assert sees(client, place) == ("1", "1")
        finally:
            subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("room", ["folder", "s3"], indirect=True)
def test_the_command_publishes(room: Place, world: Snapshots, client: Client, tmp_path: Path) -> None:
    """Credentials come from the environment, the rest from a file of options."""
    taken(world, 1)
    (options := tmp_path / "options.toml").write_text(
        f'endpoint_url = "{room.options.get("endpoint_url")}"\n'
    )
    secret = room.options.get("secret", "")
    place = room.fresh()
    words = command(world, place, *(["--options", str(options)] if room.options else []))
    login = {"AWS_ACCESS_KEY_ID": "publisher", "AWS_SECRET_ACCESS_KEY": secret}
    ran = subprocess.run(words, capture_output=True, text=True, env=os.environ | login)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["kept"], told["channels"], told["snapshots"]) == (0, ["stable"], ["20260925.1"])
    assert not secret or secret not in ran.stdout + ran.stderr
    assert sees(client, place) == ("1", "1")
