"""Compose the metadata of a large feed: Bluejacket against createrepo_c, whole and after a small change.

    .venv/bin/python bench/compose.py [--packages 5000] [--changed 5] [--runs 3] [--work DIR]

Both get the same made-up packages (about 30 files and ten changes each; kept in the work folder).
Whole: from the packages alone; ours describes each, makes the shards, joins and signs, while
createrepo_c writes its metadata and signs nothing. Change: `--changed` packages have a new version;
what a former compose left in the store is there. Snapshot: such a feed is composed, and a dated snapshot
of it is taken, from packages that stand in the store with their descriptions, as importing leaves them;
after the change the former snapshot is compared with. Folder: hard links to what was composed and to the
packages, which `build` leaves for whoever looks into a feed or serves it, and no snapshot needs.
All times are with the interpreter's start; those of ours are told without it, without imports and without
making the list of packages as well, those of snapshots and folders only so. The runs are interleaved.
createrepo_c runs from the tools tree in the sandbox; what the sandbox takes is measured, and taken off; its
CPU seconds are not seen from outside. Bytes are those of the metadata files, and of primary's alone, which
with updateinfo is all that a client downloads that follows a channel.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import rpm_rs
from measure import Cost, median, run, write_bytecode
from solve import tools_of

from bluejacket.definition import load
from bluejacket.tools import Sandbox

HERE = Path(__file__).resolve().parent
BUILT = 1_700_000_000
OURS = """
import os, sys, time
from pathlib import Path
from bluejacket.definition.feed import Feed
from bluejacket.feed.compose import compose_index
from bluejacket.feed.folder import lay_out
from bluejacket.package import openpgp_write as pgp
from bluejacket.package.describe import createrepo
from bluejacket.package.made import Made
from bluejacket.package.keys import KEY_TIME, FileSigner
from bluejacket.store import Store

createrepo()
store, folder = Store(Path(sys.argv[1])), Path(sys.argv[2])
packages = [folder / name for name in sorted(os.listdir(folder))]
signer = FileSigner(pgp.Key(bytes(range(32)), KEY_TIME), b"Bench")
feed = Feed(name="main", description="Bench", address="https://feed.example/", variable="feed")
made = [Made(str(rpm), rpm.name.rsplit("-", 2)[0], rpm.name) for rpm in packages]
began = time.perf_counter()
index = compose_index(store, feed, made, signer, int(sys.argv[3]))
if len(sys.argv) > 4:
    began = time.perf_counter()
    lay_out(store, index.parent.name, made)
print(time.perf_counter() - began)
"""
SNAPSHOT = """
import os, sys, time
from pathlib import Path
from bluejacket.definition import load
from bluejacket.feed.built import Built
from bluejacket.feed.compose import compose_index
from bluejacket.feed.take import take_snapshot
from bluejacket.foundation.lock import Lock
from bluejacket.package import openpgp_write as pgp
from bluejacket.package.describe import createrepo, write_description
from bluejacket.package.made import Made
from bluejacket.package.keys import KEY_TIME, FileSigner
from bluejacket.store import State, Step

state, packages = State(Path(sys.argv[1])), sorted(Path(sys.argv[2]).glob("*.rpm"))
epoch, release = int(sys.argv[3]), load(Path(sys.argv[4])).newest()
signer = FileSigner(pgp.Key(bytes(range(32)), KEY_TIME), b"Bench")
createrepo()

def stored(rpm):
    step = Step("import", "bench", "{}", (rpm.name,))
    def work(into):
        os.link(rpm, into / rpm.name)
        write_description(into / rpm.name)
    tree = state.store.tree_of(step.key) or state.store.obtain(step, work, synced=False)
    return Made(str(tree / rpm.name), rpm.name.rsplit("-", 2)[0], step.key)

made = [stored(rpm) for rpm in packages]
if len(sys.argv) > 5:
    sys.exit()
