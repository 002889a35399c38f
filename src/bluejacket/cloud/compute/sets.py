"""Availability sets and proximity placement groups: there is one host, so they are kept and given back."""

from __future__ import annotations

from typing import Any, ClassVar

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import (
    DELETE,
    GET,
    LIST,
    PATCH,
    PUT,
    Call,
    Cloud,
    Grade,
    Job,
    Kind,
    Verb,
    record,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.documents import need, need_location, reference, unchanged, whole
from bluejacket.cloud.compute.limits import VMS
from bluejacket.cloud.compute.sizes import SIZES, as_vm_size

_NOTE = "all machines are on one host"
_NEAR = "proximityPlacementGroup"


class AvailabilitySets(Kind):
    """A set of machines that shall not fail together."""

    type = "Microsoft.Compute/availabilitySets"
    verbs: ClassVar = {
        GET: Verb(Grade.STORED, note=_NOTE),
        LIST: Verb(Grade.STORED, note=_NOTE),
        PUT: Verb(Grade.STORED, created=200, note=_NOTE),
        PATCH: Verb(Grade.STORED, note=_NOTE),
        DELETE: Verb(Grade.STORED, note=_NOTE),
        "vmsizes": Verb(Grade.REAL, method="GET"),
    }
    versions = ("2025-04-01", "2024-07-01")
    states = False

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record, with as many domains as are asked for."""
        found = record(call, old)
        need_location(found, self.type)
        found.properties = (old.properties if old else {}) | found.properties
        found.properties["platformFaultDomainCount"] = whole(
            found.properties.get("platformFaultDomainCount", 2), "platformFaultDomainCount", 1, 3
        )
        found.properties["platformUpdateDomainCount"] = whole(
            found.properties.get("platformUpdateDomainCount", 5), "platformUpdateDomainCount", 1, 20
        )
        if old is not None:
            domains = ("platformFaultDomainCount", "platformUpdateDomainCount")
            unchanged(old.properties, found.properties, domains)
        found.top.setdefault("sku", {"name": "Classic"})
        if found.properties.get(_NEAR):
            near = need(cloud, reference(found.properties[_NEAR], _NEAR), found.id)
            found.properties[_NEAR] = {"id": near.id.text}
        return found

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while it has machines."""
        members = _members(cloud, resource.id, "availabilitySet")
        _refuse_in_use(resource, "Availability Set", "VM", members)

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """List the sizes that fit."""
        return {"value": [as_vm_size(size) for size in SIZES.values()]} if job.verb == "vmsizes" else None

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document with the machines that are in it."""
        found = resource.document(self.type)
        found["properties"]["virtualMachines"] = [
            {"id": one.text} for one in _members(cloud, resource.id, "availabilitySet")
        ]
        return found


class ProximityPlacementGroups(Kind):
    """A group of machines, and of sets of machines, that shall be near each other."""

    type = "Microsoft.Compute/proximityPlacementGroups"
    verbs: ClassVar = {
        GET: Verb(Grade.STORED, note=_NOTE),
        LIST: Verb(Grade.STORED, note=_NOTE),
        PUT: Verb(Grade.STORED, note=_NOTE),
        PATCH: Verb(Grade.STORED, note=_NOTE),
        DELETE: Verb(Grade.STORED, note=_NOTE),
    }
    versions = ("2024-07-01",)
    states = False

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record."""
        found = record(call, old)
        need_location(found, self.type)
        found.properties = (old.properties if old else {}) | found.properties
        found.properties.setdefault("proximityPlacementGroupType", "Standard")
        return found

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while it has machines or sets."""
        for type_name, what in ((VMS, "VM"), (AvailabilitySets.type, "Availability Set")):
            members = _members(cloud, resource.id, _NEAR, type_name)
            _refuse_in_use(resource, "Proximity Placement Group", what, members)

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document with the machines and sets that are in it."""
        found = resource.document(self.type)
        for key, type_name in (("virtualMachines", VMS), ("availabilitySets", AvailabilitySets.type)):
            members = _members(cloud, resource.id, _NEAR, type_name)
            found["properties"][key] = [{"id": one.text} for one in members]
        return found


def _members(cloud: Cloud, where: ResourceId, name: str, type_name: str = VMS) -> list[ResourceId]:
    """Give what of a type refers to `where` by its property `name`."""
    users = cloud.resources.list(type_name=type_name, referring=[where.key])
    named = [(one.id, (one.properties.get(name) or {}).get("id")) for one in users]
    return [user for user, text in named if text and ResourceId.parse(text) == where]


def _refuse_in_use(resource: Resource, what: str, members_are: str, members: list[ResourceId]) -> None:
    if members:
        raise CloudError(
            409,
            "OperationNotAllowed",
            f"{what} '{resource.id.name}' cannot be deleted. Before deleting, please ensure that it does not "
            f"contain any {members_are}: {', '.join(one.name for one in members)}.",
        )
