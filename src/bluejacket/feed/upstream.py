"""What a foundation has newer than a lock, source package by source package, and why one would want it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bluejacket.definition import DebianFoundation, Release, RpmmdFoundation, Severity
from bluejacket.errors import OutsideError
from bluejacket.feed.advisory.amend import not_reached, said_in
from bluejacket.feed.advisory.drafts import told_by
from bluejacket.feed.advisory.facts import Change, former_facts
from bluejacket.feed.advisory.foreign import judgement, ratings
from bluejacket.feed.advisory.history import Update
from bluejacket.feed.advisory.issue import all_updates
from bluejacket.feed.advisory.mentions import told_of
from bluejacket.foundation.debian.deb import Kind as EntryKind
from bluejacket.foundation.debian.deb import read_deb
from bluejacket.foundation.debian.version import rpm_key
from bluejacket.foundation.lock import Lock, epoch_of
from bluejacket.foundation.locked import archive_of
from bluejacket.foundation.locking import without
from bluejacket.foundation.metadata import Evr, Package
from bluejacket.foundation.renew import sources_named
from bluejacket.foundation.rpmmd.updateinfo import Advisory as Foreign
from bluejacket.package import changelog
from bluejacket.store import State

if TYPE_CHECKING:
    from bluejacket.foundation.debian.archive import DebianArchive
    from bluejacket.foundation.rpmmd.archive import RpmmdArchive

_CHANGELOG = re.compile(r"/usr/share/doc/[^/]+/changelog\.(?:Debian\.(?:\w+\.)?)?gz")
_TRIES = 3  # binaries of one source, as some have their changelog in another one of it
_LINES = 12  # of a summary


class Reason(StrEnum):
    """Why one would want a newer version."""

    SECURITY = "security"  # it fixes CVEs
    BUG_FIX = "bug fix"  # the same upstream version in a new revision
    NEW_VERSION = "new version"
    REBUILD = "rebuild"  # of the same source


@dataclass(frozen=True, slots=True)
class Newer:
    """One source package that is newer in the foundation. Versions are its source's, as rpm compares them.

    `suites` have it, `security` says whether one of them is a stream of security fixes. `packages` are the
    binaries of the lock that it would renew; `summary` is what its changelog adds, in lines. `ratings` has
    the severity of each of the CVEs that the foundation's own advisories or the changelog rate.
    """

    source: str
    sources: tuple[str, ...]
    before: str
    after: str
    reason: Reason
    suites: tuple[str, ...]
    security: bool
    held: bool
    cves: tuple[str, ...]
    packages: tuple[str, ...]
    summary: tuple[str, ...]
    ratings: Mapping[str, Severity] = field(default_factory=dict)


def newer(state: State, release: Release, lock: Lock, leave_out: Sequence[str] = ()) -> tuple[Newer, ...]:
    """Give what the foundation has newer than `lock`, security fixes first.

    The smallest package of each source is downloaded for its changelog, which the store keeps. Raises
    UserError, OutsideError.
    """
    archive = archive_of(state, release, without(release.foundation, leave_out))
    index = archive.refresh()
    locked = {entry.package.name: entry.package for entry in lock.packages}
    fresh = [
        package
        for name, package in index.newest(locked).items()
        if rpm_key(package.evr) > rpm_key(locked[name].evr)
    ]
    told = _changes(archive, fresh, max(epoch_of(index.records), lock.epoch))
    after = [f._replace(changes=told.get(f.package.source, ())) for f in former_facts(fresh)]
    former = former_facts(locked[package.name] for package in fresh)
    origins: dict[str, set[str]] = {}
    for package in fresh:
        origins.setdefault(package.source, set()).add(package.archive)
    held = {source for name in release.hold for source in sources_named(name, release, lock)}
    spared = not_reached(said_in(release))
    foreign = told_by(archive)
    found = [
        _newer(release, one, foreign, origins, held, spared) for one in all_updates(release, former, after)
    ]
    risen = {source for one in found for source in one.sources}
    found += [_rebuilt(release, s, of, origins, held) for s, of in _rebuilds(fresh, locked, risen)]
    order = list(Reason)
    return tuple(sorted(found, key=lambda one: (order.index(one.reason), one.source)))


def _newer(
    release: Release,
    update: Update,
    foreign: Sequence[Foreign],
    origins: Mapping[str, Iterable[str]],
    held: Iterable[str],
    spared: Iterable[tuple[str, str]],
) -> Newer:
    update = replace(update, cves=tuple(sorted({*update.cves, *judgement(foreign, update).cves})))
    cves = tuple(c for c in update.cves if not any((s, c) in spared for s in update.sources))
    rated = ratings(foreign, update)
    lines = [
        line
        for change in update.changes
        for line in (told_of(change.text, cves) if cves else change.text.splitlines())
    ]
    suites, security = _suites(release, {a for s in update.sources for a in origins.get(s, ())})
    same = Evr.parse(update.before)[:2] == Evr.parse(update.after)[:2]
    return Newer(
        source=update.source,
        sources=update.sources,
        before=update.before,
        after=update.after,
        reason=Reason.SECURITY if cves else Reason.BUG_FIX if same else Reason.NEW_VERSION,
        suites=suites,
        security=security,
        held=not set(update.sources).isdisjoint(held),
        cves=cves,
        packages=tuple(package.name for package in update.packages),
        summary=tuple(dict.fromkeys(lines))[:_LINES],
        ratings={cve: rated[cve] for cve in cves if cve in rated},
    )


def _rebuilds(
    fresh: Iterable[Package], locked: Mapping[str, Package], risen: Iterable[str]
) -> Iterator[tuple[str, list[Package]]]:
    """Give the sources whose binaries were only built again."""
    grouped: dict[str, list[Package]] = {}
    for package in fresh:
        if package.source not in risen and package.source == locked[package.name].source:
            grouped.setdefault(package.source, []).append(package)
    yield from grouped.items()


def _rebuilt(
    release: Release,
    source: str,
    packages: Sequence[Package],
    origins: Mapping[str, Iterable[str]],
    held: Iterable[str],
) -> Newer:
    suites, security = _suites(release, set(origins[source]))
    (version,) = {fact.package.source_evr for fact in former_facts(packages[:1])}
    names = tuple(sorted(package.name for package in packages))
    is_held = source in held
    return Newer(
        source, (source,), version, version, Reason.REBUILD, suites, security, is_held, (), names, ()
    )


def _suites(release: Release, archives: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """Give the suites or repositories that belong to these archives, and whether one is of security fixes."""
    foundation = release.foundation
    if isinstance(foundation, RpmmdFoundation):
        parts = [(one.id, one.security) for one in foundation.repositories if one.id in archives]
    else:
        assert isinstance(foundation, DebianFoundation)
        parts = [(one.name, one.security) for one in foundation.suites if one.archive in archives]
    return tuple(name for name, _ in parts), any(security for _, security in parts)


def _changes(
    archive: DebianArchive | RpmmdArchive, packages: Iterable[Package], epoch: int
) -> dict[str, tuple[Change, ...]]:
    """Give the changelog of each source, from the smallest of its packages that has one."""
    of_deb = isinstance(archive.foundation, DebianFoundation)
    waiting: dict[str, list[Package]] = {}
    for package in sorted(packages, key=lambda one: one.size):
        waiting.setdefault(package.source, []).append(package)
    found: dict[str, tuple[Change, ...]] = {}
    with archive.fetcher() as fetcher:
        for nth in range(_TRIES):
            todo = {s: of[nth] for s, of in waiting.items() if s not in found and len(of) > nth}
            if not todo:
                break
            wanted = archive.wanted(
                [(p.nevra, p.archive, p.location, p.size, p.sha256) for p in todo.values()]
            )
            files = fetcher.fetch_all(wanted, "Changelogs")
            for source, package in todo.items():
                file = files[package.sha256]
                if changes := _of_deb(file, epoch) if of_deb else _of_rpm(file):
                    found[source] = changes
    return found


def _of_deb(file: Path, epoch: int) -> tuple[Change, ...]:
    for path, entry in sorted(read_deb(file).entries.items()):
        if entry.kind is EntryKind.FILE and _CHANGELOG.fullmatch(path):
            found = changelog.changes(changelog.unpack(entry.content), epoch)
            if found:
                return tuple(Change(one.name, one.text, one.when) for one in found)
    return ()


def _of_rpm(file: Path) -> tuple[Change, ...]:
    import rpm_rs

    try:
        entries = rpm_rs.PackageMetadata.open(str(file)).changelog_entries()
    except (OSError, RuntimeError, ValueError) as error:
        raise OutsideError(f"{file} is no package that can be read: {error}") from error
    return tuple(Change(one.name, one.description, int(one.timestamp)) for one in entries)
