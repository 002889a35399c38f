"""Measuring: each requirement by its own function, and the levels that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bluejacket.errors import BluejacketError
from bluejacket.inquiry.s2c2f import consume, keep, know, statements
from bluejacket.inquiry.s2c2f.framework import REQUIREMENTS, Practice, Requirement
from bluejacket.inquiry.s2c2f.ground import Ground, NotApplicable, Unproven

Look = Callable[[Ground], list[str]]
LOOKS: Mapping[str, Look] = {
    "ING-1": consume.trusted_archives,
    "ING-2": consume.local_copies,
    "ING-3": consume.deny_list,
    "ING-4": consume.source_copies,
    "SCA-1": know.vulnerability_scan,
    "SCA-2": know.licences,
    "SCA-3": know.end_of_life,
    "SCA-4": statements.malware_scan,
    "SCA-5": statements.source_review,
    "INV-1": know.inventory,
    "INV-2": statements.incident_plan,
    "UPD-1": keep.replaced,
    "UPD-2": keep.automatic,
    "UPD-3": statements.review_comments,
    "AUD-1": know.provenance,
    "AUD-2": know.other_ways,
    "AUD-3": know.integrity,
    "AUD-4": statements.upstream_bills,
    "ENF-1": consume.safe_configuration,
    "ENF-2": consume.curated_feed,
    "REB-1": keep.rebuilt,
    "REB-2": keep.rebuilds_signed,
    "REB-3": keep.rebuilds_listed,
    "REB-4": know.signed_bills,
    "FIX-1": statements.private_fix,
}


class Met(StrEnum):
    """What became of a requirement."""

    MET = "met"
    NOT_MET = "not met"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Measured:
    """One requirement, and the evidence for what became of it."""

    id: str
    practice: Practice
    level: int
    what: str
    state: Met
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A release against the framework: the level that is reached, 0 to 4, overall and in each practice."""

    release: str
    level: int
    practices: Mapping[str, int]
    requirements: tuple[Measured, ...]


def measure(ground: Ground) -> Measure:
    """Look for the evidence of every requirement."""
    found = tuple(_measured(one, ground) for one in REQUIREMENTS)
    practices = {
        practice.value: practice_level([one for one in found if one.practice is practice])
        for practice in Practice
    }
    return Measure(ground.release.version, overall_level(found), practices, found)


def _measured(one: Requirement, ground: Ground) -> Measured:
    try:
        state, evidence = Met.MET, tuple(LOOKS[one.id](ground))
    except Unproven as reason:
        state, evidence = Met.NOT_MET, tuple(map(str, reason.args))
    except NotApplicable as reason:
        state, evidence = Met.NOT_APPLICABLE, (str(reason),)
    except (BluejacketError, OSError) as error:
        state, evidence = Met.NOT_MET, (f"the evidence cannot be read: {error}",)
    if state is Met.MET and not evidence:
        state, evidence = Met.NOT_MET, ("there is no evidence",)
    return Measured(one.id, one.practice, one.level, one.what, state, evidence)


def practice_level(found: Iterable[Measured]) -> int:
    """Give the level of one practice: the highest of its requirements below which all are met.

    A practice whose first requirement is not met has reached none, also if that is of a high level.
    """
    reached = 0
    for one in sorted(found, key=lambda one: (one.level, one.state is not Met.NOT_MET)):
        if one.state is Met.NOT_MET:
            break
        reached = one.level
    return reached


def overall_level(found: Iterable[Measured]) -> int:
    """Give the overall level: the highest up to which all requirements of all practices are met."""
    unmet = [one.level for one in found if one.state is Met.NOT_MET]
    return min(unmet, default=5) - 1
