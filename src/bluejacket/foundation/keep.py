"""Choosing packages while others stay: what is locked moves only if something forces it, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key

import solv

from bluejacket.foundation.lock import Locked
from bluejacket.foundation.metadata import Package
from bluejacket.foundation.solve import Choice, Unsolvable, missing_paths, solve, told

REPO = "locked"


@dataclass(frozen=True, slots=True)
class Keep:
    """What stays of a former lock: `packages` unless forced to move, those named `fixed` in any case.

    Of those named `newest` nothing but the foundation's newest version counts.
    """

    packages: tuple[Locked, ...] = ()
    fixed: frozenset[str] = frozenset()
    newest: frozenset[str] = frozenset()
    by_key: Mapping[tuple[str, str, str], Locked] = field(init=False)

    def __post_init__(self) -> None:
        keys = {(e.package.name, e.package.evr, e.package.arch): e for e in self.packages}
        object.__setattr__(self, "by_key", keys)


def solve_kept(
    pool: solv.Pool,
    keep: Keep,
    wanted: Sequence[str],
    fill: Callable[[solv.XSolvable, Package], None],
    *,
    exclude: Iterable[str] = (),
    favour: Iterable[str] = (),
    recommends: bool = False,
    what: str = "the set",
) -> tuple[Choice, ...]:
    """Choose as `solve` does, with the packages to keep as if they were installed on a machine.

    `fill` gives a solvable the relations of a package. A chosen package that stays is of the repository
    `REPO`: the foundation may have it no longer. Raises what `solve` raises.
    """
    installed = _installed(pool, keep, frozenset(exclude), fill)
    pool.installed = installed  # which drops the index of provides, without which selecting crashes
    pool.createwhatprovides()
    older = _older(pool, keep.newest)
    flags = solv.Job.SOLVER_SOLVABLE
    jobs = [
        pool.Job(solv.Job.SOLVER_LOCK | flags, s.id)
        for s in installed.solvables_iter()
        if s.name in keep.fixed
    ]
    jobs += [pool.Job(solv.Job.SOLVER_LOCK | flags, number) for number in older]
    # What they require has to be met, which libsolv does not ask of what is installed already.
    jobs.append(pool.Job(solv.Job.SOLVER_VERIFY | solv.Job.SOLVER_SOLVABLE_ALL, 0))
    for name in dict.fromkeys(wanted):
        selection = pool.select(name, solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_PROVIDES)
        jobs += selection.jobs(solv.Job.SOLVER_INSTALL)[:1]
    by_name = solv.Job.SOLVER_SOLVABLE_NAME
    jobs += [pool.Job(solv.Job.SOLVER_LOCK | by_name, pool.str2id(name)) for name in exclude]
    jobs += [pool.Job(solv.Job.SOLVER_FAVOR | by_name, pool.str2id(name)) for name in favour]
    solver = pool.Solver()
    solver.set_flag(solv.Solver.SOLVER_FLAG_IGNORE_RECOMMENDED, 0 if recommends else 1)
    solver.set_flag(solv.Solver.SOLVER_FLAG_ALLOW_UNINSTALL, 1)
    if problems := solver.solve(jobs):
        raise Unsolvable(told(problems, what), missing_paths(problems))
    done = solver.transaction()
    stay = [s.id for s in (*done.newsolvables(), *done.keptsolvables())]
    # What stays only because it was there goes: of the settled versions, the closure of what is wanted.
    pool.installed = None
    pool.set_considered_list(stay)
    return solve(pool, wanted, exclude=exclude, favour=favour, recommends=recommends, what=what)


def _installed(
    pool: solv.Pool, keep: Keep, exclude: frozenset[str], fill: Callable[[solv.XSolvable, Package], None]
) -> solv.Repo:
    repo = pool.add_repo(REPO)
    for entry in keep.packages:
        package = entry.package
        if package.name in exclude:
            continue
        solvable = repo.add_solvable()
        solvable.name, solvable.evr, solvable.arch = package.name, package.evr, package.arch
        fill(solvable, package)
        for cause in entry.causes:  # a path that others require is no relation of its package
            if cause.relation.startswith("/"):
                solvable.add_provides(pool.Dep(cause.relation))
    return repo


def _older(pool: solv.Pool, names: Iterable[str]) -> list[int]:
    """Give the versions of these packages that are not the newest one."""
    older: list[int] = []
    for name in names:
        found = pool.select(name, solv.Selection.SELECTION_NAME).solvables()
        if found:
            newest = max(found, key=cmp_to_key(_compared))
            older += [s.id for s in found if s.evrcmp(newest) < 0]
    return older


def _compared(one: solv.XSolvable, other: solv.XSolvable) -> int:
    return int(one.evrcmp(other))
