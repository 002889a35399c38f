"""The commands about snapshots and channels, as a person types them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from bluejacket.cli.boot import record_boot
from bluejacket.cli.entry import main
from bluejacket.cli.session import open_session
from bluejacket.feed.built import signer_of
from bluejacket.feed.channel import Move, channel, move
from bluejacket.feed.snapshot import Snapshot
from bluejacket.image import BuiltImage
from bluejacket.machine.health import read_health, sections
from debs import Member, Thing
from snapshotted import DAY, GOOD, NOON, Snapshots


def thing(number: int) -> Thing:
    return Thing("thing", f"{number}-1", [Member("/usr/share/thing", str(number).encode())])


class Person:
    """Types commands at the state folder in which the snapshots are."""

    def __init__(self, world: Snapshots, capsys: pytest.CaptureFixture[str]) -> None:
        self.world, self.capsys = world, capsys
        self.options = ["--distro", str(GOOD), "--state", str(world.state.root)]

    def json(self, *words: str) -> Any:
        assert main([*self.options, "--json", *words]) == 0
        return json.loads(self.capsys.readouterr().out)

    def fails(self, *words: str) -> tuple[int, str]:
        status = main([*self.options, *words])
        return status, self.capsys.readouterr().err

    def take(self, number: int) -> Snapshot:
        return self.world.take(thing(number), now=NOON + number * DAY).snapshot

    def point(self, snapshot: Snapshot) -> None:
        step = Move(snapshot.id, NOON, "promoted")
        move(self.world.state, self.world.release, "stable", snapshot, step)


@pytest.fixture
def person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Person:
    return Person(Snapshots(tmp_path), capsys)


def test_list_and_diff(person: Person) -> None:
    assert person.json("feed", "list", "1") == {"snapshots": [], "channels": []}
    first, second = person.take(1), person.take(2)
    person.point(first)
    listed = person.json("feed", "list", "1")
    assert [(row["snapshot"], row["channels"]) for row in listed["snapshots"]] == [
        (first.id, ["stable"]),
        (second.id, []),
    ]
    assert listed["channels"][0]["pointed"]["sha256"] == first.repomd_sha256
    found = person.json("feed", "diff", "stable", second.id, "--release", "1")
    assert (found["before"], found["changed"][0]["how"]) == (first.id, "newer")
    assert main([*person.options, "feed", "diff", "stable", second.id, "--release", "1"]) == 0
    told = person.capsys.readouterr()
    assert "thing.noarch" in told.out
    assert "1 packages changed, 0 added" in told.err


def test_refusals_name_the_way_out(person: Person) -> None:
    assert person.fails("feed", "promote", "stable", "--release", "1") == (
        2,
        "bluejacket: release 1 has no snapshot yet (`bluejacket feed snapshot 1` makes one)\n",
    )
    person.take(1)
    status, told = person.fails("feed", "promote", "preview", "--release", "1")
    assert status == 2
    assert "no boot test of" in told
    assert "see `bluejacket boot" in told
    assert person.fails("feed", "promote", "beta", "--release", "1")[0] == 2
    assert person.fails("feed", "rollback", "stable", "--reason", "x", "--release", "1")[0] == 2
    assert person.fails("feed", "rollback", "stable", "--release", "1")[0] == 2
    assert person.fails("feed", "verify", "1", "--snapshot", "20200101.1")[0] == 2
    assert channel(person.world.state, person.world.release, "stable") is None


def test_a_boot_that_went_well_opens_the_gate(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    world = person.world
    world.signer = signer_of(world.state, world.release)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1750000000")  # while the release is supported
    first = person.take(1)
    built, _ = world.build(thing(1))
    folder = world.image(built, thing(1))
    session = open_session(GOOD, world.state.root, False, False)
    images = list(session.release("1").images)
    answers = Path(__file__).parents[1] / "machine" / "answers.txt"
    healthy = read_health(sections(answers.read_text("utf-8")), {"ssh": 20.0}, cpu_seconds=1, image_size=1)
    assert healthy.good
    for good in (False, True):
        health = healthy if good else replace(healthy, state="degraded")
        for name in images:
            image = BuiltImage(name, "1", folder, folder.parent.name, {}, 1, 1)
            record_boot(session, session.release("1"), image, built, health)
        if not good:
            assert "the boot test of" in person.fails("feed", "promote", "preview", "--release", "1")[1]
    promoted = person.json("feed", "promote", "preview", "--release", "1")
    assert promoted["channel"]["snapshot"] == first.id
    assert all(gate["passed"] for gate in promoted["gates"])
    again = person.json("feed", "promote", "preview", "--release", "1")
    assert again == {"channel": promoted["channel"], "gates": []}
    record = json.loads(world.state.boot_record(built.key, images[0]).read_text())
    assert (record["passed"], record["feed_key"], record["health"]["state"]) == (
        True,
        first.feed_key,
        "running",
    )


def test_rollback_and_retention(person: Person) -> None:
    for number in (1, 2):
        person.point(person.take(number))
    now = person.json("feed", "rollback", "stable", "--reason", "it broke", "--release", "1")
    assert (now["snapshot"], now["history"][-1]["reason"]) == ("20260925.1", "it broke")
    kept = person.json("store", "gc", "--dry-run")
    assert kept["snapshots"] == []


def test_serve_until_interrupted(person: Person) -> None:
    person.point(person.take(1))
    command = [sys.executable, "-m", "bluejacket", *person.options, "feed", "serve", "1", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        limit = threading.Timer(60, child.kill)
        limit.start()
        assert child.stderr is not None
        url = next(word for word in child.stderr.readline().split() if word.startswith("http://"))
        answer = httpx.get(f"{url}channels/stable.metalink", trust_env=False)
        assert answer.text.count(f"{url}snapshots/20260925.1/repodata/repomd.xml") == 1
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
        limit.cancel()
    assert person.fails("feed", "serve", "1", "--port", "65536")[0] == 2
    assert person.fails("feed", "serve", "1", "--listen", "192.0.2.1")[0] == 2
