"""What others say of an update: an RPM foundation's own advisories (updateinfo.xml), and its changelog."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bluejacket.feed.advisory.history import Update
from bluejacket.feed.advisory.mentions import rated_cves
from bluejacket.feed.advisory.model import Reference, Severity
from bluejacket.foundation.rpmmd.updateinfo import Advisory as Foreign

# Red Hat's words, and Bodhi's; what stands for none is not here.
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "urgent": Severity.CRITICAL,
    "important": Severity.HIGH,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
}
_WORST_FIRST = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the foundation says of an update; `source` names the advisory with the severity."""

    severity: Severity = Severity.UNKNOWN
    source: str = ""
    cves: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()


def rating(update: Update) -> Judged:
    """Give the severity that an update's own changelog gives; unknown unless it rates each of the CVEs."""
    rated = {cve: word for change in update.changes for cve, word in rated_cves(change.text).items()}
    if not update.cves or not rated.keys() >= set(update.cves):
        return Judged()
    severity = min((_SEVERITIES[rated[cve]] for cve in update.cves), key=_WORST_FIRST.index)
    return Judged(severity, f"changelog of {update.source} {update.after}")


def ratings(foreign: Sequence[Foreign], update: Update) -> dict[str, Severity]:
    """Give the severity of each CVE of an update that someone rates: nothing for the others.

    The worst of the foundation's advisories about its packages that name a CVE counts, else the changelog.
    """
    named = (rated_cves(change.text) for change in update.changes)
    found = {cve: _SEVERITIES[word] for rated in named for cve, word in rated.items() if cve in update.cves}
    about = sorted(_about(foreign, update), key=lambda one: _WORST_FIRST.index(_severity(one)), reverse=True)
    found |= {
        cve: _severity(one) for one in about if _severity(one) is not Severity.UNKNOWN for cve in one.cves
    }
    return found


def judgement(foreign: Sequence[Foreign], update: Update) -> Judged:
    """Give what the advisories about the very packages of an update say; the worst severity counts."""
    about = _about(foreign, update)
    if not about:
        return Judged()
    rated = [(_severity(one), one.id) for one in about]
    severity, source = min(rated, key=lambda found: _WORST_FIRST.index(found[0]))
    return Judged(
        severity,
        source if severity is not Severity.UNKNOWN else "",
        tuple(sorted({cve for one in about for cve in one.cves})),
        tuple(Reference("vendor", one.id, _page(one), one.title) for one in about if _page(one)),
    )


def _about(foreign: Iterable[Foreign], update: Update) -> list[Foreign]:
    """Give the security advisories about the very packages of an update."""
    packages = {(p.name, p.epoch, p.version, p.release, p.arch) for p in update.packages}
    return [
        one
        for one in foreign
        if one.kind == "security"
        and any((p.name, int(p.epoch), p.version, p.release, p.arch) in packages for p in one.packages)
    ]


def _severity(one: Foreign) -> Severity:
    return _SEVERITIES.get(one.severity.lower(), Severity.UNKNOWN)


def _page(one: Foreign) -> str:
    """Give the address of an advisory itself, where it says one."""
    return next((ref.url for ref in one.references if ref.kind == "self" and ref.url), "")
