"""Ask a large store: how long a question takes among 50 snapshots of 70,000 packages each.

    .venv/bin/python bench/trace.py [--snapshots 50] [--packages 70000] [--asked 200] [--keep] [--work DIR]

The records are made up and kept in the work folder: from one snapshot to the next a few packages in a
thousand have a new version, and advisories with CVEs come along. Measured: making the index of it all;
adding one snapshot to it; the query itself, in one process, for CVEs, packages, hashes, snapshots and images
drawn by chance (opening the index and seeing that it is up to date is in it, the interpreter's start is
not; no signature is checked, as there are no packages to read); and `bluejacket trace` as a whole.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from measure import run

from bluejacket.feed.advisory import Advisory, Kind, Severity
from bluejacket.feed.advisory.record import to_json
from bluejacket.feed.snapshot import ADVISORIES, RECORD, Shipped, Snapshot, Upstream
from bluejacket.image.build import SUMS
from bluejacket.image.papers import MANIFEST, PROVENANCE
from bluejacket.inquiry.channels import pointers
from bluejacket.inquiry.index import open_index
from bluejacket.inquiry.lookup import Lookup
from bluejacket.inquiry.trace import trace
from bluejacket.store import State
from bluejacket.store.files import replace_link

DISTRIBUTION, RELEASE = "bench", "1"
CHANGED = 0.005  # of the packages, from one snapshot to the next
BINARIES = 6  # of a component
ADVISORIES_EACH = 40  # new ones a snapshot
IMAGES, INSTALLED = 10, 700
TARGET_S = 0.05


def main() -> None:
    """Measure and print a table; status 1 when the target is missed."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--snapshots", type=int, default=50)
    words.add_argument("--packages", type=int, default=70_000)
    words.add_argument("--asked", type=int, default=200)
    words.add_argument("--keep", action="store_true", help="keep the index that a former run made")
    words.add_argument("--work", type=Path, default=Path("build/bench-trace"))
    arguments = words.parse_args()
    work = arguments.work.absolute()
    state = State(work / "state")
    subjects = make_store(state, work, arguments.snapshots, arguments.packages)
    if not arguments.keep:
        make_index(state, subjects, arguments.snapshots)
    print(f"size of the index {(state.root / 'index.sqlite').stat().st_size / (1 << 20):21.1f} MiB")
    worst = tell(state, subjects, arguments.asked)
    command(state, work, subjects)
    print(f"the slowest kind's 99th percentile: {worst * 1000:.1f} ms (target {TARGET_S * 1000:.0f})")
    sys.exit(0 if worst < TARGET_S else 1)


def make_index(state: State, subjects: dict[str, list[str]], snapshots: int) -> None:
    """Print what it takes to make the index of all snapshots but one, and then to add that one."""
    last = state.snapshot_link(DISTRIBUTION, RELEASE, subjects["snapshot"][-1])
    target = last.readlink()
    last.unlink()
    for file in state.root.glob("index.sqlite*"):
        file.unlink()
    whole = timed(lambda: ask(state, subjects["image"][0]))
    replace_link(last, target)
    one_more = timed(lambda: ask(state, subjects["image"][0]))
    print(f"index of {snapshots - 1} snapshots made {whole:8.2f} s")
    print(f"one snapshot added {one_more:21.2f} s", flush=True)


def timed(work: object) -> float:
    """Give the seconds that a call takes."""
    assert callable(work)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ask(state: State, subject: str) -> None:
    """Ask one question, from nothing but the state folder."""
    with open_index(state) as database:
        trace(Lookup(database, pointers(state)), subject)


def tell(state: State, subjects: dict[str, list[str]], asked: int) -> float:
    """Print median and 99th percentile of each kind of question; gives the worst of the latter."""
    chance, worst = random.Random(1), 0.0
    for kind, names in subjects.items():
        walls, cpus = [], []
        for _ in range(asked):
            subject, cpu = chance.choice(names), time.process_time()
            walls.append(timed(lambda: ask(state, subject)))  # noqa: B023 (called at once)
            cpus.append(time.process_time() - cpu)
        late = sorted(walls)[min(asked - 1, int(asked * 0.99))]
        worst = max(worst, late)
        print(
            f"query by {kind:12} median {statistics.median(walls) * 1000:6.1f} ms, "
            f"99 % {late * 1000:6.1f} ms; CPU {statistics.median(cpus) * 1000:6.1f} ms",
            flush=True,
        )
    return worst


def command(state: State, work: Path, subjects: dict[str, list[str]]) -> None:
    """Print what the whole command takes, the interpreter's start included, and `--version` beside it."""
    program = [sys.executable, "-c", "import sys; from bluejacket.cli import main; sys.exit(main())"]
    costs = {}
    for name, arguments in (
        ("--version", ["--version"]),
        ("trace", ["trace", subjects["cve"][0], "--quick"]),
    ):
        taken = [
            run(
                [*program, "--state", str(state.root), "--distro", str(work), *arguments], work / "log"
            ).wall_s
            for _ in range(5)
        ]
        costs[name] = statistics.median(taken)
    print(
        f"`bluejacket trace CVE --quick` {costs['trace']:9.2f} s, "
        f"of which {costs['--version']:.2f} s to start"
    )


