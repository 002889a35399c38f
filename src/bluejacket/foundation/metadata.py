"""Package metadata in the one shape that everything downstream of a foundation sees: RPM's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from bluejacket.errors import OutsideError

# RPM's flags in the words of the rpm-md format (primary.xml's "flags" attribute).
FLAGS = {"<": "LT", "<=": "LE", "=": "EQ", ">=": "GE", ">": "GT"}
_EVR = re.compile(r"(?:(?P<epoch>\d+):)?(?P<version>[^:-]+)(?:-(?P<release>[^:-]+))?")


class Evr(NamedTuple):
    """Epoch, version and release; without a release it matches any (rpm-dependencies(7))."""

    epoch: str
    version: str
    release: str

    @classmethod
    def parse(cls, text: str) -> Evr:
        """Read `[epoch:]version[-release]`. Raises OutsideError for anything else."""
        found = _EVR.fullmatch(text)
        if found is None:
            raise OutsideError(f"{text!r} is not an epoch:version-release")
        return cls(found["epoch"] or "0", found["version"], found["release"] or "")

    def __str__(self) -> str:
        epoch = f"{self.epoch}:" if self.epoch != "0" else ""
        return f"{epoch}{self.version}" + (f"-{self.release}" if self.release else "")


class Relation(NamedTuple):
    """One dependency: a name or a rich expression in parentheses, and perhaps a bound."""

    name: str
    op: str = ""  # one of FLAGS, or empty
    evr: str = ""

    @classmethod
    def parse(cls, text: str) -> Relation:
        """Read `name`, `name op evr` or `(rich expression)`, as `str` writes it."""
        if text.startswith("("):
            return cls(text)
        name, _, bound = text.partition(" ")
        op, _, evr = bound.partition(" ")
        return cls(name, op, evr)

    def __str__(self) -> str:
        return f"{self.name} {self.op} {self.evr}" if self.op else self.name


@dataclass(frozen=True, slots=True)
class Package:
    """One binary package of an upstream archive.

    Sizes are bytes; `location` is relative to the base address of `archive`; `upstream_version` is
    the version in the upstream's own words; relations are written as `Relation` writes them, and
    `requires_pre` holds those that must be met before the package's files are unpacked.
    """

    name: str
    evr: str
    arch: str
    upstream_name: str
    upstream_version: str
    source: str
    source_version: str
    section: str
    priority: str
    summary: str
    description: str
    url: str
    archive: str
    location: str
    size: int
    installed_size: int
    sha256: str
    provides: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    requires_pre: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    obsoletes: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()
    suggests: tuple[str, ...] = ()

    @property
    def nevra(self) -> str:
        """Name, epoch (unless 0), version, release and architecture, as DNF prints them."""
        return f"{self.name}-{self.evr}.{self.arch}"
