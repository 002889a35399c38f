"""What there is to look at when a release is measured: its lock, newest snapshot, images and key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from bluejacket.definition import Release
from bluejacket.errors import OutsideError
from bluejacket.feed.advisory import Advisory
from bluejacket.feed.snapshot import Shipped, Snapshot, ids_in
from bluejacket.foundation.lock import Lock
from bluejacket.inquiry.attempt import shown
from bluejacket.inquiry.fill import advisories_of
from bluejacket.inquiry.images import Papers, built_images
from bluejacket.inquiry.trust import CannotTell, Origin, OwnKey
from bluejacket.store import State


class Unproven(Exception):
    """A requirement is not met, or nothing shows that it is; the arguments say why."""


class NotApplicable(Exception):
    """A requirement is about something that the release does not have."""


@dataclass(frozen=True)
class Ground:
    """A release, and all that was left of it. What is missing raises Unproven."""

    state: State
    release: Release
    today: date

    @cached_property
    def origin(self) -> Origin:
        """The lock with the signed indexes behind it."""
        try:
            return Origin.of(self.state, self.release)
        except CannotTell as reason:
            raise Unproven(str(reason)) from reason

    @property
    def lock(self) -> Lock:
        """The lock."""
        return self.origin.lock

    @cached_property
    def snapshot(self) -> Snapshot:
        """The newest snapshot."""
        folder = self.state.snapshots(self.release.distribution.id, self.release.version)
        names = ids_in(folder)
        if not names:
            raise Unproven(f"release {self.release.version} has no snapshot")
        try:
            return Snapshot.load(folder / names[-1])
        except OutsideError as error:
            raise Unproven(str(error)) from error

    @cached_property
    def advisories(self) -> tuple[Advisory, ...]:
        """The advisories of the newest snapshot."""
        try:
            return advisories_of(self.snapshot.folder)
        except OutsideError as error:
            raise Unproven(str(error)) from error

    @cached_property
    def images(self) -> list[Papers]:
        """The papers of all images of the release."""
        life = (self.release.distribution.id, self.release.version)
        found = [one for one in built_images(self.state) if (one.distribution, one.release) == life]
        absent = self.release.images.keys() - {one.name for one in found}
        if absent:
            raise Unproven(f"images that are not built: {shown(list(absent))}")
        if not found:
            raise Unproven(f"release {self.release.version} has no image")
        return found

    @cached_property
    def key(self) -> OwnKey:
        """The distribution's key."""
        try:
            return OwnKey.of(self.state, self.release.distribution.id)
        except CannotTell as reason:
            raise Unproven(str(reason)) from reason

    @cached_property
    def built_here(self) -> list[Shipped]:
        """The packages of the newest snapshot that come from no upstream binary."""
        return [one for one in self.snapshot.packages if one.upstream is None]

    @cached_property
    def taken_in(self) -> list[Shipped]:
        """The packages of the newest snapshot that were made from upstream's binaries."""
        return [one for one in self.snapshot.packages if one.upstream is not None]

    def file_of(self, package: Shipped) -> Path:
        """Give where a package of the newest snapshot lies."""
        return self.snapshot.file_of(package)

    def package_faults(self, packages: Sequence[Shipped]) -> list[str]:
        """Give what is wrong with the files of packages of the newest snapshot: hash or signature."""
        found = []
        for one in packages:
            try:
                fault = self.key.package_fault(self.file_of(one), one.sha256)
            except OSError as error:
                fault = f"it cannot be read: {error.strerror}"
            found += [f"{one.nevra}: {fault}"] if fault else []
        return found


def refuse(what: str, names: Sequence[str], of: int) -> None:
    """Raise Unproven if there are `names`, of so many, that `what` is said of."""
    if names:
        raise Unproven(f"{len(names)} of {of} {what}: {shown(list(names))}")
