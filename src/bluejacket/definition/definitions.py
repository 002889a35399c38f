"""Reads a definitions' folder. Every fault of every file is told at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bluejacket.definition.catalogue import Offer
from bluejacket.definition.document import read
from bluejacket.definition.explain import nearest
from bluejacket.definition.frozen import FrozenMap
from bluejacket.definition.kinds import KINDS, Kind
from bluejacket.definition.release import Release
from bluejacket.definition.resolve import offers_of, resolve
from bluejacket.definition.shelf import Shelf
from bluejacket.errors import Fault, Place, UserError


@dataclass(frozen=True, slots=True)
class Definitions:
    """All that a definitions' folder says, checked. `count` is the number of files by kind."""

    folder: Path
    releases: Mapping[str, Release]
    count: Mapping[str, int]
    offers: tuple[Offer, ...] = ()

    def release(self, version: str) -> Release:
        """Give one release. Raises UserError, which names the nearest, if there is none."""
        try:
            return self.releases[version]
        except KeyError:
            what = f"there is no release {version}"
            raise UserError(
                Fault(what, nearest(version, self.releases), Place(self.folder / "releases"))
            ) from None

    def newest(self) -> Release:
        """Give the release published last, which commands take when none is named."""
        return max(self.releases.values(), key=lambda release: (release.published, release.version))


def load(folder: Path) -> Definitions:
    """Read, check and resolve everything. Raises UserError with every fault, sorted by file and line."""
    if not folder.is_dir():
        what = "is no folder with definitions"
        raise UserError(Fault(what, "name one with --distro, or stand beside `distro/`", Place(folder)))
    faults: list[Fault] = list(_strangers(folder))
    shelf = Shelf(folder)
    for kind in KINDS:
        for file in _files(folder, kind):
            try:
                shelf.put(read(file, kind))
            except UserError as error:
                shelf.put_broken(kind, file.stem)
                faults += error.faults
    if not shelf.names("distribution"):
        faults.append(
            Fault("this file is missing", "it names the distribution", Place(folder / "distribution.toml"))
        )
    if not shelf.names("release"):
        faults.append(
            Fault("holds no release", "a release is a file such as 1.toml", Place(folder / "releases"))
        )
    releases, more = resolve(shelf)
    if faults or more:
        raise UserError(*_in_order([*faults, *more]))
    count = {kind.name: len(shelf.all(kind.name)) for kind in KINDS}
    return Definitions(folder, FrozenMap(releases), FrozenMap(count), offers_of(shelf))


def _files(folder: Path, kind: Kind) -> list[Path]:
    """Give the files of one kind, in a fixed order."""
    if not kind.folder:
        return [file for file in [folder / f"{kind.name}.toml"] if file.exists()]
    return sorted((folder / kind.folder).glob("*.toml"))


def _strangers(folder: Path) -> Iterator[Fault]:
    """Tell TOML files that nothing would read, which a mistyped folder's name makes."""
    folders = {kind.folder for kind in KINDS if kind.folder}
    files = [f"{kind.name}.toml" for kind in KINDS if not kind.folder]
    for file in sorted(folder.glob("*.toml")):
        if file.name not in files:
            yield Fault("nothing reads this file", nearest(file.name, files), Place(file))
    for below in sorted(folder.iterdir()):
        if below.is_dir() and below.name not in folders | {"packages", "locks"} and any(below.glob("*.toml")):
            yield Fault("nothing reads this folder", nearest(below.name, folders), Place(below))


def _in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Sort by file, line and key, each fault once."""

    def order(fault: Fault) -> tuple[str, int, str, str]:
        place = fault.place
        return (str(place.file), place.line or 0, place.key, fault.what) if place else ("", 0, "", fault.what)

    return sorted(set(faults), key=order)
