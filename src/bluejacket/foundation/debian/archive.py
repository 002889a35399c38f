"""From a Debian foundation's definition to its verified, converted index."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bluejacket.definition import DebianFoundation, Suite
from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.debian.apt import Apt
from bluejacket.foundation.debian.convert_index import IndexFile, convert_index
from bluejacket.foundation.debian.release_file import ReleaseFile, accept, refuse_older
from bluejacket.foundation.fetch import Fetcher, Wanted
from bluejacket.foundation.index import Index, IndexRecord
from bluejacket.foundation.openpgp import Keyring
from bluejacket.report import Report
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical

_LIMIT = 8 << 20  # bytes of an InRelease
_CODE = (
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
        files, records = self._fetch(now or datetime.now(UTC))
        step = Step(
            "convert-index",
            code_of(*_CODE),
            canonical([(f.archive, f.suite) for f in files]),
            tuple(f.file.name for f in files),
        )
        return Index(
            self.store.obtain(step, lambda into: convert_index(files, into)), tuple(records), step.key
        )

    def index_files(self) -> list[IndexFile]:
        """Fetch and verify the newest `Packages` files. Raises OutsideError as `refresh` does."""
        return self._fetch(datetime.now(UTC))[0]

    def _fetch(self, now: datetime) -> tuple[list[IndexFile], list[IndexRecord]]:
        files: list[IndexFile] = []
        records: list[IndexRecord] = []
        with self.fetcher() as fetcher:
            for suite in self.foundation.suites:
                release = self._release(fetcher, suite, now)
                files += self._packages(fetcher, suite, release)
                records.append(self._record(suite, release, now))
        return files, records

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
        accept(release, accepted)
        return release

    def _packages(self, fetcher: Fetcher, suite: Suite, release: ReleaseFile) -> list[IndexFile]:
        wanted: list[Wanted] = []
        root = f"{self.base(suite.archive)}/dists/{suite.name}"
        for section in suite.sections:
            folder = f"{section}/binary-{self.foundation.architecture}"
            listed = release.files.get(f"{folder}/Packages.xz")
            if listed is None:
                raise OutsideError(Fault(f"the index of {suite.name} lists no {folder}/Packages.xz"))
            plain = f"{root}/{folder}/Packages.xz"
            hashed = f"{root}/{folder}/by-hash/SHA256/{listed.sha256}"
            urls = (hashed, plain) if release.by_hash else (plain,)
            wanted.append(Wanted(f"{suite.name} {section} index", urls, listed.size, listed.sha256))
        fetched = fetcher.fetch_all(wanted, f"Index of {suite.name}")
        return [IndexFile(suite.archive, suite.name, fetched[w.hash]) for w in wanted]

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
