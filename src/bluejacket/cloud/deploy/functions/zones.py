"""Functions of availability zones: which a type has in a region, and what a zone is called where it stands.

A logical zone is what a subscription calls it ("1"), a physical one what its region does ("eastus-az1"). Here
each subscription numbers them alike. Source: Azure Resource Manager, "Resource functions" (`pickZones`,
`toLogicalZone`, `toPhysicalZone` and their plurals).
"""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.arm.account import LOCATIONS
from bluejacket.cloud.deploy.expressions import ExpressionError
from bluejacket.cloud.deploy.functions.table import Library
from bluejacket.cloud.deploy.scope import Scope

ZONES = Library()
_NUMBERS = ("1", "2", "3")


@ZONES.add("pickZones", "sss?ii", scoped=True)
def _pick_zones(
    scope: Scope, namespace: str, kind: str, location: str, count: int = 1, offset: int = 0
) -> list[str]:
    """The three zones of a region; a type without zones has none."""
    zones = scope.host.providers(namespace, kind)["zones"] if location else []
    if not zones:
        return []
    if not 1 <= count <= len(zones) or not 0 <= offset <= len(zones) - count:
        raise ExpressionError(f"The template function 'pickZones': there are only {len(zones)} zones.")
    return list(zones[offset : offset + count])


@ZONES.add("toPhysicalZone", "sss")
def _to_physical_zone(_: str, location: str, zone: str) -> str:
    region = _region(location)
    return f"{region}-az{zone}" if region and zone in _NUMBERS else ""


@ZONES.add("toLogicalZone", "sss")
def _to_logical_zone(_: str, location: str, zone: str) -> str:
    region, mark, number = zone.lower().rpartition("-az")
    return number if mark and region == _region(location) and number in _NUMBERS else ""


@ZONES.add("toPhysicalZones", "ssa")
def _to_physical_zones(subscription: str, location: str, zones: list[Any]) -> list[str]:
    return [_to_physical_zone(subscription, location, str(zone)) for zone in zones]


@ZONES.add("toLogicalZones", "ssa")
def _to_logical_zones(subscription: str, location: str, zones: list[Any]) -> list[str]:
    return [_to_logical_zone(subscription, location, str(zone)) for zone in zones]


def _region(location: str) -> str:
    """Give a region's name, for that or for what it is displayed as; '' for none that is known."""
    name = location.replace(" ", "").lower()
    return name if name in LOCATIONS else ""
