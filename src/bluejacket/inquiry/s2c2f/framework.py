"""The framework's practices and requirements. Numbers and levels are its own, the words are ours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Practice(StrEnum):
    """The eight practices, in the framework's order."""

    INGEST = "Ingest"
    SCAN = "Scan"
    INVENTORY = "Inventory"
    UPDATE = "Update"
    AUDIT = "Audit"
    ENFORCE = "Enforce"
    REBUILD = "Rebuild"
    FIX = "Fix"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement; `level` is the level of maturity, 1 to 4, that asks for it first."""

    id: str
    practice: Practice
    level: int
    what: str


_ROWS = (
    ("ING-1", Practice.INGEST, 1, "take software only from archives that are trusted"),
    ("ING-2", Practice.INGEST, 1, "keep a copy of every package taken in"),
    ("ING-3", Practice.INGEST, 3, "bar what is known to be bad"),
    ("ING-4", Practice.INGEST, 3, "keep a copy of all source code"),
    ("SCA-1", Practice.SCAN, 1, "compare what is used with known vulnerabilities"),
    ("SCA-2", Practice.SCAN, 1, "know every licence"),
    ("SCA-3", Practice.SCAN, 2, "notice the end of life"),
    ("SCA-4", Practice.SCAN, 3, "look for malware"),
    ("SCA-5", Practice.SCAN, 3, "review the security of source code"),
    ("INV-1", Practice.INVENTORY, 1, "keep an inventory that is made by itself"),
    ("INV-2", Practice.INVENTORY, 2, "have a plan for incidents"),
    ("UPD-1", Practice.UPDATE, 1, "replace what is vulnerable"),
    ("UPD-2", Practice.UPDATE, 2, "update without a person"),
    ("UPD-3", Practice.UPDATE, 2, "show vulnerabilities where changes are reviewed"),
    ("AUD-1", Practice.AUDIT, 3, "trace everything to its origin"),
    ("AUD-2", Practice.AUDIT, 2, "find what came in by another way"),
    ("AUD-3", Practice.AUDIT, 2, "check the integrity of what is taken in"),
    ("AUD-4", Practice.AUDIT, 4, "check the bills of materials that come with it"),
    ("ENF-1", Practice.ENFORCE, 2, "configure safely where packages are taken from"),
    ("ENF-2", Practice.ENFORCE, 3, "allow nothing but a curated feed"),
    ("REB-1", Practice.REBUILD, 4, "rebuild from source where builds are trusted"),
    ("REB-2", Practice.REBUILD, 4, "sign what is rebuilt"),
    ("REB-3", Practice.REBUILD, 4, "write bills of materials of what is rebuilt"),
    ("REB-4", Practice.REBUILD, 4, "sign the bills of materials"),
    ("FIX-1", Practice.FIX, 4, "mend a fault oneself, ship it, and give it upstream in confidence"),
)
REQUIREMENTS = tuple(Requirement(*row) for row in _ROWS)
