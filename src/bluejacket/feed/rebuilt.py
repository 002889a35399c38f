"""Packages of ours that changed without a newer version: no machine that has the former one takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import rpm_rs

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.feed.snapshot import Snapshot

# What differs although the same was built: times, the builder, and what follows from them (rpm-tags(7)).
_INCIDENTAL = frozenset(
    (
        63,  # the header's own region
        1006,  # BUILDTIME
        1007,  # BUILDHOST
        1034,  # FILEMTIMES
        1064,  # RPMVERSION
        1094,  # COOKIE
        1124,  # PAYLOADFORMAT
        1125,  # PAYLOADCOMPRESSOR
        1126,  # PAYLOADFLAGS
        5092,  # PAYLOADSHA256: the archive holds the times; each file's content has a digest of its own
        5093,  # PAYLOADSHA256ALGO
        5097,  # PAYLOADSHA256ALT
        5112,  # PAYLOADSIZE
        5113,  # PAYLOADSIZEALT
    )
)


def out_of_reach(snapshot: Snapshot, formers: Iterable[Snapshot]) -> Iterator[str]:
    """Name each package built here that is another than one of the same version in a former snapshot.

    Those that differ only in times and signatures are as good as their predecessors; and what comes from
    the foundation has its version from there. Raises OutsideError for a package that cannot be read.
    """
    told: set[str] = set()
    for former in formers:
        for package in snapshot.packages:
            other = former.by_filename.get(package.filename)
            if package.upstream or other is None or other.sha256 == package.sha256 or package.nevra in told:
                continue
            if _substance(former.file_of(other)) != _substance(snapshot.file_of(package)):
                told.add(package.nevra)
                yield (
                    f"{package.nevra} is another package than the one of the same version in {former.id}: "
                    "no machine that has that one would take it until its release or revision is raised"
                )


def _substance(rpm: Path) -> dict[int, object]:
    """Give what a package brings to a machine: its header, in which each file's content has its digest."""
    try:
        entries = rpm_rs.PackageMetadata.open(str(rpm)).header.get_all_entries()
    except (OSError, RuntimeError) as error:
        what = f"is no package that can be read: {error}"
        raise OutsideError(Fault(what, "`bluejacket store verify`", Place(rpm))) from error
    return {tag: value for tag, value in entries.items() if tag not in _INCIDENTAL}
