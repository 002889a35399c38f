"""Asking the index: its rows, and what belongs to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from bluejacket.feed.advisory.held import is_older
from bluejacket.feed.snapshot import Upstream
from bluejacket.inquiry.answer import (
    Spared,
    Standing,
    TracedAdvisory,
    TracedImage,
    TracedPackage,
    TracedSnapshot,
)
from bluejacket.inquiry.channels import Pointer
from bluejacket.inquiry.judge import Fix, Subject, same_arch
from bluejacket.inquiry.scan import Remedy

_PACKAGE = """
SELECT no, sha256, name, epoch, version, release, arch, nevra, filename, size, source, source_evr, component,
    upstream_archive, upstream_name, upstream_version, upstream_sha256,
    (SELECT group_concat(snapshot) FROM holds WHERE package = package.no) FROM package WHERE """
_ADVISORY = """
SELECT no, id, distribution, release, kind, severity, title, issued, updated, withdrawn, first
FROM advisory WHERE """
_INSTALLED = "SELECT image, sha256, name, evr, arch, source, source_evr FROM installed WHERE "
_ABOUT = """
SELECT no FROM advisory WHERE kind = 'security' AND distribution = ? AND release = ? AND no IN (
    SELECT advisory FROM fixed WHERE name IN (SELECT name FROM installed WHERE image = ?)
    UNION SELECT advisory FROM fixed WHERE source IN (SELECT source FROM installed WHERE image = ?))"""
_SPARED = "SELECT cve, source, justification, note FROM spared WHERE advisory = ? ORDER BY cve, source"
_FIXES = """
SELECT no, distribution, release, id, name, evr, arch, nevra, source, source_evr
FROM fixed JOIN advisory ON no = advisory WHERE advisory IN (SELECT value FROM json_each(?))"""
_CVES = "SELECT advisory, cve FROM cve WHERE advisory IN (SELECT value FROM json_each(?))"
# CROSS JOIN keeps the order (SQLite, "Manual Control Of Query Plans"): else all advisories come first
_UNREACHED = """
SELECT cve.advisory, cve.cve, spared.source
FROM cve CROSS JOIN spared ON spared.cve = cve.cve
CROSS JOIN advisory AS own ON own.no = cve.advisory
CROSS JOIN advisory AS other ON other.no = spared.advisory
    AND other.distribution = own.distribution AND other.release = own.release
