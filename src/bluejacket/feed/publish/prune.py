"""Removing from a target what the release's retention rule lets go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from bluejacket.definition import Release
from bluejacket.feed.publish.lease import Lease
from bluejacket.feed.publish.target import Target
from bluejacket.feed.published import Item, Stage, sources_in
from bluejacket.feed.shards import pool_location
from bluejacket.feed.snapshot import ID, Snapshot, order
from bluejacket.feed.sources import PUBLISHED

_DAY = 86400  # seconds
_POINTED = re.compile(rb"/snapshots/([^/<]+)/repodata/repomd\.xml")


def prune(
    target: Target, lease: Lease, release: Release, known: Sequence[Snapshot], items: Iterable[Item], now: int
) -> int:
    """Remove old snapshots, then all that nothing refers to any more; gives how many files.

    `known` are the release's snapshots here, which all stay; `items` is what was published. Of others the
    retention rule's newest and youngest stay, and whatever a channel there points at. Should one stay of
    which nothing is known here, its packages are unknown as well, and all packages and sources stay.
    """
    lease.check()
    wanted = {item.path for item in items}
    there = list(target.listing("snapshots"))
    ids = {path.split("/")[1] for path in there}
    gone = _let_go(ids, release, {one.id for one in known} | _pointed(target), now)
    paths = [path for path in there if path.split("/")[1] in gone]
    # Whoever has an old index finds the rest of it until the last moment, and then none of it.
    paths.sort(key=lambda path: (order(path.split("/")[1]), not path.endswith("/repomd.xml")))
    paths += [path for path in target.listing(Stage.ADVISORIES.value) if path not in wanted]
    if ids - gone <= {one.id for one in known}:
        pool = {pool_location(p.filename, p.sha256) for one in known for p in one.packages}
        paths += [path for path in target.listing("pool") if path not in pool]
        sources = sources_in(known, all_sources=True)  # once mirrored, though this time nobody asked for it
        paths += [path for path in target.listing(PUBLISHED) if path not in sources]
    for path in paths:
        lease.check_time()
        target.remove(path)
    return len(paths)


def _let_go(ids: Iterable[str], release: Release, kept: set[str], now: int) -> set[str]:
    rule = release.retention
    oldest = datetime.fromtimestamp(now - rule.keep_days * _DAY, UTC).strftime("%Y%m%d")
    dated = sorted((one for one in ids if ID.fullmatch(one)), key=order)
    return {one for one in dated[: -rule.keep_last] if order(one)[0] < oldest and one not in kept}


def _pointed(target: Target) -> set[str]:
    """Give the ids of the snapshots that the channels at the target point at."""
    return {
        found.decode() for path in target.listing("channels") for found in _POINTED.findall(target.read(path))
    }
