"""The power goes in a DNF5 transaction: at 100 of the guest's flushes, and at ten of them it boots.

In test_boot.py a few points of an update that another test makes anyway, others each day.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bluejacket.definition import Release
from bluejacket.feed.built import Built
from bluejacket.foundation.lock import Lock
from bluejacket.image import BuiltImage
from bluejacket.machine import Boot, Machines, expected_of
from bluejacket.machine.writelog import WriteLog
from bluejacket.package.own import Workshop
from bluejacket.store import State
from bluejacket.tools import Sandbox
from bootfeeds import BootFeeds, newer_kernel
from cutscenes import Scene
from guests import LIMIT_S
from longrun import LongRun
from powercuts import DISK_GIB, Cut, feeds_for, mounts_work, record, repositories

pytestmark = [
    pytest.mark.boot,
    pytest.mark.skipif(not mounts_work(), reason="mounts the guest's file systems, which root may"),
]

POINTS, BOOTS = 100, 10


@pytest.fixture(scope="module")
def scene(
    state: State,
    release: Release,
    lock: Lock,
    shop: Workshop,
    feed: Built,
    image: BuiltImage,
    long_run: LongRun,
) -> Iterator[Scene]:
    """Recorded once; a run that goes on after an interruption finds it."""
    top = long_run.kept("power-cut")
    feeds = BootFeeds(top / "feeds", release, shop.signer, lock.epoch)
    file = top / "cut.json"
    if not file.exists():
        shutil.rmtree(top)
        feeds.top.mkdir(parents=True)
        feeds.main(feed.folder)
        feeds_for(top, feeds, newer_kernel(state, release, lock, shop))
    boot = Boot(
        image.disks["raw"],
        "vm",
        name="cut",
        instance="i-cut",
        feed=feeds.top,
        feed_variable=release.feed.variable,
        variables={release.feed.variable: "http://10.0.2.4/main/"},
        files={"/etc/yum.repos.d/test.repo": repositories(feeds)},
        disk_gib=DISK_GIB,
        writes=top / "writes.log",
        limit_s=LIMIT_S,
        expected=expected_of(release.profile_of(release.images["vm"]), release.pretty_name),
    )
    box = Sandbox(shop.box.tools, top / "logs")
    machines = Machines(top / "state", box)
    if not file.exists():
        record(machines, boot).save(file)
    with WriteLog(top / "writes.log") as log:
        yield Scene(top, Cut.load(file), log, replace(boot, writes=None), machines, box)
    if long_run.finished("power-cut", POINTS) and long_run.finished("power-cut-boots", BOOTS):
        shutil.rmtree(top)


def spread(scene: Scene, number: int) -> list[int]:
    """Give that many flush points of the update, as far from one another as they can be."""
    found = scene.flush_points()
    assert len(found) >= number
    return [found[index * (len(found) - 1) // (number - 1)] for index in range(number)]


@pytest.mark.long
def test_at_each_flush_the_database_agrees_with_the_files_or_the_repair_is_said(
    scene: Scene, long_run: LongRun
) -> None:
    """File systems and kernels are whole, the database opens; the last points are of the update's end."""
    replay, disk = scene.replay("points")
    before = scene.before(replay, disk)
    points = [*spread(scene, POINTS - 2), scene.cut.ended, scene.cut.synced]
    print(f"{len(scene.flush_points())} flushes in the update, and the power goes at:")
    for number in long_run.left("power-cut", POINTS):
        replay.forward(points[number])
        found = scene.judge(disk, before)
        print(f"{points[number]}: {'to repair' if found.told[0] else 'whole'}")
        if points[number] >= scene.cut.ended:
            assert found.told[0] == 0
            assert found.differences <= before.differences


@pytest.mark.long
def test_it_boots_says_what_to_repair_and_is_repaired(scene: Scene, long_run: LongRun) -> None:
    points = spread(scene, BOOTS + 2)[1:-1]
    replay, disk = scene.replay("boots")
    for number in long_run.left("power-cut-boots", BOOTS):
        replay.forward(points[number])
        repaired = scene.boot_and_repair(disk)
        print(f"booted at {points[number]}: {'repaired' if repaired else 'whole'}")
