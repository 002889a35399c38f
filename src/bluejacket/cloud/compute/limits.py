"""Bounds of a local cloud: how long a guest may take, and how much of this machine it is given."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Resources
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.sizes import FAMILIES, SIZES, Size
from bluejacket.errors import Fault, UserError

VMS = "Microsoft.Compute/virtualMachines"
_SETS = "Microsoft.Compute/virtualMachineScaleSets"


def _processors() -> int:
    return max(1, len(os.sched_getaffinity(0)))


@dataclass(frozen=True, slots=True)
class Limits:
    """`provision_s` is how long a guest may take to report Ready, `power_down_s` to go down when asked.

    A machine gets no more processors than there are, and no more memory than `memory_mib`: the sizes'
    own numbers are Azure's. `cores` and `machines` are the quota of a region.
    """

    provision_s: float = 1200
    power_down_s: float = 90
    memory_mib: int = 1536
    cpus: int = field(default_factory=_processors)
    cores: int = 100
    machines: int = 25000

    @classmethod
    def read(cls, file: Path) -> Limits:
        """Give the limits that a person has written down (a JSON object), and the usual ones for the rest.

        Raises UserError for what is none.
        """
        try:
            told = json.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            return cls()
        except ValueError as error:
            raise UserError(Fault(f"{file} is not JSON: {error}")) from None
        known = {one.name for one in fields(cls)}
        if not isinstance(told, dict) or not told.keys() <= known:
            raise UserError(Fault(f"{file} may say {', '.join(sorted(known))}, and nothing else"))
        for name, value in told.items():
            good = type(value) is int or (type(value) is float and name.endswith("_s"))
            if not good or value <= 0:
                raise UserError(Fault(f"{name} in {file} has to be a number above 0"))
        return cls(**told)

    def cpus_of(self, size: Size) -> int:
        """Give how many processors a machine of a size really has."""
        return min(size.cpus, self.cpus)

    def memory_of(self, size: Size) -> int:
        """Give how much memory a machine of a size really has, in MiB."""
        return min(size.memory_mib, self.memory_mib)


def check_quota(resources: Resources, limits: Limits, vm: ResourceId, location: str, size: Size) -> None:
    """Raise CloudError (409 OperationNotAllowed) when a machine of this size is too much for its region."""
    used = sum(one.cpus for _, one in _used(resources, location, vm))
    if used + size.cpus > limits.cores:
        raise CloudError(
            409,
            "OperationNotAllowed",
            "Operation could not be completed as it results in exceeding approved Total Regional Cores "
            f"quota. Additional details - Deployment Model: Resource Manager, Location: {location}, "
            f"Current Limit: {limits.cores}, Current Usage: {used}, Additional Required: {size.cpus}, "
            f"(Minimum) New Limit Required: {used + size.cpus}. Setup Alerts when Quota reaches threshold.",
        )


def usages(resources: Resources, limits: Limits, location: str) -> list[dict[str, Any]]:
    """Give what a region has used of its quota, as `locations/…/usages` shows it."""
    used = list(_used(resources, location, None))
    sets = [
        one
        for one in resources.list(type_name="Microsoft.Compute/availabilitySets")
        if one.location == location
    ]
    rows = [
        ("availabilitySets", "Availability Sets", len(sets), 2500),
        ("cores", "Total Regional vCPUs", sum(size.cpus for _, size in used), limits.cores),
        ("virtualMachines", "Virtual Machines", len(used), limits.machines),
    ]
    for family, name in FAMILIES.items():
        cores = sum(size.cpus for _, size in used if size.family == family)
        rows.append((family, f"Standard {name} Family vCPUs", cores, limits.cores))
    return [
        {
            "unit": "Count",
            "currentValue": current,
            "limit": limit,
            "name": {"value": value, "localizedValue": shown},
        }
        for value, shown, current, limit in rows
    ]


def _used(resources: Resources, location: str, without: ResourceId | None) -> Iterable[tuple[Resource, Size]]:
    """Give the machines that count in a region: all but those that are deallocated."""
    for type_name in (VMS, f"{_SETS}/virtualMachines"):
        for one in resources.list(type_name=type_name):
            size = SIZES.get(str(one.properties.get("hardwareProfile", {}).get("vmSize", "")).lower())
            if (
                one.location == location
                and one.id != without
                and size
                and one.hidden.get("power") != "deallocated"
            ):
                yield one, size
