"""A publisher in a process of its own, which tells each thing that it does before it does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bluejacket.feed.publish.send import Sent, Wishes, publish
from bluejacket.feed.publish.target import Target, open_target
from clouds import Place
from feeds import SIGNER
from snapshotted import DAY, NOON, Snapshots

NOW = NOON + 30 * DAY
LEASE_S = 4.0


class Told:
    """A target that calls `tell` with the name and the path of each call before it is made."""

    def __init__(self, target: Target, tell: Callable[[str, str], None]) -> None:
        self._target, self._tell = target, tell

    @property
    def url(self) -> str:
        return self._target.url

    def __getattr__(self, name: str) -> Any:
        def call(path: str, *words: Any, **named: Any) -> Any:
            self._tell(name, path)
            return getattr(self._target, name)(path, *words, **named)

        return call


def publish_here(
    world: Snapshots, place: Place, target: Target | None = None, now: int = NOW, **wishes: Any
) -> Sent:
    """Publish to a place from this process."""
    asked = Wishes((place.machines,), **{"wait_s": 60.0, "lease_s": LEASE_S} | wishes)
    return publish(world.state, world.release, target or place.open(), SIGNER.certificate(), asked, now)


def start(world: Snapshots, place: Place, wait_s: float = 60.0) -> subprocess.Popen[str]:
    """Start a publisher; its standard output has a line for each call: the time, its name, its path."""
    words = [str(world.folder), place.ours, place.machines, json.dumps(place.options), str(wait_s)]
    return subprocess.Popen(
        [sys.executable, __file__, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def main(folder: str, ours: str, machines: str, options: str, wait_s: str) -> None:
    world, place = Snapshots(Path(folder)), Place(ours, machines, json.loads(options))

    def tell(name: str, path: str) -> None:
        os.write(1, f"{time.monotonic()} {name} {path}\n".encode())  # one line, whatever thread

    publish_here(world, place, Told(open_target(ours, place.options), tell), wait_s=float(wait_s))
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
