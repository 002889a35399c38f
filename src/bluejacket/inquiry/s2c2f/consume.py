"""Evidence on taking software in and on enforcing how: ING and ENF."""

from __future__ import annotations

import re
from pathlib import Path

from bluejacket.errors import OutsideError, UserError
from bluejacket.feed.channel import channels
from bluejacket.feed.snapshot import snapshots
from bluejacket.foundation.lock import lock_file, read_lock
from bluejacket.inquiry.attempt import shown
from bluejacket.inquiry.s2c2f.ground import Ground, Unproven, refuse
from bluejacket.inquiry.trust import CannotTell, sha256_of_file

_SOURCE = re.compile(r"^(?:metalink|baseurl|mirrorlist) ?=", re.MULTILINE)
_CHECKED = re.compile(r"^(?P<key>gpgcheck|repo_gpgcheck) ?= ?(?P<value>\S+)", re.MULTILINE)


def trusted_archives(ground: Ground) -> list[str]:
    """ING-1: each index of the lock was signed by a key that the foundation's definition names."""
    if not ground.lock.indexes:
        raise Unproven("the lock names no signed index")
    told = []
    for record in ground.lock.indexes:
        try:
            signers = ground.origin.trusted(record)
        except CannotTell as reason:
            raise Unproven(str(reason)) from reason
        if not signers:
            raise Unproven(
                f"the index of {record.archive} {record.suite} was signed by no key that is trusted"
            )
        told.append(f"{record.archive} {record.suite}, index {record.sha256[:16]}…, signed by {signers[0]}")
    return told


def local_copies(ground: Ground) -> list[str]:
    """ING-2: the store has every package that the lock pins, in its full size."""
    rows = [one.package for one in (*ground.lock.packages, *ground.lock.materials)]
    if not rows:
        raise Unproven("the lock pins no package")
    files = {row.nevra: ground.state.store.peek(row.sha256) for row in rows}
    absent = [row.nevra for row in rows if not (f := files[row.nevra]) or f.stat().st_size != row.size]
    refuse("packages of the lock are not in the store", absent, len(rows))
    return [
        f"{len(rows)} packages, {sum(row.size for row in rows)} bytes, in {ground.state.store.root / 'blobs'}"
    ]


def deny_list(ground: Ground) -> list[str]:
    """ING-3: packages are barred by name, and neither the lock nor the newest snapshot has one."""
    barred = set(ground.release.exclude)
    if not barred:
        raise Unproven("no definition excludes a package")
    locked = {one.package.name for one in ground.lock.packages}
    shipped = {one.name for one in ground.snapshot.packages}
    if inside := barred & (locked | shipped):
        raise Unproven(f"barred, and in nevertheless: {shown(list(inside))}")
    return [
        f"{len(barred)} names are barred, such as {shown(list(barred))}; "
        f"none of {len(shipped)} packages has one"
    ]


def source_copies(ground: Ground) -> list[str]:
    """ING-4: each package of the newest snapshot has its source recorded, and the store has its files."""
    found = ground.snapshot.sources
    covered = {name for source in found if not source.missing for name in source.of}
    names = [one.name for one in ground.snapshot.packages]
    refuse("packages have no source recorded", [name for name in names if name not in covered], len(names))
    files = {file.sha256: file.name for source in found for file in source.files}
    absent = [name for digest, name in files.items() if ground.state.store.peek(digest) is None]
    refuse("files of sources are not in the store", absent, len(files))
    return [f"{len(found)} source packages, {len(files)} files, in {ground.state.store.root / 'blobs'}"]


def safe_configuration(ground: Ground) -> list[str]:
    """ENF-1: a current lock pins all by hash, and what machines are given demands both signatures."""
    try:
        lock = read_lock(ground.release)
    except UserError as error:
        raise Unproven(str(error)) from error
    places = dict(_package_sources(ground.release.folder))
    if not places:
        raise Unproven("no package source for machines is found in the definitions' packages")
    unsafe = [str(file) for file, safe in places.items() if not safe]
    refuse("files name a package source without demanding both signatures", unsafe, len(places))
    pinned = len(lock.packages) + len(lock.materials) + len(lock.tools)
    file = lock_file(ground.release)
    return [
        f"{file}, SHA-256 {sha256_of_file(file)[:16]}…, pins {pinned} packages by hash",
        f"gpgcheck and repo_gpgcheck in {', '.join(map(str, places))}",
    ]


def _package_sources(folder: Path) -> list[tuple[Path, bool]]:
    """Give the files that name a package source for DNF, and whether each demands both signatures."""
    found = []
    for file in sorted((folder / "packages").rglob("*")):
        text = file.read_bytes().decode("utf-8", "replace") if file.is_file() else ""
        if number := len(_SOURCE.findall(text)):
            said = _CHECKED.findall(text)
            safe = all(value in ("1", "true", "yes") for _, value in said)
            enough = all(sum(key == k for k, _ in said) >= number for key in ("gpgcheck", "repo_gpgcheck"))
            found.append((file.relative_to(folder), safe and enough))
    return found


def curated_feed(ground: Ground) -> list[str]:
    """ENF-2: a channel leads to a snapshot that is as recorded, and images hold nothing from elsewhere."""
    release = ground.release
    try:
        there = {one.id: one for one in snapshots(ground.state, release)}
        found = channels(ground.state, release)
        told = []
        for one in found:
            snapshot = there.get(one.snapshot)
            if snapshot is None or snapshot.repomd_sha256 != one.pointed.sha256:
                raise Unproven(f"the channel {one.name} does not point at a snapshot as it was recorded")
            told.append(f"channel {one.name}: {one.snapshot}, repomd.xml {one.pointed.sha256[:16]}…")
        if not told:
            raise Unproven("no channel points at a snapshot")
        for image in ground.images:
            inside = {row["sha256"] for row in image.manifest()}
            fitting = [name for name, one in there.items() if inside <= {p.sha256 for p in one.packages}]
            if not fitting:
                raise Unproven(f"the image {image.name} has packages that are in no one snapshot")
            told.append(f"image {image.name}: its {len(inside)} packages are all in {fitting[-1]}")
    except OutsideError as error:
        raise Unproven(str(error)) from error
    return told
