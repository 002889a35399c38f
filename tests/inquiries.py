"""A state folder with snapshots, a channel and an image, small enough to be asked about."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bluejacket.feed.advisory import Advisory, Fixed, Kind, NotAffected, Severity
from bluejacket.feed.advisory.record import to_json
from bluejacket.feed.channel import Channel, Move
from bluejacket.feed.compose import sign_repodata
from bluejacket.feed.serve import Pointed
from bluejacket.feed.shards import pool_location, write_metadata
from bluejacket.feed.snapshot import ADVISORIES, RECORD, Shipped, Snapshot, Upstream
from bluejacket.foundation.sources import Source
from bluejacket.image.build import SUMS
from bluejacket.image.papers import MANIFEST, PROVENANCE, SBOM
from bluejacket.inquiry.channels import pointers
from bluejacket.inquiry.index import open_index
from bluejacket.inquiry.lookup import Lookup
from bluejacket.package.describe import location_of
from bluejacket.package.keys import KEY_TIME
from bluejacket.package.made import Made
from bluejacket.package.sign import sign_detached
from bluejacket.store import State, Step
from bluejacket.store.files import replace_link, replace_text
from debs import BUILT, Member, Thing
from feeds import FEED, SIGNER, make

DISTRIBUTION, RELEASE = "harbour", "1"
CVE, OTHER_CVE = "CVE-2026-12345", "CVE-2026-22222"
CREATED = 1_795_000_000  # seconds since 1970: 2026-11-18


@dataclass
class World:
    """Packages, snapshots and images below one folder, all signed by the same key."""

    work: Path
    shelf: pytest.TempPathFactory  # where packages are made
    made: dict[str, Made]  # by name and version
    own: set[str] = field(default_factory=set)  # packages that are built here
    sources: tuple[Source, ...] = ()  # of the snapshots laid from now on
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.state = State(self.work / "state")
        self.state.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = self.state.keys / f"{DISTRIBUTION}.key"
        key.write_text(SIGNER.armoured())
        key.chmod(0o600)

    def copied(self, work: Path) -> World:
        """Give a copy of this world, to be harmed, below another folder."""
        shutil.copytree(self.work, work, symlinks=True, dirs_exist_ok=True)
        for link in filter(Path.is_symlink, (work / "state").rglob("*")):
            target = link.readlink()
            if target.is_relative_to(self.work):
                link.unlink()
                link.symlink_to(work / target.relative_to(self.work))
        return World(work, self.shelf, self.made, set(self.own), self.sources)

    def package(self, name: str, version: str) -> Made:
        """Give a package, made once."""
        title = f"{name} {version}"
        if title not in self.made:
            thing = Thing(name, version, [Member(f"/usr/lib/{name}/{version}", title.encode())])
            made = make(thing, self.shelf.mktemp(name))
            self.made[title] = made._replace(key=f"key of {title}")
        return self.made[title]

    def feed(self, *packages: Made) -> str:
        """Give the key of a feed of `packages`."""
        packages = tuple(sorted(packages, key=lambda made: made.rpm.name))
        step = Step("feed", "code", "{}", tuple(made.key for made in packages))

        def write(into: Path) -> None:
            for made in packages:
                (into / location_of(made.rpm.name)).parent.mkdir(parents=True, exist_ok=True)
                os.link(made.rpm, into / location_of(made.rpm.name))
            (into / "repodata").mkdir()
            files = write_metadata(self.state.store, into / "repodata", packages, FEED).files
            sign_repodata(into / "repodata", files, SIGNER, BUILT)

        folder = self.state.store.obtain(step, write)
        replace_link(self.state.feed_link(DISTRIBUTION, RELEASE), folder)
        return step.key

    def snapshot(self, name: str, packages: Sequence[Made], advisories: Sequence[Advisory] = ()) -> Snapshot:
        """Lay down a snapshot of `packages`, as the feed's room does."""
        packages = sorted(packages, key=lambda made: made.rpm.name)
        feed_key = self.feed(*packages)
        top = self.work / "laid" / name
        folder = top / "snapshots" / name
        (folder / "repodata").mkdir(parents=True)
        for made in packages:
            place = top / pool_location(made.rpm.name, sha256(made.rpm))
            place.parent.mkdir(parents=True)
            os.link(made.rpm, place)
        files = write_metadata(self.state.store, folder / "repodata", packages, FEED, pooled=True).files
        repomd = sign_repodata(folder / "repodata", files, SIGNER, CREATED)
        rows = tuple(shipped(made, own=made.name in self.own) for made in packages)
        record = Snapshot(
            folder=folder, distribution=DISTRIBUTION, release=RELEASE, id=name, created=CREATED, parent="",
            feed_key=feed_key, content=feed_key, repomd_sha256=hashlib.sha256(repomd).hexdigest(),
            repomd_size=len(repomd), packages=rows, sources=self.sources,
        )  # fmt: skip
        (folder / RECORD).write_text(record.as_text())
        (folder / ADVISORIES).write_text(to_json(advisories))
        replace_link(self.state.snapshot_link(DISTRIBUTION, RELEASE, name), folder)
        return record

    def channel(self, name: str, snapshot: Snapshot) -> None:
        """Let a channel point at a snapshot."""
        file = self.state.channel_file(DISTRIBUTION, RELEASE, name)
        repomd = (snapshot.folder / "repodata" / "repomd.xml").read_bytes()
        move = Move(snapshot.id, CREATED, "promoted")
        replace_text(file, Channel(name, snapshot.id, Pointed.at(repomd, CREATED), (move,)).as_text())

    def image(self, name: str, packages: Sequence[Made]) -> Path:
        """Write an image of `packages` with its papers; gives its folder."""
        feed_key = self.feed(*packages)
        step = Step(
            f"image-{name}", "code", json.dumps(sorted(m.rpm.name for m in packages)), ("base", feed_key)
        )
        repomd = self.state.feed_link(DISTRIBUTION, RELEASE) / "repodata" / "repomd.xml"
        folder = self.state.store.obtain(step, lambda into: write_image(into, packages, sha256(repomd)))
        replace_link(self.state.image_link(DISTRIBUTION, RELEASE, name), folder)
        return folder

    @contextmanager
    def lookup(self) -> Iterator[Lookup]:
        """Give the up-to-date index to ask."""
        with open_index(self.state) as database:
            yield Lookup(database, pointers(self.state))


