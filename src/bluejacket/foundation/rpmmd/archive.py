"""From an RPM foundation's definition to its verified index, and to its packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bluejacket.definition import RpmmdFoundation
from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.fetch import Fetcher, Wanted, read_logins
from bluejacket.foundation.metadata import Package
from bluejacket.foundation.rpmmd.index import RpmmdIndex
from bluejacket.foundation.rpmmd.package import BadPackage, verify_package
from bluejacket.foundation.rpmmd.refresh import refresh
from bluejacket.foundation.rpmmd.reopen import reopen
from bluejacket.foundation.rpmmd.source import Source, source_of
from bluejacket.foundation.rpmmd.sources import find_sources
from bluejacket.foundation.sources import Source as Corresponding
from bluejacket.foundation.sources import asked_sources
from bluejacket.report import Report
from bluejacket.store import Store


@dataclass(frozen=True)
class RpmmdArchive:
    """An RPM foundation as this machine reaches it. `indexes` keeps what was accepted last."""

    foundation: RpmmdFoundation
    folder: Path  # the definitions', against which key files are named
    store: Store
    indexes: Path
    report: Report

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The repositories of binary packages, by id. Raises UserError for keys that are not there."""
        return self._described(of_sources=False)

    @cached_property
    def source_repositories(self) -> dict[str, Source]:
        """The repositories of source packages, by id. Raises UserError for keys that are not there."""
        return self._described(of_sources=True)

    def _described(self, *, of_sources: bool) -> dict[str, Source]:
        return {
            one.id: source_of(self.foundation, one, self.folder)
            for one in self.foundation.repositories
            if one.source is of_sources
        }

    def fetcher(self) -> Fetcher:
        """Give a fetcher with the environment's proxies and the logins of ~/.netrc."""
        netrc = Path("~/.netrc").expanduser()
        logins = read_logins(netrc) if netrc.is_file() else ()
        return Fetcher(self.store, self.report, logins=logins)

    def refresh(self, *, filelists: bool = False) -> RpmmdIndex:
        """Fetch and verify the newest metadata of all repositories.

        With `filelists`, every file counts as provided. Raises what rpmmd.refresh raises.
        """
        with self.fetcher() as fetcher:
            found = [
                refresh(source, fetcher, self.store, self.indexes, self.report)
                for source in self.sources.values()
            ]
            if filelists:
                for repository in found:
                    if "filelists" in repository.repomd.data:
                        repository.data("filelists")
        for repository in found:
            repository.fetcher = None  # closed by now
        return RpmmdIndex(tuple(found), self.foundation.architecture, filelists)

    def wanted(self, packages: Sequence[tuple[str, str, str, int, str]]) -> list[Wanted]:
        """Give what to fetch for (name, archive, location, size, sha256) of locked packages."""
        known = self.sources | self.source_repositories
        bases = {
            name: reopen(known[name], self.store, self.indexes).bases
            for name in {package[1] for package in packages}
        }
        return [
            Wanted(name, tuple(base + location for base in bases[archive]), size, sha256)
            for name, archive, location, size, sha256 in packages
        ]

    def corresponding(self, _index: RpmmdIndex, packages: Sequence[Package]) -> tuple[Corresponding, ...]:
        """Give the source packages that `packages` were built from; some may be missing.

        Raises what `refresh` raises.
        """
        with self.fetcher() as fetcher:
            repositories = [
                refresh(source, fetcher, self.store, self.indexes, self.report)
                for source in self.source_repositories.values()
            ]
            return find_sources(repositories, self.foundation.architecture, asked_sources(packages, ()))

    def verify_source(self, source: Corresponding, file: Path) -> None:
        """Demand a source package's own signature. Raises BadPackage, BadSignature."""
        verify_package(file, self.source_repositories[source.archive].keys, source.files[0].name)

    def verify(self, package: Package, file: Path) -> None:
        """Demand the package's own signature, and that it is the one that its index names.

        Raises BadPackage, BadSignature.
        """
        if package.archive not in self.sources:
            raise OutsideError(Fault(f"{package.nevra}: {self.foundation.name} has no {package.archive}"))
        signed = verify_package(file, self.sources[package.archive].keys, package.nevra)
        if signed.nevra != package.nevra:
            raise BadPackage(Fault(f"the lock says {package.nevra}, the package itself {signed.nevra}"))
