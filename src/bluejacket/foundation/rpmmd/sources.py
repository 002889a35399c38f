"""Source packages of RPM repositories, by the SOURCERPM that binary packages name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bluejacket.foundation.rpmmd.repository import Repository
from bluejacket.foundation.solvfile import new_pool
from bluejacket.foundation.sources import Key, Source, SourceFile

_SOURCE = ("src", "nosrc")


def find_sources(
    repositories: Iterable[Repository], architecture: str, asked: dict[Key, Source]
) -> tuple[Source, ...]:
    """Give `asked` with the file of those that a repository has; SOURCERPM knows no epoch.

    Raises OutsideError, also for a source package that no SHA-256 describes.
    """
    found = dict(asked)
    by_file = {(name, _plain(version)): (name, version) for name, version in asked}
    for repository in repositories:
        pool = new_pool(architecture)
        _, ids = repository.load_into(pool.add_repo(repository.source.id))
        for solvable in map(pool.id2solvable, ids):
            key = by_file.get((solvable.name, _plain(solvable.evr)))
            if solvable.arch not in _SOURCE or key is None or not found[key].missing:
                continue
            want = repository.wanted(solvable)
            if want.sha256:
                file = SourceFile(solvable.lookup_location()[0], want.size or 0, want.sha256)
                found[key] = replace(asked[key], archive=repository.source.id, files=(file,))
    return tuple(found.values())


def _plain(evr: str) -> str:
    return evr.rpartition(":")[2]
