"""What an image lacks: its packages against the advisories of a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from bluejacket.definition import Severity
from bluejacket.feed.advisory import Advisory, Kind
from bluejacket.feed.snapshot import Snapshot
from bluejacket.inquiry.inventory import Inventory
from bluejacket.inquiry.judge import Fix, Judge, Subject, fixes_of

_ORDER = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


@dataclass(frozen=True, slots=True)
class Remedy:
    """Where a fix is: the first snapshot that has it (empty: none has), and the channels that do by now."""

    snapshot: str = ""
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A package that lacks a fix. `package` is what is installed, `fixed` the first one with the fix.

    `cves` are those that reach its component; an advisory may have none.
    """

    advisory: str
    severity: Severity
    cves: tuple[str, ...]
    package: str
    component: str
    fixed: str
    fixed_in: str
    channels: tuple[str, ...]
    title: str
    description: str
    reboot_suggested: bool


@dataclass(frozen=True, slots=True)
class Spared:
    """A CVE of an advisory that applied, were its component not known to be unaffected."""

    advisory: str
    cve: str
    package: str
    component: str
    justification: str
    note: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What came of comparing an image's packages with the security advisories of a snapshot."""

    image: str
    uri: str
    distribution: str
    release: str
    snapshot: str
    packages: int
    advisories: int
    findings: tuple[Finding, ...]
    not_affected: tuple[Spared, ...]


def scan(
    inventory: Inventory,
    snapshot: Snapshot,
    advisories: Iterable[Advisory],
    remedy: Callable[[Fix], Remedy],
) -> Scan:
    """Compare; the worst findings come first. `remedy` tells in which snapshot a fix is."""
    told = [one for one in advisories if one.kind is Kind.SECURITY and one.withdrawn is None]
    by_id = {one.id: one for one in told}
    sources = {package.name: package.source for package in snapshot.packages}
    judge = Judge((fix for one in told for fix in fixes_of(one)), lambda name: name not in sources)
    unreached = {(said.cve, said.source): said for one in told for said in one.not_affected}
    findings: list[Finding] = []
    spared: list[Spared] = []
    for installed in inventory.packages:
        one = installed if installed.source else replace(installed, source=sources.get(installed.name, ""))
        for fix in judge.lacking(one):
            advisory = by_id[fix.advisory]
            for cve in advisory.cves:
                if said := unreached.get((cve, fix.source)):
                    spared.append(
                        Spared(advisory.id, cve, one.nevra, fix.source, said.justification, said.note)
                    )
            cves = tuple(cve for cve in advisory.cves if (cve, fix.source) not in unreached)
            if cves or not advisory.cves:
                findings.append(_finding(one, fix, advisory, cves, remedy(fix)))
    return Scan(
        inventory.name,
        inventory.uri,
        snapshot.distribution,
        snapshot.release,
        snapshot.id,
        len(inventory.packages),
        len(told),
        tuple(sorted(findings, key=lambda f: (-_rank(f.severity), f.advisory, f.package))),
        tuple(spared),
    )


def _finding(one: Subject, fix: Fix, advisory: Advisory, cves: tuple[str, ...], remedy: Remedy) -> Finding:
    return Finding(
        advisory.id, advisory.severity, cves, one.nevra, fix.source, fix.nevra, remedy.snapshot,
        remedy.channels, advisory.title, advisory.description, advisory.reboot_suggested,
    )  # fmt: skip


def _rank(severity: Severity) -> int:
    """What nobody has rated may be anything, so that it is looked at before what is rated low."""
    return _ORDER.index(severity) * 2 if severity in _ORDER else 1


def fails(findings: Iterable[Finding], levels: Collection[str]) -> bool:
    """Say whether a finding is at or above one of `levels`.

    low, medium, high and critical mean what is rated so or worse, unknown what nobody has rated, any all.
    """
    least = min((_ORDER.index(Severity(level)) for level in levels if level in _ORDER), default=len(_ORDER))
    return any(
        "any" in levels
        or (one.severity in _ORDER and _ORDER.index(one.severity) >= least)
        or (one.severity is Severity.UNKNOWN and "unknown" in levels)
        for one in findings
    )
