"""Fixes that a foundation has: when each was first seen, and which of them our feed still lacks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bluejacket.definition import Release, Severity
from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.feed.advisory.amend import as_said, said_in
from bluejacket.feed.advisory.facts import former_facts
from bluejacket.feed.advisory.model import Advisory, Fixed
from bluejacket.feed.snapshot import Snapshot
from bluejacket.feed.upstream import Newer
from bluejacket.foundation.debian.version import rpm_key
from bluejacket.foundation.lock import Lock
from bluejacket.store import State, locked
from bluejacket.store.files import replace_text

_DAY = 86400  # seconds
_WORST_FIRST = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Fix:
    """One CVE that the foundation has fixed in `source` since `version`, as rpm compares it.

    `seen` is when that was first noticed, in seconds since 1970: nothing better is known. `severity` is what
    the foundation or the changelog says.
    """

    cve: str
    source: str
    version: str
    seen: int
    severity: Severity = Severity.UNKNOWN


@dataclass(frozen=True, slots=True)
class Pending:
    """A fix that our feed lacks: how old it is and how old it may be, in days.

    `where` says what lacks it: the lock, or only the newest snapshot.
    """

    cve: str
    source: str
    version: str
    severity: Severity
    where: str
    days: int
    goal: int

    @property
    def overdue(self) -> bool:
        """Whether it is older than it may be."""
        return self.days > self.goal


def record_of(state: State, release: Release) -> Path:
    """Give the file with the fixes seen of a release's foundation."""
    return state.root / "records" / "fixes" / release.distribution.id / f"{release.version}.json"


def seen(state: State, release: Release) -> tuple[Fix, ...]:
    """Give the fixes seen so far, by CVE. Raises OutsideError for a record that cannot be read."""
    file = record_of(state, release)
    try:
        return tuple(map(_fix, json.loads(file.read_text("utf-8"))))
    except FileNotFoundError:
        return ()
    except (ValueError, TypeError) as error:
        way_out = "remove it, and the days are counted from the next `bluejacket upstream`"
        raise OutsideError(Fault(f"the record cannot be read: {error}", way_out, Place(file))) from error


def _fix(row: dict[str, Any]) -> Fix:
    return Fix(**row | {"severity": Severity(row.get("severity", Severity.UNKNOWN))})


def see(state: State, release: Release, found: Iterable[Newer], now: int) -> tuple[Fix, ...]:
    """Add the fixes among what is newer to those seen; a fix keeps its first day. Gives them all.

    The newest rating of a fix counts; one that says nothing leaves the former.
    `now` is in seconds since 1970. Raises OutsideError as `seen` does.
    """
    file = record_of(state, release)
    with locked(file.with_suffix(".lock")):
        known = {(fix.cve, fix.source): fix for fix in seen(state, release)}
        for one in found:
            for cve in one.cves:
                fix = known.setdefault((cve, one.source), Fix(cve, one.source, one.after, now))
                known[cve, one.source] = replace(fix, severity=one.ratings.get(cve, fix.severity))
        fixes = tuple(known[key] for key in sorted(known))
        replace_text(file, json.dumps([asdict(fix) for fix in fixes], indent=1) + "\n")
    return fixes


def pending(
    release: Release,
    fixes: Iterable[Fix],
    lock: Lock,
    newest: Snapshot | None,
    now: int,
    issued: Iterable[Advisory] = (),
) -> tuple[Pending, ...]:
    """Give the fixes that the lock or the newest snapshot lacks, overdue ones first, then the oldest.

    `now` is in seconds since 1970, `issued` are the newest snapshot's advisories. A CVE's severity is what
    the definitions say of it, else what an issued advisory with it says as the definitions amend that, else
    what the foundation says of the fix; all others are unknown.
    """
    in_lock = _versions(facts.package for facts in former_facts(entry.package for entry in lock.packages))
    shipped = _versions(newest.packages) if newest else None
    severities = _severities(release, issued)
    found: dict[tuple[str, str], Pending] = {}
    for fix in fixes:
        if _lacks(in_lock, fix):
            where = "lock"
        elif shipped is not None and _lacks(shipped, fix):
            where = f"snapshot {newest.id}" if newest else ""
        else:
            continue
        severity = severities.get(fix.cve, fix.severity)
        goal: int = getattr(release.fix_days, severity.value)
        days = max(0, (now - fix.seen) // _DAY)
        found[fix.cve, fix.source] = Pending(fix.cve, fix.source, fix.version, severity, where, days, goal)
    return tuple(sorted(found.values(), key=lambda one: (not one.overdue, one.goal - one.days, one.cve)))


def _severities(release: Release, issued: Iterable[Advisory]) -> dict[str, Severity]:
    """Give the severities of CVEs that the definitions or issued advisories rate."""
    said = said_in(release)
    told = [as_said(one, said, one.updated) for one in issued]
    told.sort(key=lambda one: _WORST_FIRST.index(one.severity), reverse=True)
    found = {cve: one.severity for one in told for cve in one.cves if one.severity is not Severity.UNKNOWN}
    return found | {cve: one.severity for one in said if one.severity for cve in one.cves}


def _versions(packages: Iterable[Fixed]) -> dict[str, str]:
    """Give the lowest version of each source: a fix is in when all of its packages have it."""
    found: dict[str, str] = {}
    for one in packages:
        if one.source not in found or rpm_key(one.source_evr) < rpm_key(found[one.source]):
            found[one.source] = one.source_evr
    return found


def _lacks(versions: dict[str, str], fix: Fix) -> bool:
    """A source that is not in at all needs no fix."""
    return fix.source in versions and rpm_key(versions[fix.source]) < rpm_key(fix.version)