began = time.perf_counter()
index = compose_index(state.store, release.feed, made, signer, epoch)
built = Built(release.version, index, "bench", index.parent.name, epoch, len(made), 0, (), ())
lock = Lock(release.version, "bench", "", epoch, (), (), ())
taken = take_snapshot(state, release, lock, built, signer, epoch)
print(time.perf_counter() - began)
assert taken.fresh and len(taken.snapshot.packages) == len(made)
"""


def main() -> None:
    """Measure and print a table; status 1 when a target is missed."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--packages", type=int, default=5000)
    words.add_argument("--changed", type=int, default=5)
    words.add_argument("--runs", type=int, default=3)
    words.add_argument(
        "--tools", type=Path, help="a tree with createrepo_c and bwrap [default: the tools tree]"
    )
    words.add_argument("--work", type=Path, default=Path("build/bench-compose"))
    arguments = words.parse_args()
    work = arguments.work.absolute()
    make_packages(work / "all", range(arguments.packages), "1.0")
    (work / "ours.py").write_text(OURS)
    (work / "snapshot.py").write_text(SNAPSHOT)
    write_bytecode()
    tools = arguments.tools or tools_of(load(HERE.parent / "distro").newest())
    box = Sandbox(tools.absolute(), work / "logs")
    prepare(work)
    costs: dict[str, list[Cost]] = {}
    alone: dict[str, list[float]] = {}
    for number in range(arguments.runs):
        for name, cost in one_round(work, box, arguments.changed, number):
            costs.setdefault(name, []).append(cost)
            if name.startswith("ours"):
                alone.setdefault(name, []).append(float(cost.output))
            own = f", {alone[name][-1]:.3f} s without start and imports" if name in alone else ""
            print(f"{name}: {cost.wall_s:.2f} s, {cost.cpu_s:.2f} CPU-s{own}", flush=True)
    told = {name: median(found) for name, found in costs.items()}
    tell(told, {name: statistics.median(found) for name, found in alone.items()}, work)


def prepare(work: Path) -> None:
    """Put all packages into a state folder's store as importing leaves them, unless they are there."""
    words = [sys.executable, str(work / "snapshot.py"), str(work / "state"), str(work / "all"), "0"]
    cost = run([*words, str(HERE.parent / "distro"), "prepare"], work / "log")
    if cost.status:
        sys.exit(f"preparing a state ended with {cost.status}: {cost.output[-2000:]}")


def forget(state: Path) -> None:
    """Remove from a state folder all but the imported packages."""
    shutil.rmtree(state / "snapshots", ignore_errors=True)
    for record in state.glob("store/steps/*/*/record.json"):
        if json.loads(record.read_text("utf-8"))["step"] != "import":
            shutil.rmtree(record.parent)


def make_packages(folder: Path, numbers: range, version: str) -> None:
    """Write one made-up package a number, unless they are there."""
    if folder.exists() and len(list(folder.glob("*.rpm"))) == len(numbers):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        list(pool.map(make_package, ((n, str(folder), version) for n in numbers), chunksize=20))


def make_package(task: tuple[int, str, str]) -> None:
    """Write the package of one number; its names, relations and sizes follow from the number."""
    number, folder, version = task
    chance = random.Random(number)
    name = f"{chance.choice(('lib', 'python3-', 'golang-', 'perl-', ''))}thing{number:05}"
    builder = rpm_rs.PackageBuilder(name, version, "MIT", "x86_64", f"{name} of a bench")
    builder.using_config(
        rpm_rs.BuildConfig(
            format=rpm_rs.RpmFormat.V4,
            source_date=BUILT,
            compression=rpm_rs.CompressionType.Zstd,
            compression_level=1,  # nobody reads the payload; more takes ten times as long
        )
    )
    builder.release("1")
    builder.provides(f"{name}-api = {version}")
    for _ in range(chance.randrange(2, 12)):
        builder.requires(f"lib{chance.randrange(2000)} >= 1.{chance.randrange(30)}")
    for _ in range(int(min(400.0, chance.lognormvariate(2.8, 1.2))) + 1):
        path = f"/usr/share/{name}/{chance.choice('abcdef')}/{chance.randrange(1 << 48):012x}.dat"
        builder.with_file_contents(chance.randbytes(50), rpm_rs.FileOptions.new(path))
    for entry in range(10):
        text = f"- Mend what was wrong\n- Close: #{chance.randrange(10**6)}"
        who = f"Some One <one@example.org> - {version}-{10 - entry}"
        builder.add_changelog_entry(who, text, BUILT - entry * 10**6)
    builder.build().write_file(f"{folder}/{name}-{version}-1.x86_64.rpm")


