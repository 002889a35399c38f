"""The checks along the way of an answer: signatures and hashes, from upstream's index to the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bluejacket.definition import Release
from bluejacket.feed.pool import in_pool
from bluejacket.feed.shards import pool_location
from bluejacket.foundation.debian.release_file import ReleaseFile
from bluejacket.foundation.index import IndexRecord
from bluejacket.inquiry.answer import Answer, Check, Outcome, TracedPackage, TracedSnapshot
from bluejacket.inquiry.attempt import attempt, shown
from bluejacket.inquiry.metadata import listed_hashes
from bluejacket.inquiry.paperwork import paper_checks
from bluejacket.inquiry.trust import CannotTell, Origin, OwnKey, sha256_of_file
from bluejacket.package.describe import location_of
from bluejacket.store import State

Life = tuple[str, str]  # distribution and release


@dataclass
class Inspector:
    """Checks what an answer names. `quick` leaves out reading packages, upstream's files and disks again.

    `releases` are those of the definitions at hand, by distribution and version.
    """

    state: State
    releases: Mapping[Life, Release]
    quick: bool = False
    _keys: dict[str, OwnKey] = field(default_factory=dict)

    def checks(self, answer: Answer) -> tuple[Check, ...]:
        """Make all checks that an answer allows."""
        disks = answer.kind == "image" and not self.quick
        return (
            *self._upstream(answer.packages),
            *self._packages(answer),
            *self._snapshots(answer),
            *(check for one in answer.images for check in paper_checks(self.state, one, self.key, disks)),
        )

    def key(self, distribution: str) -> OwnKey:
        """Give a distribution's key, read once. Raises CannotTell."""
        if distribution not in self._keys:
            self._keys[distribution] = OwnKey.of(self.state, distribution)
        return self._keys[distribution]

    def _upstream(self, packages: Iterable[TracedPackage]) -> Iterator[Check]:
        lives: dict[Life, set[str]] = {}
        for one in packages:
            for place in (*one.snapshots[-1:], *one.images[:1]) if one.upstream else ():
                assert one.upstream is not None
                lives.setdefault(life_of(place), set()).add(one.upstream.sha256)
        for life, hashes in sorted(lives.items()):
            title = f"{'/'.join(life)}: {len(hashes)} upstream files"
            yield attempt(f"{title}, their hashes", self._upstream_files, hashes)
            yield attempt(f"{title}, pinned by the lock", self._pinned, life, hashes)
            yield from self._indexes(life, title, hashes)

    def _upstream_files(self, hashes: set[str]) -> str:
        if self.quick:
            raise CannotTell("--quick reads no file again")
        files = {digest: self.state.store.peek(digest) for digest in hashes}
        if wrong := [digest for digest, file in files.items() if file and sha256_of_file(file) != digest]:
            raise ValueError(f"the store's copy of {shown(wrong)} is damaged")
        if absent := [digest for digest, file in files.items() if file is None]:
            raise CannotTell(f"the store no longer has {len(absent)} of them: {shown(absent)}")
        return "read again from the store"

    def _origin(self, life: Life) -> Origin:
        if life not in self.releases:
            raise CannotTell("the definitions of that release are not at hand")
        return Origin.of(self.state, self.releases[life])

    def _pinned(self, life: Life, hashes: set[str]) -> str:
        origin = self._origin(life)
        if moved := hashes - origin.pinned.keys():
            raise CannotTell(f"the lock has moved on from {len(moved)} of them: {shown(list(moved))}")
        return f"the lock of release {life[1]} names each by its hash"

    def _indexes(self, life: Life, title: str, hashes: set[str]) -> Iterator[Check]:
        """Check the signed indexes that the lock took the hashes from."""
        try:
            origin = self._origin(life)
        except CannotTell:
            return  # said already
        mine = hashes & origin.pinned.keys()
        archives = {origin.pinned[digest] for digest in mine}
        records = [record for record in origin.lock.indexes if record.archive in archives]
        read: list[ReleaseFile] = []
        for record in records:
            what = f"{'/'.join(life)}: signature of the index of {record.archive} {record.suite}"
            yield attempt(what, _index, origin, record, read)
        if mine and read:
            yield attempt(f"{title}, listed by these indexes", _listed_upstream, origin, mine, read)

    def _packages(self, answer: Answer) -> Iterator[Check]:
        if answer.packages:
            number = len({one.sha256 for one in answer.packages})
            yield attempt(f"{number} packages, their hashes and signatures", self._package_files, answer)

    def _package_files(self, answer: Answer) -> str:
        if self.quick:
            raise CannotTell("--quick reads no package again")
        wrong, absent, whole = [], [], 0
        for one in {package.sha256: package for package in answer.packages}.values():
            file = self._file_of(one)
            if file is None:
                absent.append(one.nevra)
                continue
            distribution, _ = life_of((*one.snapshots, *one.images)[0])
            if fault := self.key(distribution).package_fault(file, one.sha256):
                wrong.append(f"{one.nevra}: {fault}")
            else:
                whole += 1
        if wrong:
            raise ValueError("; ".join(wrong))
        if absent:
            raise CannotTell(f"the store has no file of {shown(absent)}; {whole} others are whole and signed")
        return f"{whole} read again, each signed by the distribution's key"

    def _file_of(self, one: TracedPackage) -> Path | None:
        """Find a package's file: in the pool of a snapshot, or in a release's newest feed."""
        name = one.filename or f"{_without_epoch(one.nevra)}.rpm"
        for place in one.snapshots:
            folder = self._folder(*place.split("/"))
            if (file := in_pool(folder.parents[1], pool_location(name, one.sha256))).is_file():
                return file
        for life in dict.fromkeys(map(life_of, (*one.snapshots, *one.images))):
            if (file := self.state.feed_link(*life) / location_of(name)).is_file():
                return file if sha256_of_file(file) == one.sha256 else None
        return None

    def _folder(self, distribution: str, release: str, name: str) -> Path:
        return self.state.snapshot_link(distribution, release, name).resolve()

    def _snapshots(self, answer: Answer) -> Iterator[Check]:
        for one in answer.snapshots:
            folder = self._folder(one.distribution, one.release, one.id)
            title = f"snapshot {one.where}"
            yield attempt(f"{title}, signature of repomd.xml", self._signature, one, folder)
            yield attempt(f"{title}, its record's hash of repomd.xml", _repomd, one, folder)
            held = {p.sha256: p.nevra for p in answer.packages if one.where in p.snapshots}
            if held:
                yield attempt(f"{title}, {len(held)} packages in the signed metadata", _listed, folder, held)

    def _signature(self, one: TracedSnapshot, folder: Path) -> str:
        index = folder / "repodata" / "repomd.xml"
        return f"signed by {self.key(one.distribution).signed(index, Path(f'{index}.asc'))}"


