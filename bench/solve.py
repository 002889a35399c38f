"""Load and solve the foundation's whole archive: Bluejacket against DNF5, on the same rpm-md metadata.

    .venv/bin/python bench/solve.py [--release 4] [--runs 5] [--tools DIR] [--work DIR]

Both get one repository folder (primary.xml in zstd, repomd.xml) through a file:// address, with
signature checks off, and choose the packages that the release names, without weak dependencies.
Cold: nothing but that folder is there. Warm: each has the cache that its own cold run left. The runs
are interleaved; what the sandbox itself takes is measured, and taken off DNF5's. Memory is that of all
processes of a run together, shared pages counted once.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import createrepo_c
from measure import Cost, median, memory, run, write_bytecode

from bluejacket.definition import ComponentKind, load
from bluejacket.definition.release import Release
from bluejacket.foundation.index import Index
from bluejacket.foundation.lock import read_lock
from bluejacket.foundation.locked import archive_of
from bluejacket.store.state import State, state_folder
from bluejacket.tools import Sandbox
from bluejacket.tools.tree import tools_step

Round = tuple[str, Cost | float]
_MEMORY_RUNS = 3

HERE = Path(__file__).resolve().parent
OURS = """
import json, os, sys
from pathlib import Path
from bluejacket.foundation.rpmmd.source import Source
from bluejacket.foundation.solve import solve
from bluejacket.foundation.solvfile import new_pool
from bluejacket.store import Store
state, repository, names = Path(sys.argv[2]), sys.argv[3], json.loads(Path(sys.argv[4]).read_text())
source = Source("archive", baseurls=(repository,), metadata_signed=False)
store, indexes = Store(state / "store"), state / "indexes"
if sys.argv[1] == "cold":
    from bluejacket.foundation.fetch import Fetcher, Proxies
    from bluejacket.foundation.rpmmd.refresh import refresh
    from bluejacket.report import SILENT
    indexes.mkdir(parents=True)
    with Fetcher(store, SILENT, proxies=Proxies()) as fetcher:
        found = refresh(source, fetcher, store, indexes)
else:
    from bluejacket.foundation.rpmmd.reopen import reopen
    found = reopen(source, store, indexes)
pool = new_pool()
loaded = found.load(pool)
for choice in solve(pool, names):
    print(choice.name)
sys.stdout.flush()
os._exit(0)  # as the program itself ends
"""


def main() -> None:
    """Measure and print a table; status 1 when a target is missed."""
    arguments = parser().parse_args()
    work = arguments.work.absolute()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    release = load(HERE.parent / "distro").release(arguments.release)
    repository = make_repository(release, work / "repository")
    names = work / "names.json"
    names.write_text(json.dumps(wanted(release)))
    (work / "ours.py").write_text(OURS)
    write_bytecode()
    sandbox = Sandbox((arguments.tools or tools_of(release)).absolute(), work / "logs")
    costs: dict[str, list[Cost]] = {}
    peaks: dict[str, list[float]] = {}
    for name, cost in rounds(work, repository, names, sandbox, arguments.runs):
        if isinstance(cost, Cost):
            costs.setdefault(name, []).append(cost)
        else:
            peaks.setdefault(name, []).append(cost)
    tell(costs, {name: statistics.median(found) for name, found in peaks.items()})


def parser() -> argparse.ArgumentParser:
    """Give the command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--release", default="4")
    words.add_argument("--runs", type=int, default=5)
    words.add_argument("--tools", type=Path, help="a tree with DNF5 and bwrap [default: the tools tree]")
    words.add_argument("--work", type=Path, default=Path("build/bench-solve"))
    return words


def tools_of(release: Release) -> Path:
    """Give the release's tools tree, which a build has made."""
    tree = State(state_folder()).store.step(tools_step(release, read_lock(release, current=False)))
    return tree or sys.exit("there is no tools tree yet: build something first, or name one with --tools")


def wanted(release: Release) -> list[str]:
    """Give the packages that the release takes from its foundation."""
    imported = (c for c in release.components if c.kind is ComponentKind.IMPORT)
    return sorted({name for component in imported for name in component.wanted})


def make_repository(release: Release, folder: Path) -> Path:
    """Write the whole archive as an RPM repository without packages."""
    state = State(state_folder())
    index = archive_of(state, release, release.foundation).refresh()
    assert isinstance(index, Index)
    data = folder / "repodata"
    data.mkdir(parents=True)
    packed = data / "primary.xml.zst"
    createrepo_c.compress_file(str(index.folder / "primary.xml"), str(packed), createrepo_c.ZSTD)
    record = createrepo_c.RepomdRecord("primary", str(packed))
    record.fill(createrepo_c.SHA256)
    repomd = createrepo_c.Repomd()
    repomd.set_revision("1")
    repomd.set_record(record)
    (data / "repomd.xml").write_text(repomd.xml_dump())
    count = (index.folder / "primary.xml").open("rb").read(400).partition(b'packages="')[2].partition(b'"')[0]
    print(f"{count.decode()} packages, primary.xml.zst {packed.stat().st_size / 1e6:.1f} MB")
    return folder


