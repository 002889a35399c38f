"""The command `lock`: refresh the foundation's index, choose, and pin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bluejacket.definition import AnyFoundation, Release, RpmmdFoundation
from bluejacket.definition.explain import nearest
from bluejacket.errors import Fault, UserError
from bluejacket.foundation.debian.archive import DebianArchive
from bluejacket.foundation.debian.version import rpm_key
from bluejacket.foundation.index import Index
from bluejacket.foundation.lock import Lock, Locked, asked_by, lock_file, read_lock, write_lock
from bluejacket.foundation.locked import archive_of
from bluejacket.foundation.renew import Changes, Plan, plan_renewal, sources_named, with_former_sources
from bluejacket.foundation.resolve import resolve
from bluejacket.foundation.rpmmd.archive import RpmmdArchive
from bluejacket.foundation.rpmmd.index import RpmmdIndex
from bluejacket.foundation.solve import Unsolvable
from bluejacket.foundation.sources import Source
from bluejacket.store import State

_MOST_TOLD = 5


def make_lock(
    state: State,
    release: Release,
    *,
    leave_out: Sequence[str] = (),
    only: Sequence[str] = (),
    let_go: Sequence[str] = (),
    dry_run: bool = False,
) -> tuple[Lock, Changes]:
    """Make and write the lock of a release.

    `leave_out` are suites (or repositories) of its foundation that nothing is taken from; the lock says so.
    With `only` nothing moves but these components, source packages or packages, and what they force. What
    the release holds stays, unless it is named in `let_go` or can be had no more. With `dry_run` nothing
    is written. Raises UserError, OutsideError.
    """
    archive = archive_of(state, release, without(release.foundation, leave_out))
    index = archive.refresh()
    former = _former(release)
    refused = frozenset() if only else _archives(release.foundation) - _archives(archive.foundation)
    plan = plan_renewal(release, former, only, let_go, lambda them: _at_hand(state, index, them, refused))
    for entry in {e.package.source: e for e in plan.gone}.values():
        told = "is of what is left out" if entry.package.archive in refused else "can no longer be had"
        state.report.warn(f"{entry.package.source} {entry.package.source_version} {told}, so that it moves")
    try:
        lock = _chosen(release, index, former, plan)
    except Unsolvable as error:
        if not (error.paths and isinstance(archive, RpmmdArchive)):
            raise
        state.report.detail(f"looking for {', '.join(error.paths)} in the lists of all files")
        lock = _chosen(release, archive.refresh(filelists=True), former, plan)
    sources = _sources(archive, index, lock, former)
    left_out = tuple(dict.fromkeys((*(former.left_out if former and only else ()), *leave_out)))
    lock = replace(lock, left_out=left_out, sources=sources)
    for text in lock.tolerated:
        state.report.warn(text)
    _tell_held(state, release, index, plan)
    changes = Changes.between(former, lock, plan.asked)
    if not dry_run:
        write_lock(lock, lock_file(release))
    return lock, changes


def _tell_held(state: State, release: Release, index: Index | RpmmdIndex, plan: Plan) -> None:
    """Tell a whole renewal's reader what it has left where it was, and how to let it go."""
    if plan.keep is None or plan.asked is not None:
        return
    kept = {e.package.name: e.package for e in plan.keep.packages}
    behind = {
        kept[name].source: package.source_version
        for name, package in index.newest(kept).items()
        if rpm_key(package.evr) > rpm_key(kept[name].evr)
    }
    for source, version in sorted(behind.items()):
        state.report.line(
            f"release {release.version} holds {source} still, of which {version} is there; "
            "`--release-hold` lets it move"
        )


