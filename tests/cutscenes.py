"""A recorded update to go back into: its disk at any flush, examined on the host, or booted and repaired."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from bluejacket.image.root import differences
from bluejacket.machine import Boot, Machines
from bluejacket.machine.writelog import Replay, WriteLog
from bluejacket.tools import Sandbox
from guests import LIMIT_S, Guest
from powercuts import Cut, Remains, examine, judge


@dataclass
class Scene:
    """A recorded update. `boot` is what was booted for it, without the recording."""

    folder: Path
    cut: Cut
    log: WriteLog
    boot: Boot
    machines: Machines
    box: Sandbox

    def flush_points(self) -> list[int]:
        """Give all flush points of the update."""
        return self.log.flush_points(self.cut.begun, self.cut.ended)

    def replay(self, name: str) -> tuple[Replay, Path]:
        """Give the disk as it was when the machine was new, to be brought forward, and its file."""
        disk = self.folder / f"{name}.raw"
        return Replay(self.log, Path(self.cut.disk), disk, self.boot.disk_gib << 30), disk

    def before(self, replay: Replay, disk: Path) -> Remains:
        """Bring a new disk to where the update begins, where nothing is to repair, and examine it."""
        replay.forward(self.cut.begun)
        found = examine(self.box, disk, self.folder)
        assert found.told[0] == 0, found.told
        return found

    def judge(self, disk: Path, before: Remains) -> Remains:
        """Examine a disk that was brought forward, and judge what the power cut has left."""
        found = examine(self.box, disk, self.folder)
        judge(self.cut, before.differences, found)
        return found

    def cut_a_few_times(self, number: int, draw: Random) -> None:
        """Judge that many of the flush points, as they are drawn, and boot from one of them."""
        points = sorted(draw.sample(self.flush_points(), number))
        booted = draw.choice(points)
        replay, disk = self.replay("disk")
        before = self.before(replay, disk)
        for point in points:
            replay.forward(point)
            status = self.judge(disk, before).told[0]
            print(
                f"entry {point} of {self.cut.begun} to {self.cut.ended}: {'to repair' if status else 'whole'}"
            )
            if point == booted:
                print(f"booted: {'repaired' if self.boot_and_repair(disk) else 'whole'}")

    def boot_and_repair(self, disk: Path) -> bool:
        """Well at once; whole after the one command that it names at login and in the journal.

        Gives whether there was something to repair.
        """
        with self.machines.booted(replace(self.boot, disk=disk)) as (machine, health):
            assert health.reasons == ()
            return repair(Guest(self.machines, machine, health), self.cut)


def repair(guest: Guest, cut: Cut) -> bool:
    """Do what the machine says, and see that it is as if nothing had happened; gives whether it said so."""
    checked = guest.ask("bluejacket-repair", "--check")
    assert checked.status in (0, 1), checked.err
    if checked.status == 1:
        assert "run as root: bluejacket-repair" in checked.out
        assert checked.out in guest.do("journalctl", "-b", "-o", "cat", "-u", "bluejacket-repair.service")
        assert "was broken off" in guest.ask("bash", "-lic", "true").out
        guest.do("bluejacket-repair", limit_s=LIMIT_S)
        assert "was broken off" not in guest.ask("bash", "-lic", "true").out
    else:
        guest.do("dnf5", "-y", "upgrade", "cut-*", "bluejacket-uki", limit_s=LIMIT_S)
    assert guest.ask("bluejacket-repair", "--check").status == 0
    told = guest.ask("rpm", "-Va", limit_s=LIMIT_S).out
    assert {path for _, path in differences(told)} <= set(cut.differences)
    installed = guest.do("rpm", "-qa").split()
    assert all(installed.count(name) == 1 for name in cut.wanted)
    assert not set(installed) & set(cut.unwanted)
    assert guest.do("find", "/usr/lib", "-name", "*;*") == ""
    assert len(guest.kernels()) == len(cut.kernels)
    return checked.status == 1