def make_store(state: State, work: Path, snapshots: int, packages: int) -> dict[str, list[str]]:
    """Write the records, unless they are there; gives what can be asked for, by kind."""
    done = work / f"made-{snapshots}-{packages}.json"
    if not done.exists():
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        subjects = dict(_write(state, work, snapshots, packages))
        done.write_text(json.dumps(subjects))
    found: dict[str, list[str]] = json.loads(done.read_text())
    return found


def _write(state: State, work: Path, snapshots: int, packages: int) -> Iterator[tuple[str, list[str]]]:
    chance = random.Random(0)
    versions = [1] * packages
    lines = [_line(number, 1) for number in range(packages)]
    told: list[Advisory] = []
    names: list[str] = []
    for at in range(snapshots):
        name = f"2026{1 + at // 25:02}{1 + at % 25:02}.1"
        names.append(name)
        moved = (
            sorted(chance.sample(range(packages // BINARIES), int(packages * CHANGED / BINARIES)))
            if at
            else []
        )
        for component in moved:
            for number in range(component * BINARIES, (component + 1) * BINARIES):
                versions[number] += 1
                lines[number] = _line(number, versions[number])
        told += (_advisory(len(told) + n, c, versions) for n, c in enumerate(moved[:ADVISORIES_EACH]))
        _lay(state, work, name, lines, told)
    for at in range(IMAGES):
        _image(state, work, at, versions, chance)
    yield "cve", [cve for one in told for cve in one.cves]
    yield "advisory", [one.id for one in told]
    some = [_package(n, versions[n]) for n in chance.sample(range(packages), 200)]
    yield "package", [one.name for one in some]
    yield "NEVRA", [one.nevra for one in some]
    yield "component", [one.source for one in some]
    yield "hash", [one.sha256 for one in some]
    yield "upstream's", [one.upstream.sha256 for one in some if one.upstream]
    yield "snapshot", names
    yield "image", [f"image{at}" for at in range(IMAGES)]


def _package(number: int, version: int) -> Shipped:
    source = f"source{number // BINARIES:05}"
    name = f"{source}-part{number % BINARIES}"
    release = f"1.{version}"
    digest = sha256(f"{name} {version}".encode()).hexdigest()
    upstream = Upstream("debian", name, f"1.0-{release}", sha256(digest.encode()).hexdigest())
    return Shipped(
        name, 0, "1.0", release, "x86_64", source, f"1.0-{release}", f"{name}-1.0-{release}.x86_64.rpm",
        digest, 100_000 + number, source if number % 3 else "", upstream,
    )  # fmt: skip


def _line(number: int, version: int) -> str:
    return json.dumps(asdict(_package(number, version)))


def _advisory(number: int, component: int, versions: list[int]) -> Advisory:
    parts = (_package(n, versions[n]) for n in range(component * BINARIES, (component + 1) * BINARIES))
    fixed = (part.alone for part in parts)
    cves = tuple(f"CVE-2026-{10_000 + number * 2 + n}" for n in range(2))
    title = f"source{component:05}: a fault is gone"
    return Advisory(
        f"BNSA-2026:{number + 1:04}", Kind.SECURITY, Severity.HIGH, title, "A fault.", 0, 0, cves,
        tuple(fixed), severity_source="bench",
    )  # fmt: skip


def _lay(state: State, work: Path, name: str, lines: list[str], told: list[Advisory]) -> None:
    folder = work / "snapshots" / name
    folder.mkdir(parents=True)
    empty = Snapshot(folder, DISTRIBUTION, RELEASE, name, 0, "", f"feed {name}", "", f"{name:0>64}", 0, ())
    text = empty.as_text().replace('"packages": [\n\n ]', '"packages": [\n' + ",\n".join(lines) + "\n ]")
    (folder / RECORD).write_text(text)
    (folder / ADVISORIES).write_text(to_json(told))
    replace_link(state.snapshot_link(DISTRIBUTION, RELEASE, name), folder)


def _image(state: State, work: Path, at: int, versions: list[int], chance: random.Random) -> None:
    folder = work / "images" / f"image{at}"
    folder.mkdir(parents=True)
    chosen = chance.sample(range(len(versions)), min(INSTALLED, len(versions)))
    packages = [_package(n, max(1, versions[n] - chance.randrange(2))) for n in chosen]
    rows = [
        {
            "name": p.name,
            "evr": p.evr,
            "arch": p.arch,
            "sha256": p.sha256,
            "source": f"{p.source}-{p.evr}.src.rpm",
        }
        for p in packages
    ]
    (folder / MANIFEST).write_text(json.dumps(rows))
    (folder / PROVENANCE).write_text('{"predicate": {"buildDefinition": {"resolvedDependencies": []}}}')
    (folder / SUMS).write_text(f"{at:064}  disk.raw\n")
    replace_link(state.image_link(DISTRIBUTION, RELEASE, folder.name), folder)


if __name__ == "__main__":
    main()
