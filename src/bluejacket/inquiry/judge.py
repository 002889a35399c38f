"""Whether a package has a fix: by its own version, or by its component's when upstream renamed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bluejacket.feed.advisory import Advisory
from bluejacket.feed.advisory.held import is_older
from bluejacket.inquiry.answer import Standing


@dataclass(frozen=True, slots=True)
class Fix:
    """One package that has an advisory's fix. Versions are `[epoch:]version-release`."""

    advisory: str
    name: str
    evr: str
    arch: str
    nevra: str
    source: str
    source_evr: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A package that is judged. `source_evr` may be empty, and lack its epoch."""

    name: str
    evr: str
    arch: str
    source: str = ""
    source_evr: str = ""

    @property
    def nevra(self) -> str:
        """Name, epoch (unless 0), version, release and architecture, as DNF prints them."""
        return f"{self.name}-{self.evr}.{self.arch}"


def fixes_of(advisory: Advisory) -> list[Fix]:
    """Give the packages that have an advisory's fix."""
    return [
        Fix(advisory.id, one.name, one.evr, one.arch, one.nevra, one.source, one.source_evr)
        for one in advisory.fixed
    ]


class Judge:
    """Knows some fixes. `is_gone` says whether the newest snapshot has no package of a name any more."""

    def __init__(self, fixes: Iterable[Fix], is_gone: Callable[[str], bool]) -> None:
        self._is_gone = is_gone
        self._by_name: dict[str, list[Fix]] = {}
        self._by_source: dict[str, dict[str, list[Fix]]] = {}
        for fix in fixes:
            self._by_name.setdefault(fix.name, []).append(fix)
            self._by_source.setdefault(fix.source, {}).setdefault(fix.advisory, []).append(fix)

    @property
    def names(self) -> tuple[str, ...]:
        """The packages that have fixes."""
        return tuple(self._by_name)

    @property
    def sources(self) -> tuple[str, ...]:
        """Their components."""
        return tuple(self._by_source)

    def lacking(self, one: Subject) -> list[Fix]:
        """Give the fixes that a package does not have."""
        mine = self._of_name(one)
        found = [fix for fix in mine if is_older(one.evr, fix.evr)]
        told = {fix.advisory for fix in mine}
        return found + [
            fixes[0]
            for advisory, fixes in self._by_source.get(one.source, {}).items()
            if advisory not in told and self._is_renamed(one, fixes)
        ]

    def standing(self, one: Subject) -> Standing:
        """Say how a package stands to all the fixes together."""
        if self.lacking(one):
            return Standing.VULNERABLE
        return Standing.FIXED if self._of_name(one) else Standing.UNKNOWN

    def _of_name(self, one: Subject) -> list[Fix]:
        return [fix for fix in self._by_name.get(one.name, ()) if same_arch(fix.arch, one.arch)]

    def _is_renamed(self, one: Subject, fixes: Iterable[Fix]) -> bool:
        """A kernel's package, say, has its version in its name: the fixed one is called otherwise."""
        newest = next(iter(fixes)).source_evr
        return (
            bool(one.source_evr)
            and is_older(_plain(one.source_evr), _plain(newest))
            and self._is_gone(one.name)
        )


def same_arch(one: str, other: str) -> bool:
    """Say whether packages of two architectures may replace each other."""
    return one == other or "noarch" in (one, other)


def _plain(evr: str) -> str:
    """SOURCERPM, from which an image's manifest has the component's version, has no epoch."""
    return evr.partition(":")[2] or evr
