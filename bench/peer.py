"""mkosi as the peer: a tree of its own to run from, and a mirror on this disk with all it may install."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import Cost, run

from bluejacket.definition import DebianFoundation, Release
from bluejacket.foundation import solvfile
from bluejacket.foundation.debian.control import stanzas as read_stanzas
from bluejacket.foundation.index import Index
from bluejacket.foundation.locked import archive_of
from bluejacket.foundation.solve import solve
from bluejacket.report import SILENT
from bluejacket.store import State
from bluejacket.tools import Sandbox
from bluejacket.tools.tree import finish, unpack

VERSION = 27
# What it runs, and what its default initrd is made of (mkosi/resources/mkosi-initrd).
PROGRAMS = ["mkosi", "apt", "debian-archive-keyring", "systemd-container", "uidmap", "btrfs-progs"]
INITRD = [
    "systemd",
    "udev",
    "bash",
    "less",
    "gzip",
    "kmod",
    "dmsetup",
    "libcryptsetup12",
    "libseccomp2",
    "btrfs-progs",
    "e2fsprogs",
    "dosfstools",
    "procps",
    "util-linux",
    "mount",
    "libfido2-1",
    "libfdisk1",
    "libtss2-esys-3.0.2-0t64",
    "libtss2-mu-4.0.1-0t64",
    "libtss2-rc0t64",
    "libtss2-tcti-device0t64",
    "systemd-cryptsetup",
    "systemd-repart",
    "systemd-tpm",
    "dpkg",
    "base-files",
    "libc6",
    "apt",
    "tpm2-tools",
    "python3",
    "init-system-helpers",
]
# In the place of our own packages: upstream's policy and kernel, and the smallest maker of initrds,
# which upstream's kernel asks for and mkosi does not use.
IN_PLACE_OF_OURS = ["selinux-policy-default", "linux-image-cloud-amd64", "tiny-initramfs"]

CONF = """\
[Distribution]
Distribution=debian
Release={suite}
LocalMirror=file:///run/repo
RepositoryKeyCheck=no

[Output]
Format=disk
Output=image
OutputDirectory=/run/work/out
ManifestFormat=

[Content]
Bootable=yes
Bootloader=systemd-boot
SELinuxRelabel=yes
ExtraTrees=/run/conf/extra
WithDocs=no
Packages=
{packages}

[Build]
WorkspaceDirectory=/run/work
CacheDirectory=/run/work/cache
PackageCacheDirectory=/run/work/pkgcache
ToolsTree=
"""


@dataclass
class Mkosi:
    """mkosi in a sandbox of ours, with everything it needs already on this disk."""

    tree: Path
    repo: Path
    work: Path
    conf: Path
    log: Path

    @property
    def setting(self) -> Path:
        """The configuration file that the benchmark changes."""
        return self.conf / "extra/etc/bench.conf"

    def build(self, *options: str, watch_s: float = 0.0) -> Cost:
        """Build the image. Exits with mkosi's own words when it fails. `watch_s`: see `run`."""
        box = Sandbox(self.tree, self.log.parent)
        argv = box.argv(
            ["mkosi", "--directory", "/run/conf", "--force", *options, "build"],
            binds={self.work: "/run/work"},
            ro_binds={self.repo: "/run/repo", self.conf: "/run/conf"},
            cwd="/run/conf",
            env={"HOME": "/run/work"},
        )
        # Without it bubblewrap leaves before it has waited for its child, and the CPU time is lost.
        argv.insert(argv.index(str(self.tree / "usr/bin/bwrap")) + 1, "--as-pid-1")
        cost = run(argv, self.log, watch_s)
        if cost.status:
            raise SystemExit(cost.output[-4000:])
        return cost

    def forget(self) -> None:
        """Drop what earlier builds left, apart from mkosi's package cache."""
        for name in ("out", "cache"):
            shutil.rmtree(self.work / name, ignore_errors=True)
            (self.work / name).mkdir(parents=True)


