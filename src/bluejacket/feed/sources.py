"""Corresponding source of a feed: listed, published beside it, and mirrored into a folder."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bluejacket.definition import Release
from bluejacket.definition.explain import nearest
from bluejacket.errors import Fault, OutsideError, UserError
from bluejacket.feed.snapshot import Snapshot, ids_in
from bluejacket.foundation.lock import Lock
from bluejacket.foundation.locked import archive_of
from bluejacket.foundation.rpmmd.archive import RpmmdArchive
from bluejacket.foundation.sources import Source, SourceFile
from bluejacket.package.own_source import own_sources
from bluejacket.store import State
from bluejacket.store.blobs import sha256_of
from bluejacket.store.files import disk_faults, replace_text, sync_folder

if TYPE_CHECKING:
    from bluejacket.foundation.debian.archive import DebianArchive

LISTED = "sources.json"
PUBLISHED = "sources"  # the folder of a published feed


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What a mirror holds: source packages, files and their bytes, and the sources that nobody has."""

    folder: Path
    sources: int
    files: int
    size: int
    missing: tuple[Source, ...]


def corresponding(state: State, release: Release, lock: Lock) -> tuple[Source, ...]:
    """Give the corresponding source of all that a feed of `lock` holds: the foundation's and our own.

    Raises UserError for a lock that was made before sources were recorded.
    """
    if not lock.sources:
        what = f"the lock of release {release.version} holds no sources"
        raise UserError(Fault(what, f"`bluejacket lock {release.version}` makes one that does"))
    return (*lock.sources, *own_sources(state.store, release, lock.epoch))


def of_snapshot(state: State, release: Release, snapshot: str) -> tuple[Source, ...]:
    """Give the corresponding source of all that a snapshot holds, as it was recorded.

    Raises UserError for a snapshot that is not there, OutsideError for one that cannot be read.
    """
    folder = state.snapshots(release.distribution.id, release.version)
    known = ids_in(folder)
    if snapshot not in known:
        what = f"release {release.version} has no snapshot {snapshot}"
        raise UserError(Fault(what, nearest(snapshot, known)))
    return Snapshot.load(folder / snapshot).sources


def source_location(file: SourceFile) -> str:
    """Give where a file of a source lies below a feed's address, if it is published there; as packages do."""
    return f"{PUBLISHED}/{file.sha256[:16]}/{file.name}"


def sources_text(sources: Sequence[Source]) -> str:
    """Give what a snapshot's `sources.json` says of them, a source a line.

    `path` is where a file lies below the feed's address: always if it is of our own (`archive` is empty),
    otherwise where the publisher mirrors it; `location` is where it is in the archive it came from.
    """
    rows = []
    for one in sources:
        row = {"name": one.name, "version": one.version, "use": one.use, "of": one.of, "archive": one.archive}
        files = [{"path": source_location(file)} | asdict(file) for file in one.files]
        rows.append(json.dumps(row | {"missing": one.missing, "files": files}, ensure_ascii=False))
    return '{"format": 1, "sources": [\n' + ",\n".join(rows) + "\n]}\n"


def gather(state: State, release: Release, sources: Sequence[Source]) -> None:
    """Bring every file of `sources` into the store, verified, as far as it is not there.

    Raises OutsideError for what no mirror gives any more, and for one of our own that the store has lost.
    """
    pairs = [(source, file) for source in sources for file in source.files]
    _download(state, archive := archive_of(state, release, release.foundation), pairs)
    for source, file in pairs:
        blob = state.store.blob(file.sha256)
        if blob is None:
            what = f"the store has lost {file.name}, the source of {source.name}"
            raise OutsideError(Fault(what, "`bluejacket feed snapshot` writes it again if it is as it was"))
        _verify(archive, source, blob)


def _download(
    state: State, archive: DebianArchive | RpmmdArchive, pairs: Sequence[tuple[Source, SourceFile]]
) -> None:
    away = [(s, f) for s, f in pairs if s.archive and not state.store.has_blob(f.sha256)]
    if away:
        wanted = archive.wanted([(f.name, s.archive, f.location, f.size, f.sha256) for s, f in away])
        with archive.fetcher() as fetcher:
            fetcher.fetch_all(wanted, "Downloading sources")


def _verify(archive: DebianArchive | RpmmdArchive, source: Source, blob: Path) -> None:
    if isinstance(archive, RpmmdArchive) and source.archive:
        archive.verify_source(source, blob)


def mirror(state: State, release: Release, sources: Sequence[Source], into: Path) -> Mirrored:
    """Put every file of `sources`, verified, to `into`/NAME/VERSION/FILE, and a list of them beside it.

    What is there already is kept if it is whole. Raises OutsideError for what no mirror gives any more,
    after all the others are there.
    """
    archive = archive_of(state, release, release.foundation)
    known = [source for source in sources if not source.missing]
    places = {_place(into, source) / file.name: (source, file) for source in known for file in source.files}
    todo = {
        place: (source, file)
        for place, (source, file) in places.items()
        if not (place.is_file() and place.stat().st_size == file.size and sha256_of(place) == file.sha256)
    }
    try:
        _download(state, archive, list(todo.values()))
    finally:
        for place, (source, file) in todo.items():
            if blob := state.store.blob(file.sha256):
                _verify(archive, source, blob)
                _lay(blob, place)
    listed = [{"name": s.name, "version": s.version, "use": s.use, "of": s.of} for s in sources]
    for row, source in zip(listed, sources, strict=True):
        row["files"] = [f"{source.name}/{source.version}/{file.name}" for file in source.files]
    replace_text(into / LISTED, json.dumps(listed, indent=1) + "\n")
    missing = tuple(source for source in sources if source.missing)
    return Mirrored(into, len(known), len(places), sum(f.size for _, f in places.values()), missing)


def _place(into: Path, source: Source) -> Path:
    """Give a source's folder; a name that would lead elsewhere is no name of a source package."""
    parts = (source.name, source.version, *(file.name for file in source.files))
    if any(part in ("", ".", "..") or "/" in part for part in parts):
        raise OutsideError(Fault(f"{source.name} {source.version} cannot be the name of a folder"))
    return into / source.name / source.version


def _lay(blob: Path, place: Path) -> None:
    """Link a file of the store to its place, or copy it to another file system."""
    with disk_faults(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f".part-{os.getpid()}-{place.name}")
        part.unlink(missing_ok=True)
        try:
            os.link(blob, part)
        except OSError:
            shutil.copyfile(blob, part)
        os.replace(part, place)
        sync_folder(place.parent)
