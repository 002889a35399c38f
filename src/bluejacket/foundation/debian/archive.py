"""From a Debian foundation's definition to its verified, converted index."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bluejacket.definition import DebianFoundation, Suite
from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.debian.apt import Apt
from bluejacket.foundation.debian.convert_index import IndexFile, convert_index
from bluejacket.foundation.debian.release_file import ReleaseFile, accept, refuse_older
from bluejacket.foundation.debian.sources import find_sources
from bluejacket.foundation.fetch import Fetcher, Wanted
from bluejacket.foundation.index import Index, IndexRecord, SourceList
from bluejacket.foundation.metadata import Package
from bluejacket.foundation.openpgp import Keyring
from bluejacket.foundation.sources import Source, asked_sources
from bluejacket.report import Report
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical

_LIMIT = 8 << 20  # bytes of an InRelease
_CODE = (
    "bluejacket.foundation.debian.built_using",
    "bluejacket.foundation.debian.control",
    "bluejacket.foundation.debian.convert_index",
    "bluejacket.foundation.debian.relations",
    "bluejacket.foundation.debian.version",
    "bluejacket.foundation.metadata",
    "bluejacket.foundation.primary",
    "bluejacket.foundation.solvfile",
)


@dataclass(frozen=True, slots=True)
class DebianArchive:
    """A Debian foundation as this machine reaches it. `indexes` keeps what was accepted last."""

    foundation: DebianFoundation
    folder: Path  # the definitions', against which keyrings are named
    store: Store
    indexes: Path
    report: Report
    apt: Apt = field(default_factory=Apt)

    def fetcher(self) -> Fetcher:
        """Give a fetcher with apt's proxies and logins."""
        return Fetcher(self.store, self.report, proxies=self.apt.proxies(), logins=self.apt.logins())

    def base(self, archive: str) -> str:
        """Give the address of an archive of this foundation."""
        suite = next(s for s in self.foundation.suites if s.archive == archive)
        return f"{(suite.mirror or self.apt.mirror(archive)).rstrip('/')}/{archive}"

    def refresh(self, now: datetime | None = None) -> Index:
        """Fetch, verify and convert the newest index.

        Raises OutsideError for an index that is unsigned, expired, older than before, or not what
        its signature says.
        """
        files, records, lists = self._fetch(now or datetime.now(UTC))
        step = Step(
            "convert-index",
            code_of(*_CODE),
            canonical([(f.archive, f.suite) for f in files]),
            tuple(f.file.name for f in files),
        )
        return Index(
            self.store.obtain(step, lambda into: convert_index(files, into)),
            tuple(records),
            step.key,
            tuple(lists),
        )

    def corresponding(self, index: Index, packages: Sequence[Package]) -> tuple[Source, ...]:
        """Give the corresponding source of packages of `index`, by exact version; some may be missing.

        Raises OutsideError as `refresh` does.
        """
        wanted = [
            Wanted(f"{one.suite} sources", one.urls, one.size, one.sha256) for one in index.source_lists
        ]
        with self.fetcher() as fetcher:
            fetched = fetcher.fetch_all(wanted, "Lists of sources")
        lists = [IndexFile(one.archive, one.suite, fetched[one.sha256]) for one in index.source_lists]
        return find_sources(lists, asked_sources(packages, index.built_using(packages)))

    def index_files(self) -> list[IndexFile]:
        """Fetch and verify the newest `Packages` files. Raises OutsideError as `refresh` does."""
        return self._fetch(datetime.now(UTC))[0]

    def _fetch(self, now: datetime) -> tuple[list[IndexFile], list[IndexRecord], list[SourceList]]:
        files: list[IndexFile] = []
        records: list[IndexRecord] = []
        lists: list[SourceList] = []
        with self.fetcher() as fetcher:
            for suite in self.foundation.suites:
                release = self._release(fetcher, suite, now)
                files += self._packages(fetcher, suite, release)
                records.append(self._record(suite, release, now))
                lists += self._source_lists(suite, release)
        return files, records, lists

    def _release(self, fetcher: Fetcher, suite: Suite, now: datetime) -> ReleaseFile:
        url = f"{self.base(suite.archive)}/dists/{suite.name}/InRelease"
        data = fetcher.get_small([url], _LIMIT)
        keyring = Keyring.read(self.folder / suite.keyring, only=suite.signers)
        release = ReleaseFile.read(data, keyring, suite.name, hashlib.sha256(data).hexdigest())
        days = release.expired_days(now)
        if days and self.apt.checks_valid_until():
            raise OutsideError(
                Fault(
                    f"the index of {suite.name} is {days} days past its Valid-Until "
                    f"({release.valid_until:%Y-%m-%d}): the mirror is stale, or someone holds updates back",
                    "use a current mirror; to accept it all the same, set Acquire::Check-Valid-Until "
                    '"false" for this machine\'s apt',
                )
            )
        accepted = self.indexes / f"{suite.archive}-{suite.name}".replace("/", "_")
        refuse_older(release, accepted)
        with self.store.part() as part:  # kept, so that its signature can be verified again
            part.write(data)
            part.commit(release.sha256)
        accept(release, accepted)
        return release

    def _packages(self, fetcher: Fetcher, suite: Suite, release: ReleaseFile) -> list[IndexFile]:
        wanted: list[Wanted] = []
        for section in suite.sections:
            folder = f"{section}/binary-{self.foundation.architecture}"
            listed = release.files.get(f"{folder}/Packages.xz")
            if listed is None:
                raise OutsideError(Fault(f"the index of {suite.name} lists no {folder}/Packages.xz"))
            urls = self._urls(suite, release, f"{folder}/Packages.xz")
            wanted.append(Wanted(f"{suite.name} {section} index", urls, listed.size, listed.sha256))
        fetched = fetcher.fetch_all(wanted, f"Index of {suite.name}")
        return [IndexFile(suite.archive, suite.name, fetched[w.hash]) for w in wanted]

    def _source_lists(self, suite: Suite, release: ReleaseFile) -> Iterator[SourceList]:
        """Give the lists of sources; a mirror of binaries alone has none."""
        for section in suite.sections:
            file = f"{section}/source/Sources.xz"
            if listed := release.files.get(file):
                urls = self._urls(suite, release, file)
                yield SourceList(suite.archive, suite.name, urls, listed.size, listed.sha256)

    def _urls(self, suite: Suite, release: ReleaseFile, file: str) -> tuple[str, ...]:
        """Give the addresses of a file that the suite's InRelease lists."""
        root = f"{self.base(suite.archive)}/dists/{suite.name}"
        folder = file.rpartition("/")[0]
        plain = f"{root}/{file}"
        hashed = f"{root}/{folder}/by-hash/SHA256/{release.files[file].sha256}"
        return (hashed, plain) if release.by_hash else (plain,)

    def _record(self, suite: Suite, release: ReleaseFile, now: datetime) -> IndexRecord:
        days = release.expired_days(now)
        return IndexRecord(
            archive=suite.archive,
            suite=suite.name,
            sha256=release.sha256,
            date=release.date.isoformat(),
            signers=release.signers,
            tolerated=(
                f"{suite.name}: the index is {days} days past its Valid-Until; accepted because this "
                "machine's apt is set not to check it (Acquire::Check-Valid-Until)"
                if days
                else ""
            ),
        )

    def wanted(self, packages: Sequence[tuple[str, str, str, int, str]]) -> list[Wanted]:
        """Give what to fetch for (name, archive, location, size, sha256) of locked packages."""
        bases = {archive: self.base(archive) for archive in {p[1] for p in packages}}
        return [
            Wanted(name, (f"{bases[archive]}/{location}",), size, sha256)
            for name, archive, location, size, sha256 in packages
        ]