def _chosen(release: Release, index: Index | RpmmdIndex, former: Lock | None, plan: Plan) -> Lock:
    """Choose as planned. Raises UserError when only moving what is held would help."""
    makes_tools = release.tools_release == release.version
    same = former is not None and plan.asked is not None and former.asked == asked_by(release)
    tools_index = index if makes_tools and not same else None
    try:
        lock = resolve(release, index, tools_index, plan.keep)
    except Unsolvable:
        if plan.keep is None or not plan.keep.fixed:
            raise
        lock = resolve(release, index, tools_index, replace(plan.keep, fixed=frozenset()))
        moved = {name for name, _, now in Changes.between(former, lock).moved} & plan.keep.fixed
        held = sorted({e.package.source for e in plan.keep.packages if e.package.name in moved})
        names = [n for n in release.hold if former and set(sources_named(n, release, former)) & set(held)]
        raise UserError(
            Fault(
                f"that would move {', '.join(sorted(moved))}, which release {release.version} holds still",
                " ".join(f"--release-hold {name}" for name in names) + " lets it move",
            )
        ) from None
    if former is None or plan.asked is None:
        return lock
    staying = {e.package.name: e for e in former.materials if e.package.source not in plan.asked}
    return replace(
        lock,
        tools=former.tools if same else lock.tools,
        materials=tuple(staying.get(e.package.name, e) for e in lock.materials),
    )


def _archives(foundation: AnyFoundation) -> frozenset[str]:
    """Give the names by which a foundation's packages say where they come from."""
    if isinstance(foundation, RpmmdFoundation):
        return frozenset(repository.id for repository in foundation.repositories)
    return frozenset(suite.archive for suite in foundation.suites)


def _at_hand(
    state: State, index: Index | RpmmdIndex, entries: Sequence[Locked], refused: frozenset[str]
) -> Iterator[Locked]:
    """Give those packages that the store has, or the archive still offers; none of `refused` archives."""
    entries = [entry for entry in entries if entry.package.archive not in refused]
    away = [entry for entry in entries if not state.store.has_blob(entry.package.sha256)]
    known = (
        index.known((e.package.name, e.package.evr, e.package.arch) for e in away) if away else frozenset()
    )
    for entry in entries:
        key = entry.package.name, entry.package.evr, entry.package.arch
        if entry not in away or key in known:
            yield entry


def _sources(
    archive: DebianArchive | RpmmdArchive, index: Index | RpmmdIndex, lock: Lock, former: Lock | None
) -> tuple[Source, ...]:
    """Give the corresponding source of what a lock's feed is made of, and tell what is missing."""
    packages = [entry.package for entry in (*lock.packages, *lock.materials)]
    found = archive.corresponding(index, packages)  # type: ignore[arg-type]  # each gives its own kind
    if former is not None:
        found = with_former_sources(found, former, lock)
    missing = [f"{one.name} {one.version}" for one in found if one.missing and one.owed]
    if missing:
        told = ", ".join(missing[:_MOST_TOLD]) + (", …" if len(missing) > _MOST_TOLD else "")
        archive.report.warn(f"{lock.foundation} has no source of {len(missing)} source packages: {told}")
    return found


def without(foundation: AnyFoundation, names: Sequence[str]) -> AnyFoundation:
    """Give a foundation without some of its suites or repositories.

    Raises UserError for a name that it does not have, and when nothing is left.
    """
    if not names:
        return foundation
    rpm = isinstance(foundation, RpmmdFoundation)
    field, kind = ("repositories", "repository") if rpm else ("suites", "suite")
    parts = {part.id if rpm else part.name: part for part in getattr(foundation, field)}
    unknown = [name for name in names if name not in parts]
    if unknown:
        raise UserError(
            *(Fault(f"{foundation.name} has no {kind} {name}", nearest(name, parts)) for name in unknown)
        )
    kept = tuple(part for name, part in parts.items() if name not in names)
    if not kept:
        what = f"without {', '.join(names)}, {foundation.name} has no {kind}"
        raise UserError(Fault(what, f"keep one {kind} at least"))
    return foundation.model_copy(update={field: kept})


def _former(release: Release) -> Lock | None:
    try:
        return read_lock(release, current=False)
    except UserError:
        return None
