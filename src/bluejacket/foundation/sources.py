"""Corresponding source: which source packages the binaries of a lock were made from, file by file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bluejacket.foundation.metadata import Package


class Use(StrEnum):
    """How a source went into a binary; the first that holds counts."""

    SOURCE = "source"  # the binary was built from it
    BUILT_USING = "built-using"  # parts of it are in, and its licence demands it (Debian Policy 7.8)
    STATIC = "static-built-using"  # linked in, under a licence that demands no source
    OWN = "own"  # a package of our own: its spec file with all that lies beside it


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source package. `location` is relative to the archive's base, `size` in bytes."""

    location: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.location.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Source:
    """One source package and the binaries `of` a lock that need it.

    `version` is in the upstream's own words. Without `files` it is missing: no index of the foundation
    had this very version when the lock was made.
    """

    name: str
    version: str
    use: Use
    of: tuple[str, ...]
    archive: str = ""
    files: tuple[SourceFile, ...] = ()

    @property
    def missing(self) -> bool:
        """Whether it is known where none of it is."""
        return not self.files

    @property
    def owed(self) -> bool:
        """Whether whoever hands out the binaries may have to hand out this source as well."""
        return self.use is not Use.STATIC

    @property
    def size(self) -> int:
        """The bytes of all its files."""
        return sum(file.size for file in self.files)


Key = tuple[str, str]  # name and version of a source package


def asked_sources(packages: Iterable[Package], using: Iterable[tuple[str, Use, Key]]) -> dict[Key, Source]:
    """Give the sources of `packages`, still without files; `using` adds (binary, use, source)."""
    asked: dict[Key, Source] = {}
    own = ((p.name, Use.SOURCE, (p.source, p.source_version)) for p in packages)
    for binary, use, (name, version) in (*own, *using):
        former = asked.get((name, version))
        of = {binary, *(former.of if former else ())}
        first = min(use, former.use, key=list(Use).index) if former else use
        asked[name, version] = Source(name, version, first, tuple(sorted(of)))
    return dict(sorted(asked.items()))
