"""The disk image: Bluejacket against mkosi, same packages, same policy, everything downloaded before.

    .venv/bin/python bench/image.py [--runs 3] [--work DIR] [--only empty,packages,setting]

Three questions, each asked of both in turn, so that a busy moment hits both:
  empty     nothing but downloads and tools tree: converts, signs, compiles the policy, builds the disk
  packages  the RPMs exist, the image does not; mkosi has nothing to compare, and builds all
  setting   one configuration file has changed; mkosi with its own incremental mode and a warm cache
Ours signs every package and the feed, verifies every installed file, and makes SBOM and provenance as
well. Both write the raw disk only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from measure import Cost, median, run
from peer import Mkosi, prepare

from bluejacket.definition import Release, load
from bluejacket.foundation.lock import lock_file, read_lock
from bluejacket.foundation.locked import fetch_locked
from bluejacket.foundation.locking import make_lock
from bluejacket.store import State, Store, state_folder
from bluejacket.tools.tree import tools_step, tools_tree

HERE = Path(__file__).resolve().parent
TARGETS = {"empty": 1.5, "packages": 3.0, "setting": 20.0}


class Ours:
    """Bluejacket, called as a person would, on a copy of the definitions."""

    def __init__(self, work: Path) -> None:
        self.distro, self.work = work / "distro", work
        self.state = work / "state"
        self.kept = State(state_folder())

    def prepare(self) -> list[str]:
        """Copy the definitions, lock, download and make the tools tree; gives the image's packages."""
        shutil.rmtree(self.distro, ignore_errors=True)
        shutil.copytree(HERE.parent / "distro", self.distro, ignore=shutil.ignore_patterns("locks"))
        image = self.distro / "images/vm.toml"
        lines = image.read_text().splitlines()
        text = "\n".join('formats = ["raw"]' if line.startswith("formats") else line for line in lines)
        image.write_text(text + '\n[[image.file]]\npath = "/etc/bench.conf"\nsource = "images/bench.conf"\n')
        self.set(0)
        release = load(self.distro).release("4")
        kept = lock_file(load(HERE.parent / "distro").release("4"))
        if kept.exists():
            lock_file(release).parent.mkdir()
            shutil.copy(kept, lock_file(release))
            self.lock = read_lock(release)
        else:
            self.lock = make_lock(self.kept, release)[0]
        self.gather(release)
        own = {name for c in release.components if c.is_own for name in c.wanted}
        return [name for name in release.images["vm"].packages if name not in own]

    def gather(self, release: Release) -> None:
        """Download what the lock names, and make the tools tree, in the state that is kept."""
        for wanted in (self.lock.packages, self.lock.materials):
            fetch_locked(self.kept, release, wanted, "Packages")
        tools_tree(
            self.kept.store,
            release,
            self.lock,
            lambda wanted: fetch_locked(self.kept, release, wanted, "Tools"),
            self.kept.report,
        )
        self.tools = tools_step(release, self.lock).key

    def set(self, number: int) -> None:
        """Change the one configuration file, to what no run before had, in whatever state."""
        (self.distro / "images/bench.conf").write_text(f"{number} {time.time_ns()}\n")

    def forget(self) -> None:
        """Leave the downloads and the tools tree, and nothing else."""
        shutil.rmtree(self.state, ignore_errors=True)
        target, source = Store(self.state / "store").root, self.kept.store.root
        entries = (*self.lock.packages, *self.lock.materials)
        names = [f"blobs/{e.package.sha256[:2]}/{e.package.sha256}" for e in entries]
        for name in names:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(source / name, target / name)
        tools = f"steps/{self.tools[:2]}/{self.tools}"
        shutil.copytree(source / tools, target / tools, symlinks=True, copy_function=os.link)

    def forget_image(self) -> None:
        """Leave the feed, and no part of an image."""
        for folder in (self.state / "store/steps").glob("*/*"):
            head = (folder / "record.json").read_text()[:80]
            if '"step":"image' in head or '"step":"base' in head:
                shutil.rmtree(folder)

    def build(self) -> Cost:
        """Build the image. Exits with our own words when it fails."""
        return self.call("image", "build", "vm")

    def call(self, *words: str, watch_s: float = 0.0) -> Cost:
        """Run a command of ours as a person would. Exits with our own words when it fails."""
        where = ["--distro", str(self.distro), "--state", str(self.state)]
        command = [sys.executable, "-m", "bluejacket", *where, *words]
        cost = run(command, self.work / "ours.log", watch_s)
        if cost.status:
            raise SystemExit(cost.output[-4000:])
        return cost