def rounds(work: Path, repository: Path, names: Path, sandbox: Sandbox, runs: int) -> Iterator[Round]:
    """Give every single cost under its name, interleaved, and then what memory each takes."""
    idle = dnf(work, repository, sandbox, ["true"])
    chosen: dict[str, set[str]] = {}
    for nth in range(runs):
        yield "sandbox alone", run(idle, work / "idle.log")
        for heat in ("cold", "warm"):
            cost = run(ours(work, repository, names, heat), work / "ours.log")
            if cost.status:
                sys.exit(cost.output)
            chosen["ours"] = set(cost.output.split())
            yield f"bluejacket {heat}", cost
            cost = run(dnf(work, repository, sandbox, dnf_command(names), heat), work / "dnf5.log")
            chosen["dnf5"] = set(re.findall(r"^ (\S+) +(?:x86_64|noarch) ", cost.output, re.M))
            yield f"dnf5 {heat}", cost
        for heat in ("cold", "warm") if nth < _MEMORY_RUNS else ():
            yield f"bluejacket {heat}", memory(ours(work, repository, names, heat), work / "ours.log")
            command = dnf(work, repository, sandbox, dnf_command(names), heat)
            yield f"dnf5 {heat}", memory(command, work / "dnf5.log")
    same = len(chosen["ours"] & chosen["dnf5"])
    print(f"chosen: bluejacket {len(chosen['ours'])}, dnf5 {len(chosen['dnf5'])}, {same} of them the same")
    if not chosen["dnf5"]:
        sys.exit((work / "dnf5.log").read_text())


def ours(work: Path, repository: Path, names: Path, heat: str) -> list[str]:
    """Give the command that loads and solves in a fresh process of ours, with its cache as `heat` says."""
    state = work / "state"
    if heat == "cold":
        shutil.rmtree(state, ignore_errors=True)
    return [sys.executable, str(work / "ours.py"), heat, str(state), repository.as_uri(), str(names)]


def dnf_command(names: Path) -> list[str]:
    """Give DNF5's command line."""
    settings = {
        "cachedir": "/tmp/bench/cache",
        "system_cachedir": "/tmp/bench/cache",
        "logdir": "/tmp/bench/log",
        "install_weak_deps": "0",
        "metadata_expire": "-1",
        "reposdir": "/tmp/bench/none",
        "plugins": "0",
        "gpgcheck": "0",
        "pkg_gpgcheck": "0",
    }
    options = [f"--setopt={name}={value}" for name, value in settings.items()]
    root = ["--installroot=/tmp/bench/root", "--use-host-config", "--releasever=4", "--forcearch=x86_64"]
    repo = ["--repofrompath=archive,file:///tmp/bench/repository", "--repo=archive"]
    return ["dnf5", *root, *repo, *options, "--assumeno", "install", *json.loads(names.read_text())]


def dnf(work: Path, repository: Path, sandbox: Sandbox, command: list[str], heat: str = "") -> list[str]:
    """Give the line that runs a command of the tools tree, with DNF5's cache as `heat` says."""
    home = work / "dnf5"
    if heat == "cold":
        shutil.rmtree(home, ignore_errors=True)
    for name in ("cache", "log", "root", "none"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "repository").mkdir(exist_ok=True)
    argv = sandbox.argv(
        command,
        binds={home: "/tmp/bench", repository: "/tmp/bench/repository"},
        env={"LC_ALL": "C.UTF-8", "COLUMNS": "300"},
    )
    # Without it bubblewrap leaves before it has waited for its child, and the CPU time is lost.
    argv.insert(argv.index(str(sandbox.tools / "usr/bin/bwrap")) + 1, "--as-pid-1")
    return argv


def tell(costs: dict[str, list[Cost]], peaks: dict[str, float]) -> None:
    """Print the table, and whether the targets are met."""
    print(f"{'':16} {'seconds':>8} {'CPU s':>7} {'peak MiB':>9}  all runs, seconds")
    for name, found in costs.items():
        cost, runs = median(found), " ".join(f"{one.wall_s:.2f}" for one in found)
        peak = f"{peaks[name]:.0f}" if name in peaks else ""
        print(f"{name:16} {cost.wall_s:8.2f} {cost.cpu_s:7.2f} {peak:>9}  {runs}")
    idle = median(costs["sandbox alone"])
    missed = False
    for heat, target in (("cold", 2.0), ("warm", 1.0)):
        mine, theirs = median(costs[f"bluejacket {heat}"]), median(costs[f"dnf5 {heat}"])
        faster = (theirs.wall_s - idle.wall_s) / mine.wall_s
        less = (theirs.cpu_s - idle.cpu_s) / mine.cpu_s
        memory = peaks[f"bluejacket {heat}"] / peaks[f"dnf5 {heat}"]
        missed |= faster < target or memory > 1
        print(
            f"{heat}: {faster:.2f} times as fast as dnf5 (target {target}), {less:.2f} times less CPU, "
            f"{memory:.2f} of its memory"
        )
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
