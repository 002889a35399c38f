"""Choosing packages with libsolv, and saying in words why there is no choice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import solv

from bluejacket.errors import Fault, UserError

_MOST_PROBLEMS = 8


class Unsolvable(UserError):
    """No set of packages fulfils what is asked. `paths` are files that no package seems to have."""

    def __init__(self, faults: Iterable[Fault], paths: Iterable[str]) -> None:
        super().__init__(*faults)
        self.paths = tuple(paths)


class Cause(NamedTuple):
    """Why a package is in: `by` (a package, or empty for a root) needs `relation`."""

    by: str
    relation: str


class Choice(NamedTuple):
    """One chosen package: name, evr, arch, and everything that needs it."""

    name: str
    evr: str
    arch: str
    causes: tuple[Cause, ...]
    solvable: solv.XSolvable

    @property
    def key(self) -> tuple[str, str, str]:
        """Name, evr and architecture."""
        return self.name, self.evr, self.arch


def solve(
    pool: solv.Pool,
    wanted: Sequence[str],
    *,
    exclude: Iterable[str] = (),
    favour: Iterable[str] = (),
    recommends: bool = False,
    what: str = "the set",
) -> tuple[Choice, ...]:
    """Choose the packages that fulfil `wanted` (names or relations), sorted by name.

    `exclude` names packages that may not be chosen, `favour` those that win where several would do.
    Raises Unsolvable that says what cannot be fulfilled and what would help, UserError for an unknown name.
    """
    pool.createwhatprovides()
    jobs = [_job(pool, name, what) for name in dict.fromkeys(wanted)]
    for name in exclude:
        jobs.append(pool.Job(solv.Job.SOLVER_LOCK | solv.Job.SOLVER_SOLVABLE_NAME, pool.str2id(name)))
    for name in favour:
        jobs.append(pool.Job(solv.Job.SOLVER_FAVOR | solv.Job.SOLVER_SOLVABLE_NAME, pool.str2id(name)))
    solver = pool.Solver()
    solver.set_flag(solv.Solver.SOLVER_FLAG_IGNORE_RECOMMENDED, 0 if recommends else 1)
    if problems := solver.solve(jobs):
        raise Unsolvable(told(problems, what), missing_paths(problems))
    chosen = solver.transaction().newsolvables()
    causes = _causes(pool, chosen, wanted)
    return tuple(
        sorted((Choice(s.name, _evr(s), s.arch, tuple(causes[s.id]), s) for s in chosen), key=lambda c: c.key)
    )


def _evr(solvable: solv.XSolvable) -> str:
    evr: str = solvable.evr
    return evr.removeprefix("0:")


def _job(pool: solv.Pool, wanted: str, what: str) -> solv.Job:
    selection = pool.select(
        wanted,
        solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_PROVIDES | solv.Selection.SELECTION_REL,
    )
    if selection.isempty():
        from difflib import get_close_matches

        names = {s.name for s in pool.solvables_iter()}
        near = get_close_matches(wanted.split()[0], names, n=3, cutoff=0.75)
        hint = f"did you mean {' or '.join(near)}?" if near else "check its name in the foundation's index"
        raise UserError(Fault(f"{what} wants {wanted}, and no package has or provides that name", hint))
    jobs: list[solv.Job] = selection.jobs(solv.Job.SOLVER_INSTALL)
    return jobs[0]


def _causes(
    pool: solv.Pool, chosen: Sequence[solv.XSolvable], wanted: Sequence[str]
) -> dict[int, list[Cause]]:
    """Find for every chosen package who needs it, and through which relation."""
    inside = {s.id for s in chosen}
    causes: dict[int, dict[Cause, None]] = defaultdict(dict)
    for name in wanted:
        relation = pool.parserpmrichdep(name) if name.startswith("(") else pool.Dep(name.split()[0])
        for provider in pool.whatprovides(relation):
            if provider.id in inside:
                causes[provider.id][Cause("", name)] = None
    providers: dict[int, tuple[str, list[int]]] = {}  # most packages require the same few libraries
    for solvable in chosen:
        for relation in solvable.lookup_deparray(solv.SOLVABLE_REQUIRES, 0):
            if relation.id not in providers:
                ids = [s.id for s in pool.whatprovides(relation) if s.id in inside]
                providers[relation.id] = str(relation), ids
            text, ids = providers[relation.id]
            cause = Cause(solvable.name, text)
            for provider_id in ids:
                if provider_id != solvable.id:
                    causes[provider_id][cause] = None
    return defaultdict(list, {number: list(found) for number, found in causes.items()})


def missing_paths(problems: Iterable[solv.Problem]) -> tuple[str, ...]:
    """Give the paths that no package seems to provide: what `filelists` may still find."""
    found: dict[str, None] = {}
    for problem in problems:
        for rule in problem.findallproblemrules():
            for info in rule.allinfos():
                if info.dep is not None:
                    found.update((word.strip("()"), None) for word in str(info.dep).split() if "/" in word)
    return tuple(path for path in found if path.startswith("/"))


def told(problems: Sequence[solv.Problem], what: str) -> list[Fault]:
    """Give libsolv's problems in words, the first few of them."""
    return [_explain(problem, what) for problem in problems[:_MOST_PROBLEMS]]


def _explain(problem: solv.Problem, what: str) -> Fault:
    reasons: list[str] = []
    for rule in problem.findallproblemrules():
        for info in rule.allinfos():
            text = info.problemstr()
            if text not in reasons:
                reasons.append(text)
    ways = [
        " and ".join(element.str() for element in solution.elements()) for solution in problem.solutions()[:3]
    ]
    way_out = "what would help: " + "; or ".join(ways) if ways else ""
    return Fault(f"{what} cannot be put together: " + "; ".join(reasons[:_MOST_PROBLEMS]), way_out)
