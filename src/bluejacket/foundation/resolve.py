"""Making a release's lock: what its components and its tools tree take from their foundations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cmp_to_key
from typing import TYPE_CHECKING, TypedDict

import solv

from bluejacket.definition import ComponentKind, Overlay, Release, RpmmdFoundation
from bluejacket.errors import Fault, UserError
from bluejacket.foundation import solvfile
from bluejacket.foundation.keep import REPO, Keep, solve_kept
from bluejacket.foundation.lock import Lock, Locked, asked_by, epoch_of
from bluejacket.foundation.metadata import Package
from bluejacket.foundation.overlaid import overlaid
from bluejacket.foundation.solve import Cause, Choice, solve

if TYPE_CHECKING:
    from bluejacket.foundation.index import Index as DebianIndex
    from bluejacket.foundation.rpmmd.index import RpmmdIndex

    Index = DebianIndex | RpmmdIndex


class _Options(TypedDict):
    exclude: Iterable[str]
    favour: Iterable[str]
    recommends: bool
    what: str


_KINDS = {
    "requires": solv.SOLVABLE_REQUIRES,
    "provides": solv.SOLVABLE_PROVIDES,
    "conflicts": solv.SOLVABLE_CONFLICTS,
    "obsoletes": solv.SOLVABLE_OBSOLETES,
    "recommends": solv.SOLVABLE_RECOMMENDS,
}


def resolve(release: Release, index: Index, tools_index: Index | None, keep: Keep | None = None) -> Lock:
    """Choose the release's packages, and its tools tree's if it makes one (`tools_index`).

    With `keep`, what it names of a former lock stays.
    Raises UserError when no set of packages fulfils what is asked.
    """
    pool = solvfile.new_pool(release.foundation.rpm_architecture)
    repo = index.load(pool)
    pool.createwhatprovides()  # libsolv crashes when it selects without
    _apply(pool, repo, index, release.overlays)
    wanted = [name for c in release.components if c.kind is ComponentKind.IMPORT for name in c.wanted]
    _check_spelling(repo, release)
    materials = _materials(repo, release)
    _add_own(pool, release)
    options: _Options = {
        "exclude": release.exclude,
        "favour": index.favoured(),
        "recommends": release.recommends,
        "what": f"release {release.version}",
    }
    if keep is None:
        chosen = solve(pool, wanted, **options)
    else:
        chosen = solve_kept(pool, keep, wanted, _filler(pool, release.overlays), **options)
    tools = _tools(release, tools_index) if tools_index else ()
    return Lock(
        release=release.version,
        foundation=release.foundation.name,
        asked=asked_by(release),
        epoch=epoch_of(index.records),
        indexes=index.records,
        packages=_pinned(index, [c for c in chosen if c.solvable.repo.name != "own"], keep),
        tools=tools,
        materials=_pinned(index, materials),
    )


def _materials(repo: solv.Repo, release: Release) -> list[Choice]:
    """Give the newest of each package that an own component is built from, with what is built from it."""
    users: dict[str, list[Cause]] = {}
    for component in release.components:
        for name in component.build_from:
            users.setdefault(name, []).append(Cause(component.name, "build_from"))
    found = []
    for name, causes in sorted(users.items()):
        selection = repo.pool.select(name, solv.Selection.SELECTION_NAME)
        candidates = [s for s in selection.solvables() if s.repo.name == repo.name]
        newest = max(candidates, key=cmp_to_key(_by_version))
        found.append(Choice(newest.name, _plain(newest.evr), newest.arch, tuple(causes), newest))
    return found


def _by_version(one: solv.XSolvable, other: solv.XSolvable) -> int:
    order: int = one.evrcmp(other)
    return order


def _tools(release: Release, index: Index) -> tuple[Locked, ...]:
    pool = solvfile.new_pool(release.tools_foundation.rpm_architecture)
    index.load(pool)
    chosen = solve(
        pool,
        release.tools.packages,
        exclude=release.tools.exclude,
        favour=index.favoured(),
        what=f"the tools tree of release {release.version}",
    )
    return _pinned(index, chosen)


def _pinned(index: Index, chosen: Sequence[Choice], keep: Keep | None = None) -> tuple[Locked, ...]:
    stay = {c.key: keep.by_key[c.key].package for c in chosen if keep and c.solvable.repo.name == REPO}
    moved = [choice.key for choice in chosen if choice.key not in stay]
    found = stay | dict(zip(moved, index.look_up(moved), strict=True))
    packages = [found[choice.key] for choice in chosen]
    return tuple(Locked(p, choice.causes) for p, choice in zip(packages, chosen, strict=True))


def _apply(pool: solv.Pool, repo: solv.Repo, index: Index, overlays: Mapping[str, Overlay]) -> None:
    """Give the solver the relations that the overlays leave."""
    found: dict[str, list[solv.XSolvable]] = {}
    for name in overlays:
        selection = pool.select(name, solv.Selection.SELECTION_NAME)
        found[name] = [s for s in selection.solvables() if s.repo.name == repo.name]
    for name, solvables in found.items():
        if not solvables:
            continue
        upstream = index.look_up((s.name, _plain(s.evr), s.arch) for s in solvables)
        for solvable, package in zip(solvables, upstream, strict=True):
            _replace_relations(pool, solvable, overlaid(package, overlays[name]))


def _filler(pool: solv.Pool, overlays: Mapping[str, Overlay]) -> Callable[[solv.XSolvable, Package], None]:
    """Give what gives a solvable the relations of a package, as its overlay leaves them."""
    return lambda solvable, package: _replace_relations(
        pool, solvable, overlaid(package, overlays.get(package.name))
    )


def _plain(evr: str) -> str:
    return evr.removeprefix("0:")


def _replace_relations(pool: solv.Pool, solvable: solv.XSolvable, package: Package) -> None:
    for field, key in _KINDS.items():
        relations: Iterable[str] = getattr(package, field)
        if field == "requires":
            relations = (*package.requires_pre, *package.requires)
        solvable.unset(key)
        for relation in relations:
            solvable.add_deparray(key, _dependency(pool, relation))


def _dependency(pool: solv.Pool, relation: str) -> solv.Dep:
    if relation.startswith("("):
        return pool.parserpmrichdep(relation)
    name, _, bound = relation.partition(" ")
    if not bound:
        return pool.Dep(name)
    op, _, evr = bound.partition(" ")
    flags = sum({"<": solv.REL_LT, "=": solv.REL_EQ, ">": solv.REL_GT}[sign] for sign in op)
    return pool.Dep(name).Rel(flags, pool.Dep(evr))


def _add_own(pool: solv.Pool, release: Release) -> None:
    """Stand in for the packages that are built from our own specs, which others may require."""
    repo = pool.add_repo("own")
    for component in release.components:
        if component.is_own:
            for name in component.wanted:
                solvable = repo.add_solvable()
                solvable.name, solvable.evr, solvable.arch = name, "0-0", "noarch"
                solvable.add_provides(pool.Dep(name).Rel(solv.REL_EQ, pool.Dep("0-0")))
                for relation in component.provides:
                    solvable.add_provides(_dependency(pool, relation))


def _check_spelling(repo: solv.Repo, release: Release) -> None:
    """A component's package must exist by its own name: a provider of it would be another package."""
    if isinstance(release.foundation, RpmmdFoundation):
        return
    pool = repo.pool
    faults = []
    for component in release.components:
        for name in (*(() if component.is_own else component.wanted), *component.build_from):
            if pool.select(name, solv.Selection.SELECTION_NAME).isempty():
                near = _near(pool, name)
                faults.append(
                    Fault(
                        f"component {component.name} of release {release.version} wants the package {name}, "
                        f"which {release.foundation.name} does not have",
                        near,
                    )
                )
    if faults:
        raise UserError(*faults)


def _near(pool: solv.Pool, name: str) -> str:
    near = get_close_matches(name, {s.name for s in pool.solvables_iter()}, n=3, cutoff=0.75)
    return f"did you mean {' or '.join(near)}?" if near else "leave it out, or take it from another release"
