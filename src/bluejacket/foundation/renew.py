"""What a new lock may move of the former one: all but what is held, or only what is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bluejacket.definition import Release
from bluejacket.definition.explain import nearest
from bluejacket.errors import Fault, UserError
from bluejacket.foundation.debian.version import rpm_key
from bluejacket.foundation.keep import Keep
from bluejacket.foundation.lock import Lock, Locked
from bluejacket.foundation.metadata import Evr, Package, Relation
from bluejacket.foundation.sources import Key, Source


@dataclass(frozen=True, slots=True)
class Changes:
    """What a new lock changes: names with their former and their new version (None: not there), and why."""

    moved: tuple[tuple[str, str | None, str | None], ...]
    reasons: tuple[str, ...] = ()

    @classmethod
    def between(cls, old: Lock | None, new: Lock, asked: frozenset[str] | None = None) -> Changes:
        """Compare two locks' packages. `asked` are the source packages that were to move; None is all."""
        before = {e.package.name: e for e in (old.packages if old else ())}
        after = {e.package.name: e for e in new.packages}
        names = sorted(n for n in before.keys() | after.keys() if _evr(before, n) != _evr(after, n))
        moved = tuple((n, _evr(before, n), _evr(after, n)) for n in names)
        if asked is None:
            return cls(moved)
        return cls(moved, tuple(_reason(before.get(n), after.get(n), asked, set(names)) for n in names))


def _evr(entries: dict[str, Locked], name: str) -> str | None:
    return entries[name].package.evr if name in entries else None


def _reason(old: Locked | None, new: Locked | None, asked: frozenset[str], moved: set[str]) -> str:
    """Say why a package moves: it was named, a package that moves wants it, or nothing does any more."""
    if new is None:
        return "nothing needs it any more"
    if new.package.source in asked:
        return "asked for"
    known = {cause.relation for cause in old.causes} if old else set()
    by_moved = [cause for cause in new.causes if cause.by in moved]
    for cause in by_moved:
        if cause.relation not in known and not (old and _fulfils(old.package, cause.relation)):
            return f"{cause.by} requires {cause.relation}"
    if by_moved:
        return f"goes with {by_moved[0].by}"
    return "the definitions want it" if old is None else "its former version can no longer be had"


def _fulfils(package: Package, relation: str) -> bool:
    wanted = Relation.parse(relation)
    if wanted.name != package.name or not wanted.op:
        return relation in package.provides or wanted.name == package.name
    mine, theirs = rpm_key(package.evr), rpm_key(_like(wanted.evr, package.evr))
    return {"<": mine < theirs, "=": mine == theirs, ">": mine > theirs}.get(wanted.op[0], False) or (
        wanted.op.endswith("=") and mine == theirs
    )


def _like(evr: str, mine: str) -> str:
    """A bound without a release is met by any release (rpm-dependencies(7))."""
    bound = Evr.parse(evr)
    return str(bound if bound.release else bound._replace(release=Evr.parse(mine).release))


@dataclass(frozen=True, slots=True)
class Plan:
    """What stays, which source packages were asked for (None: all), and which are held."""

    keep: Keep | None
    asked: frozenset[str] | None
    held: frozenset[str]
    gone: tuple[Locked, ...] = ()


def plan_renewal(
    release: Release,
    former: Lock | None,
    only: Sequence[str],
    let_go: Sequence[str],
    at_hand: Callable[[Sequence[Locked]], Iterable[Locked]],
) -> Plan:
    """Say what a new lock has to keep of the former one.

    `only` are the components, source packages or packages that may move (none: all may), `let_go` held
    ones that may as well. `at_hand` gives those packages that can still be had. Raises UserError for
    unknown names, and when what is asked for is held.
    """
    _refuse_unheld(release, let_go)
    if former is None:
        if only:
            what = f"release {release.version} has no lock of which the rest could stay"
            raise UserError(Fault(what, f"`bluejacket lock {release.version}` makes one"))
        return Plan(None, None, frozenset())
    free = frozenset(s for name in let_go for s in sources_named(name, release, former))
    held = frozenset(s for name in release.hold for s in sources_named(name, release, former)) - free
    asked = frozenset(s for name in only for s in _asked(name, release, former)) if only else None
    if stuck := sorted((asked or frozenset()) & held):
        names = [n for n in release.hold if set(stuck) & set(sources_named(n, release, former))]
        way_out = " ".join(f"--release-hold {name}" for name in names) + " lets it move"
        raise UserError(Fault(f"release {release.version} holds {', '.join(stuck)} still", way_out))
    staying = [e for e in former.packages if _stays(e, asked, held)]
    there = {entry.package.sha256 for entry in at_hand(staying)}
    kept = tuple(e for e in staying if e.package.sha256 in there and e.package.name not in release.exclude)
    fixed = frozenset(e.package.name for e in kept if e.package.source in held)
    newest = frozenset(e.package.name for e in former.packages if asked and e.package.source in asked)
    gone = tuple(e for e in staying if e.package.sha256 not in there)
    return Plan(Keep(kept, fixed, newest) if kept or newest else None, asked, held, gone)


def _stays(entry: Locked, asked: frozenset[str] | None, held: frozenset[str]) -> bool:
    source = entry.package.source
    return source in held if asked is None else source not in asked


def _refuse_unheld(release: Release, let_go: Sequence[str]) -> None:
    unknown = [name for name in let_go if name not in release.hold]
    if unknown:
        known = release.hold
        raise UserError(
            *(Fault(f"release {release.version} does not hold {n}", nearest(n, known)) for n in unknown)
        )


def sources_named(name: str, release: Release, lock: Lock) -> tuple[str, ...]:
    """Give the source packages of a lock that go by a component's or a source package's name."""
    by_binary = {entry.package.name: entry.package.source for entry in lock.packages}
    found = {name} & set(by_binary.values())
    for component in release.components:
        if name in (component.name, component.form_of):
            found |= {by_binary[wanted] for wanted in component.wanted if wanted in by_binary}
    return tuple(sorted(found))


def _asked(name: str, release: Release, lock: Lock) -> tuple[str, ...]:
    by_binary = {entry.package.name: entry.package.source for entry in lock.packages}
    found = sources_named(name, release, lock)
    if not found and name in by_binary:
        found = (by_binary[name],)
    if not found:
        known = {*by_binary, *by_binary.values(), *(c.name for c in release.components)}
        what = f"the lock of release {release.version} has no component or package {name}"
        raise UserError(Fault(what, nearest(name, known)))
    return found


def with_former_sources(found: Iterable[Source], former: Lock, new: Lock) -> tuple[Source, ...]:
    """Add what the former lock knows of the sources of packages that stayed: an index forgets them."""
    there = {entry.package.sha256 for entry in new.packages}
    stayed = {e.package.name for e in former.packages if e.package.sha256 in there}
    joined: dict[Key, Source] = {(source.name, source.version): source for source in found}
    for source in former.sources:
        of = tuple(name for name in source.of if name in stayed)
        now = joined.get((source.name, source.version))
        if of and (now is None or now.missing):
            of = tuple(sorted({*of, *(now.of if now else ())}))
            joined[source.name, source.version] = Source(
                source.name, source.version, source.use, of, source.archive, source.files
            )
    return tuple(joined[key] for key in sorted(joined))