def one_round(work: Path, box: Sandbox, changed: int, number: int) -> list[tuple[str, Cost]]:
    """Run each side once, whole and after a change, each from a state of its own."""
    for name in ("store", "packages", "peer"):
        shutil.rmtree(work / name, ignore_errors=True)
    link_all(work / "all", work / "packages")
    link_all(work / "all", work / "peer")
    ours = [sys.executable, str(work / "ours.py"), str(work / "store"), str(work / "packages")]

    def peer(*words: str) -> list[str]:
        return box.argv(words, binds={work / "peer": "/run/peer"})

    def snapshot(epoch: int) -> list[str]:
        made = (work / "snapshot.py", work / "state", work / "packages", epoch, HERE.parent / "distro")
        return [sys.executable, *map(str, made)]

    forget(work / "state")
    costs = {"sandbox": run(peer("true"), work / "log")}
    create = ("createrepo_c", "--quiet", "--general-compress-type=zstd", "/run/peer")
    costs["createrepo_c, whole"] = run(peer(*create), work / "log")
    costs["ours, whole"] = run([*ours, str(BUILT)], work / "log")
    costs["ours, folder, whole"] = run([*ours, str(BUILT), "folder"], work / "log")
    costs["ours, snapshot, whole"] = run(snapshot(BUILT), work / "log")
    folder = work / f"new-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    make_packages(folder, range(number * changed, (number + 1) * changed), "1.1")
    for target in (work / "packages", work / "peer"):
        for rpm in folder.glob("*.rpm"):
            former = target / rpm.name.replace("-1.1-1.", "-1.0-1.")
            former.unlink()
        link_all(folder, target)
    costs["createrepo_c --update, change"] = run(peer(*create, "--update"), work / "log")
    costs["ours, change"] = run([*ours, str(BUILT + 1)], work / "log")
    costs["ours, folder, change"] = run([*ours, str(BUILT + 1), "folder"], work / "log")
    costs["ours, snapshot, change"] = run(snapshot(BUILT + 1), work / "log")
    for name, cost in costs.items():
        if cost.status:
            sys.exit(f"{name} ended with {cost.status}: {cost.output[-2000:]}")
    return list(costs.items())


def link_all(source: Path, target: Path) -> None:
    """Put hard links to the packages of `source` into `target`."""
    target.mkdir(exist_ok=True)
    for rpm in source.glob("*.rpm"):
        (target / rpm.name).hardlink_to(rpm)


def tell(costs: dict[str, Cost], alone: dict[str, float], work: Path) -> None:
    """Print the tables and judge the targets."""
    sandbox = costs.pop("sandbox").wall_s
    for name, cost in costs.items():
        wall = cost.wall_s - (sandbox if "createrepo_c" in name else 0)
        costs[name] = Cost(wall, cost.cpu_s, 0, "")
        own = f"{alone[name]:9.3f} s without start and imports" if name in alone else ""
        print(f"{name:32} {wall:7.2f} s {cost.cpu_s:7.2f} CPU-s {own}")
    for name, folder in (("createrepo_c", work / "peer"), ("ours", newest_feed(work / "store"))):
        files = {file.name.partition("-")[2]: file.stat().st_size for file in folder.glob("repodata/*.zst")}
        print(f"{name:32} {sum(files.values()):9} bytes, primary {files['primary.xml.zst']} of them")
    whole = costs["createrepo_c, whole"].wall_s / costs["ours, whole"].wall_s
    change = costs["ours, change"].wall_s / costs["ours, whole"].wall_s
    print(f"whole: {whole:.2f} times as fast as createrepo_c (target 1)")
    print(f"change: {change:.3f} of a whole compose, the program's start in both")
    parts = {what: alone[f"ours, {what}change"] / alone[f"ours, {what}whole"] for what in ("", "snapshot, ")}
    for what, part in parts.items():
        print(f"{what}change, without start and imports: {part:.3f} of the whole (target 0.1)")
    sys.exit(0 if whole >= 1 and max(parts.values()) < 0.1 else 1)


def newest_feed(store: Path) -> Path:
    """Give the feed that was composed last into a store."""
    return max(store.glob("steps/*/*/tree/repodata"), key=lambda folder: folder.stat().st_mtime).parent


if __name__ == "__main__":
    main()
