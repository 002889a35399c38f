"""The tools tree: verified packages of the foundation, unpacked; none of their scripts is run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from bluejacket.definition import Release
from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.debian.deb import Entry, Kind, read_deb
from bluejacket.foundation.lock import Lock, Locked
from bluejacket.parallel import worker_pool
from bluejacket.report import Report
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical

_MERGED = ("/bin/", "/sbin/", "/lib/", "/lib64/")  # below /usr, to which links lead (usr-merge)
_LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
)
_MASTER = "usr/share/base-passwd"  # users and groups that every Debian system has

Fetch = Callable[[Sequence[Locked]], dict[str, Path]]


def tools_tree(store: Store, release: Release, lock: Lock, fetch: Fetch, report: Report) -> Path:
    """Give the tools tree of a lock, unpacked now if it is not there yet.

    `fetch` gives the verified packages by their SHA-256. Raises OutsideError for a package that
    cannot be unpacked.
    """
    step = tools_step(release, lock)
    if (found := store.step(step)) is not None:
        return found
    report.line(f"making the tools tree from {len(lock.tools)} packages")
    files = fetch(lock.tools)
    packages = [files[locked.package.sha256] for locked in lock.tools]

    def work(into: Path) -> None:
        unpack(packages, into, report)
        finish(into, _links(release))

    return store.obtain(step, work)


def tools_step(release: Release, lock: Lock) -> Step:
    """Give the step whose result is the tools tree."""
    return Step(
        "tools-tree",
        code_of("bluejacket.tools.tree", "bluejacket.foundation.debian.deb"),
        canonical(_links(release)),
        tuple(locked.package.sha256 for locked in lock.tools),
    )


def _links(release: Release) -> list[tuple[str, str]]:
    return [(link.path, link.target) for link in release.tools.links]


def unpack(packages: Sequence[Path], into: Path, report: Report) -> None:
    """Unpack Debian packages side by side into `into`, all owned by the caller."""
    tasks = [(str(package), str(into)) for package in packages]
    with (
        report.bar("Unpacking the tools tree", len(tasks)) as bar,
        worker_pool() as pool,
    ):
        for _ in pool.map(_unpack_one, tasks, chunksize=4):
            bar.advance()


def _unpack_one(task: tuple[str, str]) -> None:
    package, into = task
    deb = read_deb(Path(package))
    later: list[Entry] = []
    for entry in deb.entries.values():
        path = merged(entry.path)
        if any(fnmatchcase(path, pattern) for pattern in _LEFT_OUT):
            continue
        if entry.twin and merged(entry.twin) != path:
            later.append(entry)
            continue
        _place(Path(into + path), entry)
    for entry in later:  # hard links, after what they link to
        target = Path(into + merged(entry.path))
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(into + merged(entry.twin), target)


def merged(path: str) -> str:
    """Give the path with /bin, /sbin and /lib* below /usr."""
    return "/usr" + path if path.startswith(_MERGED) else path


def _place(path: Path, entry: Entry) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match entry.kind:
        case Kind.FOLDER:
            path.mkdir(exist_ok=True)
            path.chmod(entry.mode | 0o700)
        case Kind.LINK:
            if not path.is_symlink():
                path.symlink_to(entry.target)
        case Kind.FILE:
            path.write_bytes(entry.content)
            path.chmod(entry.mode)
        case _:
            raise OutsideError(Fault(f"{entry.path} is a {entry.kind.value}, which no tool needs"))


def finish(tree: Path, links: Iterable[tuple[str, str]]) -> None:
    """Do the little that the packages' scripts would have done for a tree in which programs run."""
    for name in ("passwd", "group"):
        master = tree / _MASTER / f"{name}.master"
        if master.is_file():
            (tree / "etc" / name).write_bytes(master.read_bytes())
    for path, target in links:
        link = tree / path.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    for folder in ("dev", "proc", "sys", "run", "tmp", "var/tmp", "work"):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    if not (tree / "usr/bin/sh").exists():
        raise OutsideError(
            Fault("the tools tree has no shell", "name one under [tools] packages of the release")
        )
