"""The command `lock`: refresh the foundation's index, choose, and pin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bluejacket.definition import AnyFoundation, DebianFoundation, Release, RpmmdFoundation
from bluejacket.errors import Fault, OutsideError, UserError
from bluejacket.foundation.debian.archive import DebianArchive
from bluejacket.foundation.fetch import NotThere
from bluejacket.foundation.index import Index
from bluejacket.foundation.lock import Lock, Locked, lock_file, read_lock, write_lock
from bluejacket.foundation.resolve import resolve
from bluejacket.foundation.rpmmd.archive import RpmmdArchive
from bluejacket.foundation.rpmmd.index import RpmmdIndex
from bluejacket.foundation.solve import Unsolvable
from bluejacket.store import State


@dataclass(frozen=True, slots=True)
class Changes:
    """What a new lock changes: names with their former and their new version (None: not there)."""

    moved: tuple[tuple[str, str | None, str | None], ...]

    @classmethod
    def between(cls, old: Lock | None, new: Lock) -> Changes:
        """Compare the packages of two locks."""
        before = {p.package.name: p.package.evr for p in (old.packages if old else ())}
        after = {p.package.name: p.package.evr for p in new.packages}
        names = sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))
        return cls(tuple((n, before.get(n), after.get(n)) for n in names))


def archive_of(state: State, release: Release, foundation: AnyFoundation) -> DebianArchive | RpmmdArchive:
    """Give access to a foundation: a Debian archive, or RPM repositories."""
    if isinstance(foundation, RpmmdFoundation):
        return RpmmdArchive(foundation, release.folder, state.store, state.indexes, state.report)
    assert isinstance(foundation, DebianFoundation)
    return DebianArchive(foundation, release.folder, state.store, state.indexes, state.report)


def make_lock(state: State, release: Release) -> tuple[Lock, Changes]:
    """Make and write the lock of a release. Raises UserError, OutsideError."""
    archive = archive_of(state, release, release.foundation)
    try:
        lock = _resolved(release, archive.refresh())
    except Unsolvable as error:
        if not (error.paths and isinstance(archive, RpmmdArchive)):
            raise
        state.report.detail(f"looking for {', '.join(error.paths)} in the lists of all files")
        lock = _resolved(release, archive.refresh(filelists=True))
    for text in lock.tolerated:
        state.report.warn(text)
    changes = Changes.between(_former(release), lock)
    write_lock(lock, lock_file(release))
    return lock, changes


def _resolved(release: Release, index: Index | RpmmdIndex) -> Lock:
    makes_tools = release.tools_release == release.version
    return resolve(release, index, index if makes_tools else None)


def _former(release: Release) -> Lock | None:
    try:
        return read_lock(release, current=False)
    except UserError:
        return None


def fetch_locked(state: State, release: Release, locked: Sequence[Locked], title: str) -> dict[str, Path]:
    """Give the packages of a lock, verified, by their SHA-256.

    Raises OutsideError that says how to renew the lock when the archive no longer has some.
    """
    missing = [entry.package for entry in locked if not state.store.has_blob(entry.package.sha256)]
    here = {e.package.sha256: state.store.blob(e.package.sha256) for e in locked if e.package not in missing}
    found = {sha256: path for sha256, path in here.items() if path is not None}
    absent = [e.package for e in locked if e.package.sha256 not in found]
    archive = archive_of(state, release, release.foundation)
    if absent:
        wanted = archive.wanted([(p.nevra, p.archive, p.location, p.size, p.sha256) for p in absent])
        try:
            with archive.fetcher() as fetcher:
                found |= fetcher.fetch_all(wanted, title)
        except NotThere as error:
            raise OutsideError(
                Fault(
                    f"the archive no longer has what the lock of release {release.version} pins: {error}",
                    f"`bluejacket lock {release.version}` renews the lock with what it has today",
                )
            ) from error
    if isinstance(archive, RpmmdArchive):  # the index vouches for bytes, the signature for their maker
        for entry in locked:
            archive.verify(entry.package, found[entry.package.sha256])
    return found
