"""Snapshots of small feeds, in a state folder of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bluejacket.definition import Release, load
from bluejacket.feed.advisory.facts import facts_of_all
from bluejacket.feed.agreement import manifest_of
from bluejacket.feed.boots import BootRecord, content_of_feed
from bluejacket.feed.built import Built
from bluejacket.feed.compose import compose_index
from bluejacket.feed.folder import lay_out
from bluejacket.feed.take import Taken, take_snapshot
from bluejacket.foundation.lock import Lock, Locked
from bluejacket.foundation.metadata import Package
from bluejacket.foundation.rpmmd.updateinfo import Advisory as Foreign
from bluejacket.foundation.sources import Source
from bluejacket.package.convert import convert
from bluejacket.package.describe import write_description
from bluejacket.package.keys import Signer
from bluejacket.package.made import Made
from bluejacket.package.sign import sign_package
from bluejacket.store import State, Step
from bluejacket.store.steps import canonical
from debs import BUILT, Thing, options
from feeds import SIGNER

GOOD = Path(__file__).parent / "unit" / "definition" / "good"
DAY = 86400
NOON = 1_790_251_200  # 2026-09-24 12:00 UTC


class Snapshots:
    """A release of one image, whose packages are `Thing`s, and the state folder in which it is built."""

    def __init__(self, folder: Path, signer: Signer = SIGNER) -> None:
        self.folder, self.signer = folder, signer
        self.state = State(folder / "state")
        self.requires: tuple[str, ...] = ()  # of every package
        self.own: list[Made] = []  # what every feed has besides
        self.built_here: set[str] = set()  # names of things that are none of the foundation's
        release = load(GOOD).release("1")
        images = {"vm": next(iter(release.images.values()))}
        empty: dict[str, object] = {"advisories": (), "reviews": (), "components": (), "overlays": {}}
        self.release: Release = replace(release, images=images, **empty)  # type: ignore[arg-type]

    def build(self, *things: Thing, epoch: int = BUILT) -> tuple[Built, Lock]:
        """Give the feed of these packages, and the lock that it was built from."""
        pairs = [self._make(thing) for thing in things]
        made, packages = [*self.own, *(one for one, _ in pairs)], [package for _, package in pairs]
        index = compose_index(self.state.store, self.release.feed, made, self.signer, epoch).parent.name
        folder = lay_out(self.state.store, index, made)
        size = sum(one.rpm.stat().st_size for one in made)
        built = Built("1", folder, folder.parent.name, index, epoch, len(made), size, (), ())
        locked = tuple(Locked(package, ()) for package in packages if package.name not in self.built_here)
        return built, Lock("1", "small", "", epoch, (), locked, ())

    def take(
        self,
        *things: Thing,
        now: int = NOON,
        epoch: int = BUILT,
        foreign: Sequence[Foreign] = (),
        sources: Sequence[Source] = (),
    ) -> Taken:
        """Build these packages and take a snapshot of them; `foreign` are the foundation's own advisories."""
        built, lock = self.build(*things, epoch=epoch)
        return take_snapshot(self.state, self.release, lock, built, self.signer, now, sources, foreign)

    def boot(self, *things: Thing, passed: bool = True, when: int = NOON, epoch: int = BUILT) -> BootRecord:
        """Write down a boot test of the image on the feed of these packages."""
        built, _ = self.build(*things, epoch=epoch)
        image = self.image(built, *things)
        return self.booted(built, image, passed=passed, when=when)

    def booted(
        self, built: Built, image: Path, *, passed: bool = True, when: int = NOON, kept: bool = True
    ) -> BootRecord:
        """Write down a boot test of an image on a feed; without `kept`, as before records kept packages."""
        content = content_of_feed(self.state.store, built.key)
        health = {"state": "running"}
        packages = manifest_of(image) if kept else ()
        key = image.parent.name
        record = BootRecord("1", "vm", key, built.key, content, passed, when, health, packages)
        record.save(self.state)
        return record

    def image(self, built: Built, *things: Thing) -> Path:
        """Give the folder of an image in the store, made from a feed, that holds these packages."""
        made = [*self.own, *(self.make(thing) for thing in things)]
        step = Step("image-vm", "1", canonical([one.key for one in made]), ("base", built.key))

        def work(into: Path) -> None:
            (into / "disk.raw").write_bytes(b"disk")
            (into / "SHA256SUMS").write_text(f"{hashlib.sha256(b'disk').hexdigest()}  disk.raw\n")
            rows = [
                {"name": one.name, "evr": one.evr, "arch": one.arch, "sha256": one.sha256}
                | {"source": f"{one.source}-{one.source_evr}.src.rpm"}
                for one in (facts.package for facts in facts_of_all(made))
            ]
            (into / "packages.json").write_text(json.dumps(rows))

        return self.state.store.obtain(step, work)

    def make(self, thing: Thing) -> Made:
        """Give the package, signed by whoever signs now."""
        return self._make(thing)[0]

    def _make(self, thing: Thing) -> tuple[Made, Package]:
        deb, package = thing.write(self.folder / "debs")
        package = replace(package, requires=self.requires)
        if thing.name in self.built_here:
            package = replace(package, sha256="0" * 64)  # which the package tells: of another's file
        inputs = (self.signer.identity, hashlib.sha256(deb.read_bytes()).hexdigest())
        step = Step("import", "1", canonical(self.requires), inputs)

        def work(into: Path) -> None:
            rpm = convert(deb, package, None, options(), into)
            write_description(sign_package(rpm, self.signer, BUILT, into))

        tree = self.state.store.obtain(step, work)
        return Made(str(next(tree.glob("*.rpm"))), thing.name, step.key, package), package
