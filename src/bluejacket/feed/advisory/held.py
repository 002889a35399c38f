"""What a feed's metadata say that it holds, as far as advisories are concerned with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import rpm_rs

from bluejacket.package.describe import createrepo

_SOURCE_RPM = re.compile(r"(?P<name>.+)-(?P<evr>[^-]+-[^-]+)\.(?:no)?src\.rpm")


@dataclass(frozen=True, slots=True)
class Held:
    """One package of a feed. `source` and `source_vr` name the component, without its epoch."""

    name: str
    evr: str
    arch: str
    source: str
    source_vr: str
    location: str
    sha256: str
    changes: str  # its newest changelog entries, as other.xml has them

    @property
    def nevra(self) -> str:
        """Name, epoch (unless 0), version, release and architecture, as DNF prints them."""
        return f"{self.name}-{self.evr}.{self.arch}"


@dataclass(frozen=True)
class Holding:
    """All packages of a feed, by what one asks for."""

    folder: Path
    packages: tuple[Held, ...]
    _whole: dict[str, str] = field(default_factory=dict, compare=False)

    @cached_property
    def by_nevra(self) -> dict[str, Held]:
        """The packages by name, epoch, version, release and architecture."""
        return {one.nevra: one for one in self.packages}

    @cached_property
    def by_source(self) -> dict[str, list[Held]]:
        """The packages by their component."""
        return _grouped((one.source, one) for one in self.packages)

    @cached_property
    def by_name(self) -> dict[str, list[Held]]:
        """The packages by name, whatever their architecture."""
        return _grouped((one.name, one) for one in self.packages)

    def mentions(self, package: Held, cve: str) -> bool:
        """Say whether a package's changelog names a CVE: the newest entries, or all in the package itself."""
        return cve in package.changes or cve in self._changelog(package)

    def _changelog(self, package: Held) -> str:
        if package.location not in self._whole:
            file = self.folder / package.location
            entries = rpm_rs.PackageMetadata.open(str(file)).changelog_entries() if file.is_file() else ()
            self._whole[package.location] = "\n".join(entry.description for entry in entries)
        return self._whole[package.location]


def _grouped(pairs: Iterable[tuple[str, Held]]) -> dict[str, list[Held]]:
    groups: dict[str, list[Held]] = {}
    for key, one in pairs:
        groups.setdefault(key, []).append(one)
    return groups


def locations(folder: Path) -> dict[str, Path]:
    """Give the metadata files that `repodata/repomd.xml` below `folder` names, by their kind."""
    repomd = createrepo().Repomd(str(folder / "repodata" / "repomd.xml"))
    return {record.type: folder / record.location_href for record in repomd.records}


def holding(folder: Path) -> Holding:
    """Read a feed's packages from its `repodata/`. Raises OSError for metadata that cannot be read."""
    try:
        files = locations(folder)
        packages: dict[str, Any] = {}
        createrepo().xml_parse_primary(
            str(files["primary"]), None, lambda p: packages.update({p.pkgId: p}), None, do_files=False
        )
        if "other" in files:
            createrepo().xml_parse_other(
                str(files["other"]), lambda digest, _name, _arch: packages.get(digest), None, None
            )
    except (createrepo().CreaterepoCError, KeyError) as error:
        raise OSError(f"the metadata of {folder} cannot be read: {error}") from error
    return Holding(folder, tuple(map(_held, packages.values())))


def _held(package: Any) -> Held:
    found = _SOURCE_RPM.fullmatch(package.rpm_sourcerpm or "")
    evr = f"{package.version}-{package.release}"
    return Held(
        name=package.name,
        evr=f"{package.epoch}:{evr}" if package.epoch not in (None, "", "0") else evr,
        arch=package.arch,
        source=found["name"] if found else package.name,
        source_vr=found["evr"] if found else evr,
        location=package.location_href,
        sha256=package.pkgId,
        changes="\n".join(entry[2] for entry in package.changelogs),
    )


def is_older(one: str, other: str) -> bool:
    """Say whether `[epoch:]version-release` one comes before the other, as rpm orders them."""
    return bool(rpm_rs.Evr.parse(one) < rpm_rs.Evr.parse(other))
