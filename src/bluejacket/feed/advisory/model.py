"""An advisory in one shape, from which updateinfo, OSV, CSAF and the page are written."""

from __future__ import annotations

from dataclasses import dataclass

from bluejacket.definition import AdvisoryKind as Kind
from bluejacket.definition import Severity

__all__ = ["Advisory", "Fixed", "Kind", "NotAffected", "Reference", "Severity"]


@dataclass(frozen=True, slots=True, order=True)
class Fixed:
    """A binary package that has the fix, and all later versions of it.

    `sha256` is that of the package file. `source` and `source_evr` name the component it was built from.
    """

    name: str
    epoch: int
    version: str
    release: str
    arch: str
    source: str
    source_evr: str
    filename: str
    sha256: str

    @property
    def evr(self) -> str:
        """Epoch (unless 0), version and release, as rpm compares them."""
        return (
            f"{self.epoch}:{self.version}-{self.release}" if self.epoch else f"{self.version}-{self.release}"
        )

    @property
    def alone(self) -> Fixed:
        """What an advisory names, without what a package of a snapshot knows besides."""
        return self

    @property
    def nevra(self) -> str:
        """Name, epoch (unless 0), version, release and architecture, as DNF prints them."""
        return f"{self.name}-{self.evr}.{self.arch}"


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """What an advisory points at. `kind` is cve, bugzilla, self, vendor or other (updateinfo's types)."""

    kind: str
    id: str
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True, order=True)
class NotAffected:
    """A CVE that does not reach a component, and why.

    `justification` is one of CSAF 2.0's flags (§3.2.3.5.2): component_not_present,
    vulnerable_code_not_present, vulnerable_code_not_in_execute_path,
    vulnerable_code_cannot_be_controlled_by_adversary, inline_mitigations_already_exist.
    """

    cve: str
    source: str
    justification: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Advisory:
    """One advisory. Times are seconds since 1970; `cves` and `fixed` are sorted.

    `issued` is when the foundation was first seen with the fix, where nothing better is known. `amended`
    are the times of its amendments, of which `updated` is the last; one of them is when it was withdrawn.
    """

    id: str  # BJSA-2026:0001; bug fixes BJBA-, enhancements BJEA-
    kind: Kind
    severity: Severity
    title: str
    description: str
    issued: int
    updated: int
    cves: tuple[str, ...] = ()
    fixed: tuple[Fixed, ...] = ()
    references: tuple[Reference, ...] = ()
    not_affected: tuple[NotAffected, ...] = ()
    reboot_suggested: bool = False
    relogin_suggested: bool = False
    severity_source: str = ""  # who says so; empty for UNKNOWN
    amended: tuple[int, ...] = ()
    withdrawn: int | None = None
    withdrawn_because: str = ""

    @property
    def revisions(self) -> tuple[int, ...]:
        """When it was amended, oldest first; a record of before these were kept has the last time alone."""
        return self.amended or ((self.updated,) if self.updated > self.issued else ())

    @property
    def sources(self) -> tuple[str, ...]:
        """The components that it fixes or judges, sorted."""
        return tuple(sorted({f.source for f in self.fixed} | {n.source for n in self.not_affected}))