WHERE cve.advisory IN (SELECT value FROM json_each(?))"""
Life = tuple[str, str]  # distribution and release


class Found(NamedTuple):
    """A package of the index, and the numbers of the snapshots that hold it."""

    subject: Subject
    sha256: str
    filename: str
    size: int
    component: str
    upstream: Upstream | None
    held: tuple[int, ...]


class Installed(NamedTuple):
    """A package of an image."""

    image: int
    sha256: str
    subject: Subject


class Lookup:
    """One question's view of the index; snapshots and images are read once, since all answers need them."""

    def __init__(self, database: sqlite3.Connection, pointers: Iterable[Pointer]) -> None:
        self._database = database
        self._channels: dict[tuple[str, str, str], list[str]] = {}
        for one in pointers:
            self._channels.setdefault((one.distribution, one.release, one.snapshot), []).append(one.channel)
        self._read_images()
        self._read_snapshots()

    def _read_images(self) -> None:
        rows = self._database.execute(
            "SELECT no, distribution, release, name, folder, key, packages, feed_key FROM image ORDER BY name"
        ).fetchall()
        self._images_of: dict[str, list[str]] = {}
        self.images: dict[int, TracedImage] = {}
        self._feed_keys: dict[int, str] = {}
        for number, distribution, release, name, folder, key, packages, feed_key in rows:
            self._images_of.setdefault(feed_key, []).append(f"{distribution}/{release}/{name}")
            self._feed_keys[number] = feed_key
            self.images[number] = TracedImage(
                distribution, release, name, folder, key, packages, Standing.UNKNOWN, (), (), ()
            )

    def _read_snapshots(self) -> None:
        rows = self._database.execute(
            "SELECT no, distribution, release, id, created, parent, feed_key, repomd_sha256, packages, size "
            "FROM snapshot ORDER BY distribution, release, place"
        )
        self.snapshots: dict[int, TracedSnapshot] = {}  # the oldest of each release first
        self.newest: dict[Life, int] = {}
        self._order: dict[int, int] = {}
        for number, distribution, release, name, created, parent, feed_key, repomd, packages, size in rows:
            channels = tuple(self._channels.get((distribution, release, name), ()))
            images = tuple(self._images_of.get(feed_key, ()))
            self._order[number] = len(self.snapshots)
            self.newest[distribution, release] = number
            self.snapshots[number] = TracedSnapshot(
                distribution, release, name, created, parent, feed_key, repomd, packages, size,
                Standing.UNKNOWN, channels, images,
            )  # fmt: skip
        for number, image in self.images.items():
            feed_key = self._feed_keys[number]
            same = tuple(s.where for s in self.snapshots.values() if feed_key and s.feed_key == feed_key)
            self.images[number] = replace(image, snapshots=same)

    def packages(self, condition: str, *values: object) -> list[Found]:
        """Give the packages that fulfil a condition in SQL."""
        return [self._found(row) for row in self._database.execute(_PACKAGE + condition, values)]

    def packages_of(self, snapshot: int) -> list[Found]:
        """Give all packages of a snapshot."""
        return self.packages("no IN (SELECT package FROM holds WHERE snapshot = ?) ORDER BY nevra", snapshot)

    def _found(self, row: Sequence[object]) -> Found:
        (_, sha256, name, epoch, version, release, arch, _, filename, size, source, source_evr, component,
         archive, upstream, upstream_version, upstream_sha256, held) = row  # fmt: skip
        evr = f"{epoch}:{version}-{release}" if epoch else f"{version}-{release}"
        origin = Upstream(*map(str, (archive, upstream, upstream_version, upstream_sha256)))
        numbers = sorted(map(int, str(held or "").split(",")) if held else (), key=self._order.__getitem__)
        return Found(
            Subject(str(name), evr, str(arch), str(source), str(source_evr)),
            str(sha256), str(filename), int(str(size)), str(component),
            origin if upstream_sha256 else None, tuple(numbers),
        )  # fmt: skip

    def installed(self, condition: str, *values: object) -> list[Installed]:
        """Give the packages of images that fulfil a condition in SQL."""
        rows = self._database.execute(_INSTALLED + condition, values)
        return [Installed(image, sha256, Subject(*words)) for image, sha256, *words in rows]

    def installed_of(self, names: Sequence[str], sources: Sequence[str]) -> list[Installed]:
        """Give the packages of images that have one of these names, or are of one of these components."""
        marks = [", ".join("?" * len(words)) for words in (names, sources)]
        return self.installed(f"name IN ({marks[0]}) OR source IN ({marks[1]})", *names, *sources)

    def nevras_of(self, image: int) -> list[str]:
        """Give what DNF calls the packages of an image."""
        rows = self._database.execute("SELECT nevra FROM installed WHERE image = ?", (image,))
        return [nevra for (nevra,) in rows]

    def age(self, one: Found) -> int:
        """Give what sorts packages by their first snapshot."""
        return self._order[one.held[0]] if one.held else -1

    def holders(self, sha256: str) -> list[int]:
        """Give the images that a package file is in."""
        query = "SELECT DISTINCT image FROM installed WHERE sha256 = ? ORDER BY image"
        return [image for (image,) in self._database.execute(query, (sha256,))]

    def images_with_file(self, sha256: str) -> list[int]:
        """Give the images that have a file of this hash: a disk or a paper."""
        query = "SELECT DISTINCT image FROM file WHERE sha256 = ? ORDER BY image"
        return [image for (image,) in self._database.execute(query, (sha256,))]

    def advisories(self, condition: str, *values: object) -> dict[int, TracedAdvisory]:
        """Give the advisories that fulfil a condition in SQL, by number."""
        found = {}
        for row in self._database.execute(f"{_ADVISORY}{condition} ORDER BY id", values).fetchall():
            number, name, distribution, release, kind, severity, title, issued, updated, gone, first = row
            ask = partial(self._texts, number)
            found[number] = TracedAdvisory(
                name, distribution, release, kind, severity, title, issued, updated, gone, first,
                tuple(cve for (cve,) in ask("SELECT cve FROM cve WHERE advisory = ? ORDER BY cve")),
                tuple(n for (n,) in ask("SELECT nevra FROM fixed WHERE advisory = ? ORDER BY nevra")),
                tuple(Spared(*one) for one in ask(_SPARED)),
            )  # fmt: skip
        return found

    def _texts(self, number: int, query: str) -> list[tuple[str, ...]]:
        return self._database.execute(query, (number,)).fetchall()

    def naming(self, names: Iterable[str]) -> dict[int, TracedAdvisory]:
        """Give the security advisories that fix packages of these names."""
        found: dict[int, TracedAdvisory] = {}
        for name in names:
            condition = "kind = 'security' AND no IN (SELECT advisory FROM fixed WHERE name = ?)"
            found |= self.advisories(condition, name)
        return dict(sorted(found.items(), key=lambda pair: pair[1].id))

    def fixes_about(self, image: int, life: Life) -> list[Fix]:
        """Give the fixes of a release's security advisories about packages, or components, of an image."""
        numbers = self.numbers(_ABOUT, *life, image, image)
        return self.fixes(numbers).get(life, [])

    def fixes(self, advisories: Iterable[int], cve: str = "") -> dict[Life, list[Fix]]:
        """Give what has the fixes of advisories, by distribution and release; of `cve` alone if it is given.

        A component that none of the CVEs reaches, as any advisory of its release says, needs no fix.
        """
        wanted = (json.dumps(list(advisories)),)
        ask = self._database.execute
        unreached = set(ask(_UNREACHED, wanted))
        spared = {number for number, _, _ in unreached}
        cves: dict[int, list[str]] = {}
        for number, name in ask(_CVES, wanted) if spared else ():
            cves.setdefault(number, []).append(name)
        found: dict[Life, list[Fix]] = {}
        for number, distribution, release, *row in ask(_FIXES, wanted):
            fix = Fix(*row)
            names = [cve] if cve else cves.get(number, [])
            if number in spared and names and all((number, n, fix.source) in unreached for n in names):
                continue
            found.setdefault((distribution, release), []).append(fix)
        return found

    def numbers(self, query: str, *values: object) -> list[int]:
        """Give the first column of a query."""
        return [number for (number,) in self._database.execute(query, values)]

    def is_gone(self, life: Life, name: str) -> bool:
        """Say whether the newest snapshot of a release has no package of this name."""
        query = "SELECT no FROM package JOIN holds ON package = no WHERE name = ? AND snapshot = ? LIMIT 1"
        return life not in self.newest or not self.numbers(query, name, self.newest[life])

    def remedy(self, life: Life, fix: Fix) -> Remedy:
        """Give the first snapshot of a release with a fix (or newer), and the channels that have it."""
        numbers: set[int] = set()
        for one in self.packages("name = ?", fix.name):
            if same_arch(fix.arch, one.subject.arch) and not is_older(one.subject.evr, fix.evr):
                numbers |= {n for n in one.held if self._life(n) == life}
        if not numbers:
            return Remedy()
        first = min(numbers, key=self._order.__getitem__)
        channels = {channel for number in numbers for channel in self.snapshots[number].channels}
        return Remedy(self.snapshots[first].id, tuple(sorted(channels)))

    def _life(self, number: int) -> Life:
        one = self.snapshots[number]
        return one.distribution, one.release

    def similar(self, name: str) -> list[str]:
        """Give names of packages that begin as this one does."""
        query = "SELECT DISTINCT name FROM package WHERE name >= ? AND name < ? LIMIT 5000"
        first = name[:1]
        rows = self._database.execute(query, (first, chr(ord(first) + 1) if first else ""))
        return [found for (found,) in rows]

    def traced(self, one: Found, standing: Standing, life: Life | None = None) -> TracedPackage:
        """Give a package as answers have it; with `life` only that release's part."""
        held = [self.snapshots[number] for number in one.held]
        held = [s for s in held if life is None or (s.distribution, s.release) == life]
        images = [self.images[number] for number in self.holders(one.sha256)]
        images = [i for i in images if life is None or (i.distribution, i.release) == life]
        return TracedPackage(
            one.subject.nevra, one.sha256, one.filename, one.size, one.component,
            one.subject.source, one.subject.source_evr, one.upstream, standing,
            tuple(s.where for s in held),
            tuple(f"{s.distribution}/{s.release}/{channel}" for s in held for channel in s.channels),
            tuple(i.where for i in images),
        )  # fmt: skip
