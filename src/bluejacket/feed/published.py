"""What a release's feed looks like from outside: one tree below one address.

pool/HASH/PACKAGE.rpm          packages, shared by all snapshots
sources/HASH/FILE              corresponding source: our own, and all others if they are mirrored
snapshots/ID/repodata/…        one snapshot's signed metadata
snapshots/ID/sources.json      the source of its packages, signed: where it is, and by which hash
advisories/…                   the newest snapshot's advisories, in every format
channels/CHANNEL.metalink      which snapshot a channel points at
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bluejacket.definition import Release
from bluejacket.errors import Fault, OutsideError
from bluejacket.feed.advisory.names import FOLDER
from bluejacket.feed.channel import Channel, channels
from bluejacket.feed.pool import in_pool
from bluejacket.feed.serve import channel_of, metalink
from bluejacket.feed.shards import pool_location
from bluejacket.feed.snapshot import SOURCES, Snapshot, ids_in, snapshots
from bluejacket.feed.sources import PUBLISHED, source_location
from bluejacket.feed.written import written
from bluejacket.foundation.sources import SourceFile
from bluejacket.store import State

_SOURCES = (SOURCES, f"{SOURCES}.asc")
_HASHED = re.compile("([0-9a-f]{64})-")  # how createrepo_c names metadata


class Stage(StrEnum):
    """In which order files have to get there, so that nothing ever names what is not there yet."""

    PACKAGES = "packages"
    SOURCES = "sources"
    SNAPSHOTS = "snapshots"
    ADVISORIES = "advisories"
    CHANNELS = "channels"


@dataclass(frozen=True, slots=True)
class Item:
    """One file of the tree: its path, and a file or bytes with its content.

    What is `immutable` has the same content for ever once it is there. `sha256` is what the content has
    to have, where that is recorded.
    """

    path: str
    content: Path | bytes
    stage: Stage
    immutable: bool
    sha256: str = ""


def published(
    state: State,
    release: Release,
    addresses: Sequence[str],
    chosen: Sequence[Snapshot] | None = None,
    *,
    all_sources: bool = False,
) -> Iterator[Item]:
    """Give every file of a release's published tree in an order in which it is safe to put it there.

    Packages and sources come first, then each snapshot's metadata with repomd.xml last, then advisories, and
    the channels last of all. `addresses` are where machines find the tree, the preferred one first; `chosen`
    are the snapshots that are in it, oldest first, by default all. With `all_sources` the foundation's are
    there as well, which the store then has to have. Raises OutsideError for a source that it has lost.
    """
    found = snapshots(state, release) if chosen is None else chosen
    yield from _packages(found)
    yield from _sources(state, found, all_sources=all_sources)
    for snapshot in found:
        yield from _metadata(snapshot)
    if found:
        yield from _advisories(state, found[-1])
    for channel in channels(state, release):
        yield Item(f"channels/{channel.name}.metalink", _link(channel, addresses), Stage.CHANNELS, False)


def _packages(found: Sequence[Snapshot]) -> Iterator[Item]:
    seen: set[str] = set()
    for snapshot in found:
        for package in snapshot.packages:
            path = pool_location(package.filename, package.sha256)
            if path not in seen:
                seen.add(path)
                yield Item(path, in_pool(snapshot.tree, path), Stage.PACKAGES, True, package.sha256)


def _sources(state: State, found: Sequence[Snapshot], *, all_sources: bool) -> Iterator[Item]:
    for path, file in sources_in(found, all_sources=all_sources).items():
        blob = state.store.blob(file.sha256)
        if blob is None:
            what = f"the store has lost {file.name}, the source of published packages"
            raise OutsideError(Fault(what, "restore it; `bluejacket store verify` tells all that is damaged"))
        yield Item(path, blob, Stage.SOURCES, True, file.sha256)


def sources_in(found: Iterable[Snapshot], *, all_sources: bool) -> dict[str, SourceFile]:
    """Give the files of the sources that snapshots list, by path; without `all_sources` only our own."""
    return {
        source_location(file): file
        for snapshot in found
        if (snapshot.folder / SOURCES).is_file()  # those that were made before say nothing of a place
        for source in snapshot.sources
        if all_sources or not source.archive
        for file in source.files
    }


def _metadata(snapshot: Snapshot) -> Iterator[Item]:
    for name in _SOURCES:
        file = snapshot.folder / name
        if file.is_file():
            yield Item(f"snapshots/{snapshot.id}/{name}", file, Stage.SNAPSHOTS, True)
    repodata = snapshot.folder / "repodata"
    files = sorted(repodata.iterdir(), key=lambda file: (file.name == "repomd.xml", file.name))
    for file in files:
        named = _HASHED.match(file.name)
        sha256 = snapshot.repomd_sha256 if file.name == "repomd.xml" else named[1] if named else ""
        yield Item(f"snapshots/{snapshot.id}/repodata/{file.name}", file, Stage.SNAPSHOTS, True, sha256)


def _advisories(state: State, snapshot: Snapshot) -> Iterator[Item]:
    for path, sha256 in sorted(written(state.store, snapshot).items()):
        if path.startswith(f"{FOLDER}/"):
            yield Item(path, snapshot.folder / path, Stage.ADVISORIES, False, sha256)


def _link(channel: Channel, addresses: Sequence[str]) -> bytes:
    bases = (f"{address.rstrip('/')}/snapshots/{channel.snapshot}" for address in addresses)
    return metalink(channel.pointed, *bases).encode("utf-8")


@dataclass(frozen=True, slots=True)
class Tree:
    """The published tree of a release as a site, straight from the state folder as it is now."""

    state: State
    release: Release

    def find(self, path: str, address: str) -> Path | bytes:
        """Give a file of the tree; channels are rendered for the address that the client came to."""
        first, _, rest = path.partition("/")
        if channel := channel_of(path):
            return self._channel(channel, address)
        if first == "snapshots":
            name, _, below = rest.partition("/")
            return self._inside(name, ("repodata", *_SOURCES), below)
        if first == FOLDER and (names := self._ids()):
            return self._inside(names[-1], (FOLDER,), path)
        if first == "pool":
            return self._package(path)
        if first == PUBLISHED:
            return self._source(path)
        raise FileNotFoundError(path)

    def _ids(self) -> list[str]:
        return ids_in(self._folder())

    def _folder(self) -> Path:
        return self.state.snapshots(self.release.distribution.id, self.release.version)

    def _channel(self, name: str, address: str) -> bytes:
        for channel in channels(self.state, self.release):
            if channel.name == name:
                if not address:
                    raise ValueError("a metalink for nowhere")
                return _link(channel, [address])
        raise FileNotFoundError(name)

    def _inside(self, name: str, tops: Sequence[str], below: str) -> Path:
        """Give a file of a snapshot's folder that lies in one of the folders `tops`."""
        if name not in self._ids():
            raise FileNotFoundError(name)
        folder = (self._folder() / name).resolve(strict=True)
        file = (folder / below).resolve(strict=True)
        if not any(file.is_relative_to(folder / top) for top in tops) or not file.is_file():
            raise FileNotFoundError(below)
        return file

    def _source(self, path: str) -> Path:
        """Give a file of a source that the store has; the foundation's may never have been asked for."""
        for name in reversed(self._ids()):
            file = sources_in([Snapshot.load(self._folder() / name)], all_sources=True).get(path)
            if file and (blob := self.state.store.blob(file.sha256)):
                return blob
        raise FileNotFoundError(path)

    def _package(self, path: str) -> Path:
        for name in reversed(self._ids()):
            tree = (self._folder() / name).resolve(strict=True).parents[1]
            if (file := in_pool(tree, path)).is_file():
                return file
        raise FileNotFoundError(path)
