"""Drafts of advisories between two states of a foundation, before anything is built: for a maintainer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bluejacket.definition import Release, RpmmdFoundation
from bluejacket.definition.explain import nearest
from bluejacket.errors import Fault, OutsideError, Place, UserError
from bluejacket.feed.advisory.facts import Facts, facts_of_all, former_facts
from bluejacket.feed.advisory.history import Update
from bluejacket.feed.advisory.issue import all_updates, drafted, news
from bluejacket.feed.advisory.model import Advisory, Kind
from bluejacket.feed.advisory.numbers import Numbers
from bluejacket.feed.advisory.record import from_json
from bluejacket.feed.built import signer_of
from bluejacket.feed.snapshot import ADVISORIES, Snapshot, ids_in
from bluejacket.foundation.lock import Lock, read_lock_file
from bluejacket.foundation.locked import archive_of, fetch_locked
from bluejacket.foundation.rpmmd.archive import RpmmdArchive
from bluejacket.foundation.rpmmd.refresh import refresh
from bluejacket.foundation.rpmmd.updateinfo import Advisory as Foreign
from bluejacket.package.imported import import_packages
from bluejacket.store import State

if TYPE_CHECKING:
    from bluejacket.foundation.debian.archive import DebianArchive


@dataclass(frozen=True, slots=True)
class Draft:
    """A drafted advisory, the component that it is about, and that one's version with the fix."""

    advisory: Advisory
    component: str
    fixed_in: str


def facts_since(state: State, release: Release, since: str | None) -> tuple[Facts, ...]:
    """Give the facts of an earlier state: of a lock file, of a snapshot by its id, or the newest snapshot.

    They have no changelogs. Raises UserError when there is no such state.
    """
    if since is not None and Path(since).is_file():
        return former_facts(entry.package for entry in read_lock_file(Path(since)).packages)
    folder = state.snapshots(release.distribution.id, release.version)
    ids = ids_in(folder)
    if since is None and not ids:
        what = f"release {release.version} has no snapshot yet to compare with"
        raise UserError(Fault(what, "name the lock file of an earlier state with --since"))
    if since is not None and since not in ids:
        what = f"{since} is neither a file nor a snapshot of release {release.version}"
        raise UserError(Fault(what, nearest(since, ids)))
    return tuple(Facts(one) for one in Snapshot.load(folder / (since or ids[-1])).packages)


def facts_now(state: State, release: Release, lock: Lock, before: Sequence[Facts]) -> tuple[Facts, ...]:
    """Give the facts of what a lock pins, with the changelogs of what `before` did not have.

    A Debian foundation's changelogs lie inside the packages: those that changed are fetched and imported,
    and only those. An RPM foundation tells its fixes in its own advisories.
    """
    there = {one.package.nevra for one in before}
    changed = [entry for entry in lock.packages if entry.package.nevra not in there]
    same = former_facts(entry.package for entry in lock.packages if entry.package.nevra in there)
    if isinstance(release.foundation, RpmmdFoundation):
        return (*same, *former_facts(entry.package for entry in changed))
    files = fetch_locked(state, release, changed, "Downloading what has changed")
    packages = [entry.package for entry in changed]
    made = import_packages(state.store, release, packages, files, signer_of(state, release), state.report)
    return (*same, *facts_of_all(made))


def foreign_advisories(state: State, release: Release) -> tuple[Foreign, ...]:
    """Give the advisories that an RPM foundation itself publishes; a Debian one has none in its archive.

    Raises what refreshing its index raises.
    """
    return told_by(archive_of(state, release, release.foundation))


def told_by(archive: DebianArchive | RpmmdArchive) -> tuple[Foreign, ...]:
    """Give the advisories that an archive publishes. Raises what refreshing its index raises."""
    if not isinstance(archive, RpmmdArchive):
        return ()
    with archive.fetcher() as fetcher:
        return tuple(
            advisory
            for source in archive.sources.values()
            for advisory in refresh(
                source, fetcher, archive.store, archive.indexes, archive.report
            ).advisories()
        )


def drafts(
    release: Release,
    before: Sequence[Facts],
    after: Sequence[Facts],
    now: int,
    *,
    taken: Iterable[str] = (),
    foreign: Sequence[Foreign] = (),
    bug_fixes: bool = False,
) -> tuple[Draft, ...]:
    """Give a draft for each source package that fixes CVEs and of which nothing is written.

    With `bug_fixes` also one for each other source package that has risen: what it is about, and
    whether anybody should be told, a maintainer decides. `taken` are ids that were given already.
    """
    written = [a.id for a in release.advisories if a.id is not None]
    numbers = Numbers(release.distribution.advisories_begin, [*taken, *written])

    def draft(update: Update, kind: Kind) -> Draft:
        advisory = drafted(release, update, kind, numbers.next(kind, now), now, foreign)
        return Draft(advisory, update.source, update.after)

    fixes = news(release, before, after, foreign)
    found = [draft(update, Kind.SECURITY) for update in fixes]
    if bug_fixes:
        told = {(a.component, a.fixed_in) for a in release.advisories}
        told |= {(update.source, update.after) for update in fixes}
        others = [u for u in all_updates(release, before, after) if (u.source, u.after) not in told]
        found += [draft(update, Kind.BUGFIX) for update in others if not update.cves]
    return tuple(found)


def issued(state: State, release: Release) -> tuple[Advisory, ...]:
    """Give the advisories of a release's newest snapshot; none before there is one."""
    folder = state.snapshots(release.distribution.id, release.version)
    ids = ids_in(folder)
    if not ids:
        return ()
    file = folder / ids[-1] / ADVISORIES
    try:
        return from_json(file.read_text("utf-8"))
    except OSError as error:
        raise OutsideError(Fault(f"cannot be read: {error.strerror}", "", Place(file))) from error
