"""RPM repositories as one index, in the shape that a lock is made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cmp_to_key
from hashlib import sha256

import solv

from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.index import IndexRecord
from bluejacket.foundation.metadata import Package
from bluejacket.foundation.rpmmd.repository import Repository
from bluejacket.foundation.solvfile import new_pool

NAME = "foundation"

_KINDS = {
    "conflicts": solv.SOLVABLE_CONFLICTS,
    "obsoletes": solv.SOLVABLE_OBSOLETES,
    "recommends": solv.SOLVABLE_RECOMMENDS,
    "suggests": solv.SOLVABLE_SUGGESTS,
}
_BEFORE, _AFTER = -1, 1  # the marker: requirements of the package | those of its installation


@dataclass(frozen=True, slots=True)
class RpmmdIndex:
    """The repositories of a foundation. `filelists`: with every file, for dependencies on paths."""

    repositories: tuple[Repository, ...]
    architecture: str
    filelists: bool = False

    @property
    def records(self) -> tuple[IndexRecord, ...]:
        """Which repomd.xml of each repository was used."""
        return tuple(_record(repository) for repository in self.repositories)

    @property
    def key(self) -> str:
        """The identity of all metadata together."""
        return sha256("\0".join(record.sha256 for record in self.records).encode()).hexdigest()

    def load(self, pool: solv.Pool) -> solv.Repo:
        """Add the packages of all repositories to a pool, as one repository."""
        repo = pool.add_repo(NAME)
        list(self._load(pool, repo))
        pool.addfileprovides()
        return repo

    def _load(self, pool: solv.Pool, repo: solv.Repo) -> Iterator[tuple[Repository, range]]:
        """Load all; gives each repository with the ids of its packages in the pool."""
        hidden: list[int] = []
        taken: dict[str, int] = {}
        for repository in sorted(self.repositories, key=lambda one: one.source.priority):
            loaded, ids = repository.load_into(repo, filelists=self.filelists)
            hidden += loaded
            hidden += _outranked(pool, ids, repository.source.priority, taken)
            yield repository, ids
        if hidden:
            pool.set_disabled_list(hidden)

    def favoured(self) -> frozenset[str]:
        """RPM repositories do not say which packages are the standard ones."""
        return frozenset()

    def newest(self, names: Iterable[str]) -> dict[str, Package]:
        """Give the newest version of each of these packages that is there, by name. Raises OutsideError."""
        pool = new_pool(self.architecture)
        ranges = list(self._load(pool, pool.add_repo(NAME)))
        pool.createwhatprovides()
        keys = []
        for name in names:
            if found := pool.select(name, solv.Selection.SELECTION_NAME).solvables():
                newest = max(found, key=cmp_to_key(_compared))
                keys.append((name, plain_evr(newest.evr), newest.arch))
        return {key[0]: _found(pool, ranges, key) for key in keys}

    def known(self, keys: Iterable[tuple[str, str, str]]) -> frozenset[tuple[str, str, str]]:
        """Give those of these (name, evr, arch) that are there."""
        wanted = frozenset(keys)
        pool = new_pool(self.architecture)
        repo = pool.add_repo(NAME)
        list(self._load(pool, repo))
        there = {(s.name, plain_evr(s.evr), s.arch) for s in repo.solvables_iter()}
        return wanted & there

    def look_up(self, wanted: Iterable[tuple[str, str, str]]) -> Sequence[Package]:
        """Give the packages of these (name, evr, arch), in that order. Raises OutsideError."""
        pool = new_pool(self.architecture)
        ranges = list(self._load(pool, pool.add_repo(NAME)))
        pool.createwhatprovides()
        return [_found(pool, ranges, key) for key in wanted]


def _compared(one: solv.XSolvable, other: solv.XSolvable) -> int:
    return int(one.evrcmp(other))


def _outranked(pool: solv.Pool, ids: range, priority: int, taken: dict[str, int]) -> Iterator[int]:
    """Give the packages whose name a repository of a better priority has: in DNF they do not exist."""
    for number in ids:
        name = pool.id2solvable(number).name
        if taken.setdefault(name, priority) < priority:
            yield number


def _found(pool: solv.Pool, ranges: Sequence[tuple[Repository, range]], key: tuple[str, str, str]) -> Package:
    name, evr, arch = key
    for solvable in pool.select(name, solv.Selection.SELECTION_NAME).solvables():
        if (plain_evr(solvable.evr), solvable.arch) == (evr, arch):
            repository = next(one for one, ids in ranges if solvable.id in ids)
            return package_of(repository, solvable)
    raise OutsideError(Fault(f"{name}-{evr}.{arch} is not in the foundation's metadata"))


def package_of(repository: Repository, solvable: solv.XSolvable) -> Package:
    """Give a package of a repository in the one shape. Raises Malformed, OutsideError."""
    want = repository.wanted(solvable)
    if want.sha256 is None:
        raise OutsideError(Fault(f"{repository.source.id} gives no SHA-256 of {solvable}, which locks need"))
    evr = plain_evr(solvable.evr)
    source, source_version = _source(solvable)
    relations = {kind: _relations(solvable, number, _BEFORE) for kind, number in _KINDS.items()}
    return Package(
        name=solvable.name,
        evr=evr,
        arch=solvable.arch,
        upstream_name=solvable.name,
        upstream_version=evr,
        source=source,
        source_version=source_version,
        section=solvable.lookup_str(solv.SOLVABLE_GROUP) or "",
        priority="",
        summary=solvable.lookup_str(solv.SOLVABLE_SUMMARY) or "",
        description=solvable.lookup_str(solv.SOLVABLE_DESCRIPTION) or "",
        url=solvable.lookup_str(solv.SOLVABLE_URL) or "",
        archive=repository.source.id,
        location=solvable.lookup_location()[0],
        size=solvable.lookup_num(solv.SOLVABLE_DOWNLOADSIZE),
        installed_size=solvable.lookup_num(solv.SOLVABLE_INSTALLSIZE),
        sha256=want.sha256,
        provides=_relations(solvable, solv.SOLVABLE_PROVIDES, _BEFORE),
        requires=_relations(solvable, solv.SOLVABLE_REQUIRES, _BEFORE),
        requires_pre=_relations(solvable, solv.SOLVABLE_REQUIRES, _AFTER),
        **relations,
    )


def plain_evr(evr: str) -> str:
    """Give an evr without an epoch of 0."""
    return evr.removeprefix("0:")


def _relations(solvable: solv.XSolvable, kind: int, side: int) -> tuple[str, ...]:
    return tuple(str(relation) for relation in solvable.lookup_deparray(kind, side))


def _source(solvable: solv.XSolvable) -> tuple[str, str]:
    """Split name-version-release.src.rpm."""
    file = (solvable.lookup_sourcepkg() or "").removesuffix(".src.rpm").removesuffix(".nosrc.rpm")
    parts = file.rsplit("-", 2)
    return (
        (parts[0], f"{parts[1]}-{parts[2]}") if len(parts) == 3 else (solvable.name, plain_evr(solvable.evr))
    )


def _record(repository: Repository) -> IndexRecord:
    newest = datetime.fromtimestamp(repository.repomd.newest, UTC)
    return IndexRecord(
        archive=repository.source.id,
        suite=repository.repomd.revision,
        sha256=repository.sha256,
        date=newest.isoformat(),
        signers=repository.source.keys.fingerprints if repository.source.metadata_signed else (),
    )