@dataclass
class Asked:
    """The world, and what is in it."""

    world: World
    old: Made
    new: Made
    other: Made
    snapshots: list[Snapshot]
    image: Path


def write_image(into: Path, packages: Sequence[Made], repomd: str) -> None:
    """Write the files of an image: a disk of no use, and papers in the shape of real ones."""
    (into / "disk.raw").write_bytes(b"disk")
    rows = [manifest_row(made) for made in packages]
    write_json(into / MANIFEST, rows)
    write_json(into / SBOM, sbom(rows))
    hashes = {name: sha256(into / name) for name in ("disk.raw", MANIFEST, SBOM)}
    materials = [material("feed", "repomd.xml", repomd)]
    materials += [material("package", str(row["rpm"]), str(row["sha256"])) for row in rows]
    statement = {
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in hashes.items()],
        "predicate": {"buildDefinition": {"resolvedDependencies": materials}},
    }
    write_json(into / PROVENANCE, statement)
    hashes[PROVENANCE] = sha256(into / PROVENANCE)
    sign_sums(into, hashes)


def sign_sums(into: Path, hashes: dict[str, str]) -> None:
    """Write the hashes of an image's files, and a signature over them."""
    text = "".join(f"{digest}  {name}\n" for name, digest in hashes.items())
    (into / SUMS).write_text(text)
    (into / f"{SUMS}.asc").write_text(sign_detached(text.encode(), SIGNER, KEY_TIME))


def material(kind: str, name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest}, "annotations": {"kind": kind}}


def manifest_row(made: Made) -> dict[str, Any]:
    evr = made.package.evr
    plain = evr.partition(":")[2] or evr
    return {
        "name": made.name, "evr": evr, "arch": made.package.arch, "sha256": sha256(made.rpm),
        "source": f"{made.name}-{plain}.src.rpm", "rpm": made.rpm.name, "licence": "MIT", "size": 1,
    }  # fmt: skip


def sbom(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give an SPDX document as far as it is read."""
    packages: list[dict[str, Any]] = [
        {"name": "harbour-1-small", "versionInfo": RELEASE, "primaryPackagePurpose": "OPERATING-SYSTEM"}
    ]
    for row in rows:
        purl = f"pkg:rpm/{DISTRIBUTION}/{row['name']}@{row['evr'].replace(':', '%3A')}?arch={row['arch']}"
        packages.append(
            {
                "name": row["name"],
                "checksums": [{"algorithm": "SHA256", "checksumValue": row["sha256"]}],
                "externalRefs": [{"referenceType": "purl", "referenceLocator": purl}],
            }
        )
    return {"spdxVersion": "SPDX-2.3", "name": "harbour-1-small", "packages": packages}


def upstream_file(made: Made) -> bytes:
    """Give the content of the upstream file that a package is said to be made from."""
    return f"{made.rpm.name} upstream".encode()


def shipped(made: Made, *, own: bool = False) -> Shipped:
    """Give what a snapshot's record says of a package; one of our `own` is made from no upstream file."""
    epoch, version, release = parts(made)
    origin = hashlib.sha256(upstream_file(made)).hexdigest()
    upstream = Upstream("debian", made.name, made.package.upstream_version, origin)
    return Shipped(
        made.name, epoch, version, release, made.package.arch, made.name, f"{version}-{release}",
        made.rpm.name, sha256(made.rpm), made.rpm.stat().st_size, made.name, None if own else upstream,
    )  # fmt: skip


def advisory(
    made: Made,
    number: int = 1,
    cves: tuple[str, ...] = (CVE,),
    severity: Severity = Severity.HIGH,
    spared: tuple[NotAffected, ...] = (),
) -> Advisory:
    """Give an advisory whose fix is in `made`."""
    epoch, version, release = parts(made)
    fixed = Fixed(
        made.name, epoch, version, release, made.package.arch, made.name, f"{version}-{release}",
        made.rpm.name, sha256(made.rpm),
    )  # fmt: skip
    name = f"EXSA-2026:{number:04}"
    source = "Debian" if severity is not Severity.UNKNOWN else ""
    title = f"{made.name}: a fault is gone"
    return Advisory(
        name, Kind.SECURITY, severity, title, "A fault.", CREATED, CREATED, cves, (fixed,),
        not_affected=spared, severity_source=source,
    )  # fmt: skip


def without_fix(one: Advisory) -> Advisory:
    """Give an advisory that only says whom its CVEs do not reach."""
    return dataclasses.replace(one, cves=(), fixed=())


def parts(made: Made) -> tuple[int, str, str]:
    epoch, _, rest = made.package.evr.rpartition(":")
    version, _, release = rest.rpartition("-")
    return int(epoch or 0), version, release


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_json(file: Path, table: Any) -> None:
    file.write_text(json.dumps(table, indent=1))