def main() -> None:
    """Measure and print a table; status 1 when a target is missed."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--work", type=Path, default=Path("build/bench-image"))
    words.add_argument("--only", default=",".join(TARGETS))
    arguments = words.parse_args()
    work = arguments.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    ours = Ours(work)
    packages = ours.prepare()
    mkosi = prepare(ours.kept, load(ours.distro).release("4"), packages, work / "peer")
    mkosi.setting.write_text("0\n")
    mkosi.forget()
    missed = False
    for name in arguments.only.split(","):
        costs = MEASURES[name](ours, mkosi, arguments.runs)
        missed |= tell(name, *costs)
    sys.exit(1 if missed else 0)


Pair = tuple[list[Cost], list[Cost]]


def from_empty(ours: Ours, mkosi: Mkosi, runs: int) -> Pair:
    """Both from nothing but downloads."""
    pair: Pair = ([], [])
    for _ in range(runs):
        ours.forget()
        pair[0].append(seen("bluejacket", ours.build()))
        mkosi.forget()
        pair[1].append(seen("mkosi", mkosi.build()))
    return pair


def from_packages(ours: Ours, mkosi: Mkosi, runs: int) -> Pair:
    """Ours with its RPMs there, mkosi with its .debs."""
    pair: Pair = ([], [])
    if not (ours.state / "feeds").is_dir():
        ours.forget()
        ours.build()
    for _ in range(runs):
        ours.forget_image()
        pair[0].append(seen("bluejacket", ours.build()))
        mkosi.forget()
        pair[1].append(seen("mkosi", mkosi.build()))
    return pair


def from_setting(ours: Ours, mkosi: Mkosi, runs: int) -> Pair:
    """One configuration file changed."""
    pair: Pair = ([], [])
    if not (ours.state / "feeds").is_dir():
        ours.forget()
    ours.build()
    mkosi.forget()
    mkosi.build("--incremental=yes")
    for number in range(1, runs + 1):
        ours.set(number)
        pair[0].append(seen("bluejacket", ours.build()))
        mkosi.setting.write_text(f"{number}\n")
        pair[1].append(seen("mkosi", mkosi.build("--incremental=yes")))
    return pair


def seen(who: str, cost: Cost) -> Cost:
    """Print a single run at once: all of them take a quarter of an hour."""
    print(f"{who}: {cost.wall_s:.2f} s, {cost.cpu_s:.2f} CPU-s", flush=True)
    return cost


MEASURES: dict[str, Callable[[Ours, Mkosi, int], Pair]] = {
    "empty": from_empty,
    "packages": from_packages,
    "setting": from_setting,
}


def tell(name: str, ours: list[Cost], theirs: list[Cost]) -> bool:
    """Print one comparison; gives whether its target was missed."""
    mine, peer = median(ours), median(theirs)
    for who, cost, runs in (("bluejacket", mine, ours), ("mkosi", peer, theirs)):
        each = " ".join(f"{one.wall_s:.1f}" for one in runs)
        print(f"{name:9} {who:11} {cost.wall_s:7.1f} s ({each}), CPU {cost.cpu_s:6.1f} s", flush=True)
    faster = peer.wall_s / mine.wall_s
    print(
        f"{name:9} {faster:.1f} times as fast (target {TARGETS[name]}), "
        f"CPU ratio {peer.cpu_s / mine.cpu_s:.1f}",
        flush=True,
    )
    return faster < TARGETS[name]


if __name__ == "__main__":
    main()