def life_of(place: str) -> Life:
    """Give distribution and release of a place."""
    distribution, release, _ = place.split("/", 2)
    return distribution, release


def failed(checks: Iterable[Check]) -> bool:
    """Say whether one of the checks found something wrong."""
    return any(check.outcome is Outcome.FAILED for check in checks)


def _index(origin: Origin, record: IndexRecord, read: list[ReleaseFile]) -> str:
    trusted = origin.trusted(record)
    if not trusted:
        raise ValueError(f"no key that the foundation names is among its signers {', '.join(record.signers)}")
    try:
        read.append(origin.verify(record))
    except CannotTell as reason:
        what = f"{reason}; when it was locked, {' and '.join(trusted)} had signed it"
        raise CannotTell(what) from reason
    return f"signed by {' and '.join(trusted)}, verified again"


def _listed_upstream(origin: Origin, hashes: set[str], read: list[ReleaseFile]) -> str:
    if left := origin.unlisted(hashes, read):
        raise ValueError(f"no list of packages that they name has {shown(list(left))}")
    return "their lists of packages name each by its hash"


def _repomd(one: TracedSnapshot, folder: Path) -> str:
    if sha256_of_file(folder / "repodata" / "repomd.xml") != one.repomd_sha256:
        raise ValueError("repomd.xml is not the file that the record names")
    return f"{one.repomd_sha256[:16]}…"


def _listed(folder: Path, held: Mapping[str, str]) -> str:
    listed = listed_hashes(folder)
    if missing := [nevra for digest, nevra in held.items() if digest not in listed]:
        raise ValueError(f"the metadata do not list {shown(missing)}")
    return "each by its hash"


def _without_epoch(nevra: str) -> str:
    name, version, release = nevra.rsplit("-", 2)
    return f"{name}-{version.rpartition(':')[2]}-{release}"
