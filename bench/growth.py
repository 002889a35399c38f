"""How image builds grow with the number of packages: Bluejacket and mkosi, seconds, CPU and memory.

    .venv/bin/python bench/growth.py [--sizes 50,100,250,600] [--runs 3] [--peer-runs 3]
                                     [--peer-limit 5400] [--work DIR]

Every size is an image of its own with the packages there: ours with its RPMs in the feed, mkosi with its
.debs on this disk; what is measured ends with the raw disk. The lists are deterministic: what a machine
needs to boot, then packages of the image `vm` and Python modules of the archive, by name, as far as the
closure has room for what they bring. Where even the smallest image that boots is larger, that one is taken.
Memory is the most that all processes of a build have together, shared pages once, looked at every 0.2 s.
The small sizes come first, both in turn; `--peer-limit` seconds after the start no run of the peer begins.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sqlite3
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import solv
from image import HERE, Ours
from measure import Cost
from peer import prepare

from bluejacket.definition import Release, load
from bluejacket.foundation import solvfile
from bluejacket.foundation.index import Index
from bluejacket.foundation.locked import archive_of
from bluejacket.foundation.locking import make_lock
from bluejacket.foundation.solve import Unsolvable, solve
from bluejacket.package.describe import createrepo
from bluejacket.store import State

Row = tuple[int, Cost]
# What boots and can be asked how it is; the rest of a size comes on top of it.
CORE = (
    "base-files",
    "base-passwd",
    "bash",
    "bluejacket-filetriggers",
    "bluejacket-loader",
    "bluejacket-release",
    "bluejacket-selinux",
    "bluejacket-uki",
    "coreutils",
    "policycoreutils",
    "systemd",
    "systemd-boot",
    "systemd-boot-efi",
    "systemd-sysv",
    "udev",
)
_ROOM_MIB = 2048
_MOST_BYTES = 50_000_000  # that five modules may add
_NO_DEBS = "bluejacket-"


def main() -> None:
    """Measure and print a table, and how both grow."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--sizes", default="50,100,250,600")
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--peer-runs", type=int, default=3)
    words.add_argument("--peer-limit", type=float, default=5400.0, help="seconds")
    words.add_argument("--work", type=Path, default=Path("build/bench-growth"))
    arguments = words.parse_args()
    work = arguments.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    sizes = sorted(int(size) for size in arguments.sizes.split(","))
    ours = Growing(work, max(sizes))
    lists = {size: ours.list_of(size) for size in sizes}
    rows: dict[str, list[Row]] = {"bluejacket": [], "mkosi": []}
    ends = time.monotonic() + arguments.peer_limit
    for names, count in lists.values():
        debs = [name for name in names if not name.startswith(_NO_DEBS)]
        mkosi = prepare(ours.kept, ours.release, debs, work / "peer")
        for number in range(max(arguments.runs, arguments.peer_runs)):
            if number < arguments.runs:
                told(rows["bluejacket"], "bluejacket", count, ours.build_with(names))
            if number >= arguments.peer_runs:
                continue
            if time.monotonic() > ends:
                print(f"mkosi with {count} packages: not measured, the time limit came first", flush=True)
                continue
            mkosi.forget()
            told(rows["mkosi"], "mkosi", count, mkosi.build(watch_s=0.2))
    for who, found in rows.items():
        fit(who, found)


