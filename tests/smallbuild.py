"""A distribution small enough to be built many times: a shell's closure and one package of our own."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bluejacket.definition import Release, load
from bluejacket.foundation.lock import Lock, lock_file, read_lock
from bluejacket.foundation.locked import fetch_locked
from bluejacket.foundation.locking import make_lock
from bluejacket.store import State, Store
from bluejacket.tools.tree import tools_step

COMPONENTS = """\
[group]
description = "What the test builds"

[[component]]
name = "bash"
reason = "a shell and the libraries below it"

[[component]]
name = "base-passwd"
reason = "the first users and groups"

[[component]]
name = "bluejacket-hardening"
kind = "spec"
spec = "packages/bluejacket-hardening/bluejacket-hardening.spec"
reason = "a package of our own, built by rpmbuild"
"""


@dataclass
class Small:
    """The definitions and the prepared store; `fresh` gives a state folder with nothing built in it."""

    distro: Path
    release: Release
    lock: Lock
    state: State
    tools: str

    def fresh(self, root: Path, *, copied: bool = False) -> Path:
        """Give a state folder that has the downloads, the tools tree and the key, and nothing else.

        `copied` is for another file system: the downloads are copied there, the tools tree stays.
        """
        target, source = Store(root / "store").root, self.state.store.root
        for entry in self.lock.packages:
            name = f"blobs/{entry.package.sha256[:2]}/{entry.package.sha256}"
            link(source, target, name, shutil.copy2 if copied else os.link)
        tools = f"steps/{self.tools[:2]}/{self.tools}"
        if copied:
            (target / tools).parent.mkdir(parents=True)
            (target / tools).symlink_to(source / tools)
        else:
            link(source, target, tools, os.link)
        keys = self.state.keys
        if keys.is_dir():
            shutil.copytree(keys, root / "keys")
            (root / "keys").chmod(0o700)
        return root

    def start(self, root: Path, umask: int = 0o022) -> subprocess.Popen[str]:
        """Start a build in the state folder `root`, as a person would."""
        command = [sys.executable, "-m", "bluejacket", "--distro", str(self.distro), "--state", str(root)]
        return subprocess.Popen(
            [*command, "build", self.release.version],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            umask=umask,
        )

    def feed_link(self, root: Path) -> Path:
        """Give the link to the newest feed of the state folder `root`."""
        return State(root).feed_link(self.release.distribution.id, self.release.version)

    def feed_digest(self, root: Path) -> str:
        """Give one hash over every file of the feed that was built."""
        feed = self.feed_link(root).resolve()
        files = sorted(f for f in feed.rglob("*") if f.is_file())
        assert feed / "repodata/repomd.xml" in files
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file.relative_to(feed)}\0{file.stat().st_mode:o}\0".encode() + file.read_bytes())
        return digest.hexdigest()


def link(source: Path, target: Path, name: str, copy: Callable[[Path, Path], object]) -> None:
    """Make the tree `name` of one store appear in another, file by file the same."""
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    if (source / name).is_dir():
        shutil.copytree(source / name, target / name, symlinks=True, copy_function=copy)
    else:
        copy(source / name, target / name)


def prepare(distro: Path, folder: Path, state: State, tools_lock: Lock, big: Release) -> Small:
    """Write the small definitions below `folder`, lock them, and fetch what they need into `state`."""
    copy = folder / "distro"
    shutil.copytree(distro, copy, ignore=shutil.ignore_patterns("locks", "catalogue.toml"))
    for name in ("components", "images"):
        shutil.rmtree(copy / name)
    (copy / "components").mkdir()
    (copy / "components/small.toml").write_text(COMPONENTS)
    for table in (copy / "releases").glob("*.toml"):
        lines = [
            line for line in table.read_text().splitlines() if not line.startswith(("images", "previous"))
        ]
        small = ('groups = ["small"]' if line.startswith("groups") else line for line in lines)
        table.write_text("\n".join(small))
    release = load(copy).release("4")
    lock, _ = make_lock(state, release)
    fetch_locked(state, release, lock.packages, "Packages")
    assert lock_file(release).is_file()
    assert [e.package.sha256 for e in lock.tools] == [e.package.sha256 for e in tools_lock.tools]
    return Small(copy, release, read_lock(release), state, tools_step(big, tools_lock).key)


def end(child: subprocess.Popen[str], how: signal.Signals) -> str:
    """Send the signal to the program itself, not to its children, and give what it said."""
    child.send_signal(how)
    told, _ = child.communicate(timeout=120)
    return told


def survivors(marker: Path, patience_s: float = 20) -> list[str]:
    """Give the processes that still work on `marker` after some patience."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        found = [
            line
            for line in subprocess.run(
                ["ps", "-eo", "pid,args"], capture_output=True, text=True
            ).stdout.split("\n")
            if str(marker) in line
        ]
        if not found:
            return []
        time.sleep(0.2)
    return found
