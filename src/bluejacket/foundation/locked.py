"""The packages of a lock, fetched and verified, and the archive that they come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bluejacket.definition import AnyFoundation, DebianFoundation, Release, RpmmdFoundation
from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.lock import Locked
from bluejacket.store import State

if TYPE_CHECKING:  # a build whose packages are all there never loads either
    from bluejacket.foundation.debian.archive import DebianArchive
    from bluejacket.foundation.rpmmd.archive import RpmmdArchive


def archive_of(state: State, release: Release, foundation: AnyFoundation) -> DebianArchive | RpmmdArchive:
    """Give access to a foundation: a Debian archive, or RPM repositories."""
    if isinstance(foundation, RpmmdFoundation):
        from bluejacket.foundation.rpmmd.archive import RpmmdArchive

        return RpmmdArchive(foundation, release.folder, state.store, state.indexes, state.report)
    from bluejacket.foundation.debian.archive import DebianArchive

    assert isinstance(foundation, DebianFoundation)
    return DebianArchive(foundation, release.folder, state.store, state.indexes, state.report)


def fetch_locked(state: State, release: Release, locked: Sequence[Locked], title: str) -> dict[str, Path]:
    """Give the packages of a lock, verified, by their SHA-256.

    Raises OutsideError that says how to renew the lock when the archive no longer has some.
    """
    found = {}
    for entry in locked:
        if (path := state.store.blob(entry.package.sha256)) is not None:
            found[entry.package.sha256] = path
    absent = [entry for entry in locked if entry.package.sha256 not in found]
    if absent:
        found |= _fetch(state, release, absent, title)
    if isinstance(release.foundation, RpmmdFoundation):
        from bluejacket.foundation.rpmmd.archive import RpmmdArchive

        archive = archive_of(state, release, release.foundation)
        assert isinstance(archive, RpmmdArchive)
        for entry in locked:  # the index vouches for bytes, the signature for their maker
            archive.verify(entry.package, found[entry.package.sha256])
    return found


def _fetch(state: State, release: Release, absent: Sequence[Locked], title: str) -> dict[str, Path]:
    from bluejacket.foundation.fetch import NotThere

    archive = archive_of(state, release, release.foundation)
    packages = [entry.package for entry in absent]
    wanted = archive.wanted([(p.nevra, p.archive, p.location, p.size, p.sha256) for p in packages])
    try:
        with archive.fetcher() as fetcher:
            return fetcher.fetch_all(wanted, title)
    except NotThere as error:
        raise OutsideError(
            Fault(
                f"the archive no longer has what the lock of release {release.version} pins: {error}",
                f"`bluejacket lock {release.version}` renews the lock with what it has today",
            )
        ) from error
