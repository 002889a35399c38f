"""Snapshots that are taken several at once, or whose taking is killed, leave whole ones or none."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from bluejacket.feed.snapshot import BESIDE, Snapshot, snapshots
from bluejacket.feed.verify import verify_feed
from bluejacket.feed.written import harmed
from feeds import SIGNER
from longrun import LongRun
from snapshotted import DAY, NOON, Snapshots
from snapshotting import start, things


def whole(world: Snapshots) -> list[Snapshot]:
    """Give the snapshots that there are, each found whole."""
    found = snapshots(world.state, world.release)
    for one in found:
        assert verify_feed(one.folder.resolve(), SIGNER.certificate(), BESIDE).faults == ()
        assert list(harmed(world.state.store, one)) == []
    return found


def test_of_several_at_once_each_change_makes_one(tmp_path: Path) -> None:
    """Three processes see the same new feed: one makes the snapshot, the others find that it is there."""
    world = Snapshots(tmp_path)
    world.take(*things(1), now=NOON + DAY)
    children = [start(world, 2) for _ in range(3)]
    told = [child.communicate(timeout=120)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], told
    assert sorted(text.split()[1:] for text in told) == [
        ["20260926.1", "False"],
        ["20260926.1", "False"],
        ["20260926.1", "True"],
    ]
    assert [one.parent for one in whole(world)] == ["", "20260925.1"]
    assert list(world.state.store.damages()) == []


def strike(world: Snapshots, number: int, after: float) -> None:
    """Kill the taking of a snapshot some seconds after it began, and take it after all."""
    before = [one.id for one in whole(world)]
    child = start(world, number)
    assert child.stdout is not None
    assert child.stdout.readline() == "now\n"
    try:
        child.wait(after)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
    child.communicate(timeout=60)
    left = [one.id for one in whole(world)]
    assert left[: len(before)] == before
    assert len(left) <= len(before) + 1
    assert list(world.state.store.damages()) == []
    world.take(*things(number), now=NOON + number * DAY)
    found = whole(world)
    assert len(found) == len(before) + 1, "it is made once, whoever ended it"
    assert {one.version for one in found[-1].packages} == {str(number)}


def seconds_of_one(world: Snapshots, number: int) -> float:
    begun = time.monotonic()
    world.take(*things(number), now=NOON + number * DAY)
    return time.monotonic() - begun


def test_killed_a_few_times(tmp_path: Path, rotating_seed: int) -> None:
    world, draw = Snapshots(tmp_path), random.Random(rotating_seed)
    seconds_of_one(world, 1)
    span = seconds_of_one(world, 2)
    for number in range(3, 6):
        strike(world, number, draw.uniform(0, span))


@pytest.mark.long
def test_killed_20_times(tmp_path: Path, long_run: LongRun) -> None:
    world, draw = Snapshots(tmp_path), random.Random("snapshots")
    seconds_of_one(world, 1)
    span = seconds_of_one(world, 2)
    for number in long_run.left("snapshots-killed", 20):
        strike(world, number + 3, draw.uniform(0, span))
