"""A process of its own that takes a snapshot, and says so when it comes to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from debs import Member, Thing
from snapshotted import DAY, NOON, Snapshots


def things(number: int) -> list[Thing]:
    """Give two packages of version `number`."""
    names = ("thing", "thing++")
    return [Thing(n, f"{number}-1", [Member(f"/usr/share/{n}", f"{number}\n".encode())]) for n in names]


def start(world: Snapshots, number: int) -> subprocess.Popen[str]:
    """Start a process that takes a snapshot of `things(number)`; it prints `now`, then what came of it."""
    return subprocess.Popen(
        [sys.executable, __file__, str(world.folder), str(number)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def main(folder: str, number: str) -> None:
    world = Snapshots(Path(folder))
    made = things(int(number))
    world.build(*made)
    print("now", flush=True)
    taken = world.take(*made, now=NOON + int(number) * DAY)
    print(taken.snapshot.id, taken.fresh, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