def prepare(state: State, release: Release, packages: Sequence[str], folder: Path) -> Mkosi:
    """Make the peer's tree, mirror and configuration below `folder`; `packages` is the image's list."""
    index = archive_of(state, release, release.foundation).refresh()
    assert isinstance(index, Index)
    assert isinstance(release.foundation, DebianFoundation)
    wanted = [*packages, *IN_PLACE_OF_OURS]
    tree = folder / "tree"
    if not tree.is_dir():
        debs = fetch(state, release, index, [*release.tools.packages, *PROGRAMS])
        tree.mkdir(parents=True)
        unpack(debs, tree, SILENT)
        finish(tree, [(link.path, link.target) for link in release.tools.links])
    repo = folder / "repo"
    shutil.rmtree(repo, ignore_errors=True)
    debs = fetch(state, release, index, [*wanted, *INITRD, *_required(index)])
    suite = release.foundation.suites[0].name
    write_mirror(repo, debs, suite)
    conf, work = folder / "conf", folder / "work"
    (conf / "extra/etc").mkdir(parents=True, exist_ok=True)
    listed = "\n".join(f"        {name}" for name in wanted)
    (conf / "mkosi.conf").write_text(CONF.format(suite=suite, packages=listed))
    for name in ("out", "cache", "pkgcache"):
        (work / name).mkdir(parents=True, exist_ok=True)
    told = Sandbox(tree, folder).output(["mkosi", "--version"], name="version")
    if not told.startswith(f"mkosi {VERSION}"):
        raise SystemExit(f"the peer is mkosi {VERSION}, and the archive has {told.strip()}")
    print(f"peer: {told.strip()}", flush=True)
    return Mkosi(tree, repo, work, conf, folder / "mkosi.log")


def fetch(state: State, release: Release, index: Index, names: Sequence[str]) -> list[Path]:
    """Give the packages that fulfil `names`, downloaded."""
    pool = solvfile.new_pool()
    index.load(pool)
    known = _known(index)
    chosen = solve(pool, [name for name in names if name in known], favour=index.favoured(), what="the peer")
    archive = archive_of(state, release, release.foundation)
    packages = index.look_up(choice.key for choice in chosen)
    wanted = archive.wanted([(p.nevra, p.archive, p.location, p.size, p.sha256) for p in packages])
    with archive.fetcher() as fetcher:
        return list(fetcher.fetch_all(wanted, "Packages of the peer").values())


def _known(index: Index) -> set[str]:
    with sqlite3.connect(index.folder / "packages.sqlite") as database:
        return {name for (name,) in database.execute("SELECT name FROM package")}


def _required(index: Index) -> list[str]:
    with sqlite3.connect(index.folder / "packages.sqlite") as database:
        return [n for (n,) in database.execute("SELECT name FROM package WHERE priority = 'required'")]


def write_mirror(repo: Path, debs: Sequence[Path], suite: str) -> None:
    """Write an unsigned archive with just these packages (Debian repository format)."""
    folder = repo / f"dists/{suite}/main/binary-amd64"
    folder.mkdir(parents=True)
    stanzas = []
    for deb in debs:
        told = subprocess.run(["dpkg-deb", "--field", str(deb)], capture_output=True, text=True, check=True)
        fields = next(read_stanzas(told.stdout))
        name = f"{fields['package']}_{fields['version'].replace(':', '%3a')}_{fields['architecture']}.deb"
        shutil.copyfile(deb, repo / name)
        stanzas.append(f"{told.stdout}Filename: {name}\nSize: {deb.stat().st_size}\nSHA256: {deb.name}\n")
    text = "\n".join(stanzas).encode()
    (folder / "Packages").write_bytes(text)
    (repo / f"dists/{suite}/Release").write_text(
        f"Suite: {suite}\nCodename: {suite}\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nArchitectures: amd64\n"
        f"Components: main\nSHA256:\n {hashlib.sha256(text).hexdigest()} {len(text)} "
        "main/binary-amd64/Packages\n"
    )