class Growing(Ours):
    """Bluejacket on a copy of the definitions with enough components for the largest size."""

    def __init__(self, work: Path, largest: int) -> None:
        super().__init__(work)
        shutil.rmtree(self.distro, ignore_errors=True)
        shutil.copytree(HERE.parent / "distro", self.distro, ignore=shutil.ignore_patterns("locks"))
        self.template = (self.distro / "images/vm.toml").read_text()
        self.extras = modules_of(self.kept, load(self.distro).release("4"), largest * 11 // 10)
        listed = "".join(f'[[component]]\nname = "{name}"\nreason = "grows"\n\n' for name in self.extras)
        (self.distro / "components/growth.toml").write_text(f'[group]\ndescription = "More"\n\n{listed}')
        release = self.distro / "releases/4.toml"
        release.write_text(release.read_text().replace('"own"]', '"own", "growth"]', 1))
        self.release = load(self.distro).release("4")
        self.lock = make_lock(self.kept, self.release)[0]
        self.gather(self.release)
        self.forget()
        self.write_image(CORE)
        self.call("build")
        self.feed = State(self.state).feed_link(self.release.distribution.id, "4").resolve()

    def list_of(self, size: int) -> tuple[list[str], int]:
        """Give a list to install whose closure in the feed has `size` packages, and how many it has."""
        pool = solvfile.new_pool()
        repomd = createrepo().Repomd(str(self.feed / "repodata/repomd.xml"))
        primary = next(r.location_href for r in repomd.records if r.type == "primary")
        solvfile.add_primary(pool.add_repo("feed"), self.feed / primary)
        pool.addfileprovides()
        names = list(CORE)
        count = len(solve(pool, names))
        for name in (*self.release.images["vm"].packages, *self.extras):
            more = len(solve(pool, [*names, name])) if count < size and name not in names else size + 1
            if more <= size:  # one that brings more than there is room for is left out
                names, count = [*names, name], more
        return names, count

    def write_image(self, names: Sequence[str]) -> None:
        """Make `names` the list of the image."""
        head, _, rest = self.template.partition("packages = [")
        lines = [line for line in head.splitlines() if not line.startswith(("formats", "root_size"))]
        head = "\n".join([*lines, 'formats = ["raw"]', f"root_size_mib = {_ROOM_MIB}", ""])
        listed = "".join(f'    "{name}",\n' for name in names)
        (self.distro / "images/vm.toml").write_text(f"{head}packages = [\n{listed}]{rest.partition(']')[2]}")

    def build_with(self, names: Sequence[str]) -> Cost:
        """Build the image of `names` anew, from RPMs that are there."""
        self.write_image(names)
        self.forget_image()
        return self.call("image", "build", "vm", watch_s=0.2)


def modules_of(state: State, release: Release, count: int) -> list[str]:
    """Give names of Python modules of the archive that can be had together, in the order of names."""
    index = archive_of(state, release, release.foundation).refresh()
    assert isinstance(index, Index)
    with sqlite3.connect(index.folder / "packages.sqlite") as database:
        query = (
            "SELECT name FROM package WHERE name LIKE 'python3-a%' AND name NOT LIKE '%-doc' "
            "AND json LIKE '%\"noarch\"%' ORDER BY name"
        )
        names = [name for (name,) in database.execute(query)]
    wanted = [name for c in release.components if not c.is_own for name in c.wanted]
    pool, favoured = solvfile.new_pool(), index.favoured()
    index.load(pool)
    found: list[str] = []
    former = math.inf
    for at in range(0, len(names), 5):
        more = [*found, *names[at : at + 5]]
        try:
            chosen = solve(pool, [*wanted, *more], exclude=release.exclude, favour=favoured)
        except Unsolvable:  # five that nothing can have together with the release
            continue
        installed = sum(choice.solvable.lookup_num(solv.SOLVABLE_INSTALLSIZE) for choice in chosen)
        if installed - former > _MOST_BYTES:  # one of them brings an office suite
            continue
        found, former = more, installed
        if len(chosen) >= count:
            break
    return found


def told(rows: list[Row], who: str, count: int, cost: Cost) -> None:
    """Keep a cost, and print it."""
    rows.append((count, cost))
    print(
        f"{who:11} {count:4} packages {cost.wall_s:7.1f} s, "
        f"CPU {cost.cpu_s:6.1f} s, {cost.peak_mib:6.0f} MiB",
        flush=True,
    )


def fit(who: str, rows: Sequence[Row]) -> None:
    """Print medians, and the line and the power that are nearest to them by least squares."""
    counts = sorted({count for count, _ in rows})
    if len(counts) < 2:
        return
    for what, figure in (("s", "wall_s"), ("CPU s", "cpu_s"), ("MiB", "peak_mib")):
        values = [statistics.median(getattr(c, figure) for n, c in rows if n == count) for count in counts]
        slope, constant = statistics.linear_regression(counts, values)
        power, _ = statistics.linear_regression([math.log(n) for n in counts], [math.log(v) for v in values])
        shown = ", ".join(f"{count}: {value:.1f}" for count, value in zip(counts, values, strict=True))
        print(f"{who:11} {what:5} {shown}; {constant:.1f} + {slope:.3f} a package; n^{power:.2f}")


if __name__ == "__main__":
    main()
