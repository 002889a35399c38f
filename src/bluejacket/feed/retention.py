"""Which snapshots a release's rule lets go, and letting them go."""

from __future__ import annotations

from collections.abc import Iterator

from bluejacket.definition import Release
from bluejacket.feed.agreement import feeds_of
from bluejacket.feed.channel import channels, moving
from bluejacket.feed.snapshot import Snapshot, snapshots
from bluejacket.store import State

_DAY = 86400  # seconds


def expired(state: State, release: Release, now: int) -> list[Snapshot]:
    """Give the snapshots that the release's rule does not keep at `now` (seconds since 1970), oldest first.

    Never one of the newest, one that a channel points at, nor one of whose packages an image was made
    that is still there. Raises OutsideError for a record that cannot be read.
    """
    rule = release.retention
    found = snapshots(state, release)
    pointed = {channel.snapshot for channel in channels(state, release)}
    images = set(_image_contents(state, release))
    return [
        snapshot
        for snapshot in found[: -rule.keep_last]
        if snapshot.created < now - rule.keep_days * _DAY
        and snapshot.id not in pointed
        and snapshot.feed_key not in images
        and snapshot.content not in images
    ]


def let_go(state: State, release: Release, now: int, *, dry_run: bool = False) -> list[Snapshot]:
    """Unlink what has expired, so that the store may drop it; gives those snapshots."""
    with moving(state, release):
        gone = expired(state, release, now)
        for snapshot in () if dry_run else gone:
            snapshot.folder.unlink()
        return gone


def _image_contents(state: State, release: Release) -> Iterator[str]:
    """Give keys and contents of the feeds that the images still there were made from."""
    folder = state.images(release.distribution.id, release.version)
    for link in folder.iterdir() if folder.is_dir() else ():
        if link.is_symlink():
            yield from feeds_of(state, link)
