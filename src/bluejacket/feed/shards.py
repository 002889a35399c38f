"""Metadata in shards: what a few packages say, compressed once and joined as it is.

A file of zstd or gzip may be several streams end to end (RFC 8878 §3.1, RFC 1952 §2.2), so that a feed
in which few packages changed costs the compression of their shards only.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import zstandard

from bluejacket.definition.feed import Feed
from bluejacket.feed.former import FILE, Former, read_shard
from bluejacket.feed.shard import SUFFIXES, Shard, packed, shard_of, unpacked
from bluejacket.forks import forked
from bluejacket.package.describe import KINDS
from bluejacket.package.made import Made
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical

POOL = "pool"  # the folder of all packages, beside `snapshots/`
TO_POOL = "../../"  # how the metadata of a snapshot lead to what is beside `snapshots/`
_LEAST = 48  # packages of a shard; fewer compress worse, more make a small change dearer
_MORE = 16  # packages beyond these, on average
_WORTH_FORKING = 64  # packages to be described
_CODE = ("bluejacket.feed.former", "bluejacket.feed.shard", "bluejacket.feed.shards")
_RPM = 'xmlns:rpm="http://linux.duke.edu/metadata/rpm"'
_COMMON = "http://linux.duke.edu/metadata"
_ROOTS = {
    "primary": ("metadata", f'xmlns="{_COMMON}/common" {_RPM}'),
    "filelists": ("filelists", f'xmlns="{_COMMON}/filelists"'),
    "other": ("otherdata", f'xmlns="{_COMMON}/other"'),
}


@dataclass(frozen=True, slots=True)
class Written:
    """A metadata file: its SHA-256, and its sizes in bytes, as it is and unpacked."""

    kind: str
    file: Path
    sha256: str
    size: int
    open_size: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata files written, and the SHA-256 of every package by its file name."""

    files: tuple[Written, ...]
    packages: Mapping[str, str]


def pool_location(rpm: str, sha256: str) -> str:
    """Give where a package file lies in the pool that snapshots share, below the feed's address.

    Its hash is in it: two snapshots may hold different files of one name.
    """
    return f"{POOL}/{sha256[:16]}/{rpm}"


def write_metadata(
    store: Store,
    repodata: Path,
    packages: Sequence[Made],
    feed: Feed,
    *,
    kinds: Sequence[str] = KINDS,
    pooled: bool = False,
) -> Metadata:
    """Write metadata of these `kinds` about `packages` into the folder `repodata`, named by their hashes.

    The same packages give the same bytes, whatever shards the store already has. With `pooled` the
    packages lie in the pool two folders up, else beside the folder.
    """
    shards = _shards(store, packages, feed, tuple(kinds), pooled)
    hashes = {name: sha256 for shard in shards for name, sha256 in shard.packages.items()}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # unpacking and hashing wait for no other thread
        jobs = [pool.submit(_join, repodata, kind, shards, len(packages), feed.compression) for kind in kinds]
        return Metadata(tuple(job.result() for job in jobs), hashes)


def sharded(packages: Sequence[Made]) -> Iterator[list[Made]]:
    """Give the packages by shard, in the order of their names, in which those of one source stand together.

    They come in the order of their file names, in which those of one name stay.
    A shard ends with a package whose name says so, wherever it stands: a change elsewhere moves nothing
    beyond the next few shards, and a new version moves none.
    """
    ordered, start = sorted(packages, key=attrgetter("name")), 0
    while start < len(ordered):
        end = start + _LEAST
        while end < len(ordered) and zlib.crc32(ordered[end - 1].name.encode()) % _MORE:
            end += 1
        yield ordered[start:end]
        start = end


def _shards(
    store: Store,
    packages: Sequence[Made],
    feed: Feed,
    kinds: tuple[str, ...],
    pooled: bool,
) -> list[Shard]:
    """Give every shard, made where it is not there."""
    libraries = [zstandard.__version__, zlib.ZLIB_RUNTIME_VERSION]
    options = canonical([feed.compression, feed.changelogs, kinds, pooled, *libraries])
    code = code_of(*_CODE)
    groups = list(sharded(packages))
    steps = [Step("metadata", code, options, tuple(made.key for made in group)) for group in groups]
    keys = [step.key for step in steps]
    shards = [read_shard(store, key) for key in keys]
    missing = [number for number, shard in enumerate(shards) if shard is None]
    former = Former(store, [code, options, feed.name, feed.address], feed.compression)
    known = {number: former.of(groups[number]) for number in missing}
    place = _in_pool if pooled else None
    make = lambda number: shard_of(groups[number], feed, kinds, place, known[number]).as_bytes()  # noqa: E731
    new = sum(len(groups[number]) - len(known[number]) for number in missing)
    with forked(make) if new >= _WORTH_FORKING else nullcontext(make) as work:

        def obtain(number: int) -> Shard:
            write = lambda into: _write(into / FILE, work(number))  # noqa: E731
            return Shard.parse((store.obtain(steps[number], write, synced=False) / FILE).read_bytes())

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for number, shard in zip(missing, pool.map(obtain, missing), strict=True):
                shards[number] = shard
    if missing:
        former.note((group[0].name, key) for group, key in zip(groups, keys, strict=True))
    return [shard for shard in shards if shard is not None]


def _in_pool(rpm: str, sha256: str) -> str:
    return TO_POOL + pool_location(rpm, sha256)


def _write(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    file.chmod(0o644)  # whatever the umask


def _join(repodata: Path, kind: str, shards: Sequence[Shard], count: int, compression: str) -> Written:
    """Write one file. Nothing is unpacked: what has one hash, as it is packed, unpacks to one thing."""
    element, names = _ROOTS[kind]
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<{element} {names} packages="{count}">\n'.encode()
    tail = f"</{element}>\n".encode()
    open_size = len(head) + sum(shard.open_sizes[kind] for shard in shards) + len(tail)
    streams = [
        packed(head, compression),
        *(shard.streams[kind] for shard in shards),
        packed(tail, compression),
    ]
    if compression == "xz":  # not every reader goes on after the first stream of an xz file
        streams = [packed(b"".join(unpacked(stream, "xz") for stream in streams), "xz")]
    whole = hashlib.sha256()
    for stream in streams:
        whole.update(stream)
    file = repodata / f"{whole.hexdigest()}-{kind}.xml{SUFFIXES[compression]}"
    with file.open("wb") as target:
        target.writelines(streams)
    file.chmod(0o644)
    return Written(kind, file, whole.hexdigest(), sum(map(len, streams)), open_size)
