"""Types of Microsoft.Network that are kept and given back, and those that are refused."""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.arm.errors import CloudError
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
    merged,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network import find, parts
from bluejacket.cloud.network.names import begun, guid, objects, reference, referred


def _kept(note: str) -> dict[str, Verb]:
    return {verb: Verb(Grade.STORED, note=note) for verb in (GET, LIST, PUT, PATCH, DELETE)}


def _refused(note: str) -> dict[str, Verb]:
    readable = {verb: Verb(Grade.STORED, note=note) for verb in (GET, LIST, DELETE)}
    return readable | {PUT: Verb(Grade.REFUSED, note=note), PATCH: Verb(Grade.REFUSED, note=note)}


class Stored(Kind):
    """A type whose arrays hold named parts: each is given its id."""

    arrays: tuple[str, ...] = ()

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Name the parts, and check that the public addresses are there."""
        found = begun(call, old)
        for key in self.arrays:
            named = []
            for one in objects(found.properties, key):
                part = found.id.child(key, str(one.get("name") or ""))
                properties = dict(one.get("properties") or {}) | {"provisioningState": "Succeeded"}
                if (public := reference(properties.get("publicIPAddress"))) is not None:
                    referred(cloud, public, found.id, find.PUBLIC_IP)
                named.append(one | {"id": part.text, "type": part.type, "properties": properties})
            found.properties[key] = named
        found.properties["resourceGuid"] = guid(found.id)
        return found


class LoadBalancers(Stored):
    """Load balancers: kept, with their parts' ids, so that scale sets can refer to them."""

    type = find.BALANCER
    versions = ("2025-07-01", "2023-04-01")
    verbs = _kept("nothing is balanced here") | {
        "networkinterfaces": Verb(Grade.REFUSED, method="GET", note="nothing is balanced here")
    }
    arrays = (
        "frontendIPConfigurations",
        "loadBalancingRules",
        "probes",
        "inboundNatPools",
        "outboundRules",
    )
    records = ("backendAddressPools", "inboundNatRules")

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Name the parts; pools and inbound rules are records of their own."""
        found = super().checked(cloud, call, old)
        for key in self.records:
            wanted = parts.given(found, key) or {}
            named = {name: one | {"provisioningState": "Succeeded"} for name, one in wanted.items()}
            parts.accept(found, key, named)
        return found

    def patched(self, cloud: Cloud, call: Call, old: Resource) -> Resource:
        """Merge as everywhere, with the parts that there are in their arrays."""
        whole = self.shown(cloud, old, call)
        return self.checked(cloud, Call(call.id, call.caller, merged(whole, call.body), call.query), old)

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Write the parts' records."""
        if job.verb != DELETE:
            parts.write(cloud, resource)

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document with all parts."""
        found = resource.document(self.type)
        for key in self.records:
            found["properties"][key] = [one.document() for one in parts.of(cloud, resource.id, key)]
        return found


class BalancerParts(Kind):
    """Parts of load balancers that clients write by themselves as well."""

    verbs = _kept("nothing is balanced here")

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Take the part as it is."""
        found = begun(call, old)
        found.location, found.tags = "", {}
        return found


class InboundNatRules(BalancerParts):
    """Rules that lead a port of a load balancer to one machine: kept."""

    type = "Microsoft.Network/loadBalancers/inboundNatRules"


class BackendPools(BalancerParts):
    """Machines behind a load balancer: kept."""

    type = "Microsoft.Network/loadBalancers/backendAddressPools"
    verbs = BalancerParts.verbs | {
        "queryinboundnatruleportmapping": Verb(Grade.REFUSED, note="nothing is balanced here")
    }


class RouteTables(Stored):
    """Route tables: kept; guests' routes are the default ones."""

    type = find.ROUTE_TABLE
    verbs = _kept("guests have the default routes")
    arrays = ("routes",)

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while a subnet has it."""
        _unused(cloud, resource, "routeTable", "InUseRouteTableCannotBeDeleted", "Route table")


class NatGateways(Stored):
    """NAT gateways: kept; whether guests are let out is said when the cloud starts."""

    type = find.NAT_GATEWAY
    verbs = _kept("guests are let out by a setting of the cloud")

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while a subnet has it."""
        _unused(cloud, resource, "natGateway", "InUseNatGatewayCannotBeDeleted", "NAT gateway")


def _unused(cloud: Cloud, resource: Resource, key: str, code: str, what: str) -> None:
    for subnet in cloud.resources.list(type_name=find.SUBNET):
        if reference(subnet.properties.get(key)) == resource.id:
            raise CloudError(
                400,
                code,
                f"{what} {resource.id.name} is in use and cannot be deleted: subnet {subnet.id} has it.",
            )


def _refuse(name: str, why: str) -> Kind:
    class Refused(Kind):
        type = f"Microsoft.Network/{name}"
        verbs = _refused(why)

    return Refused()


REFUSED: tuple[Kind, ...] = tuple(
    _refuse(name, why)
    for name, why in (
        ("privateEndpoints", "services are reached by link-local addresses"),
        ("dnsZones", "names of machines are those that Azure gives"),
        ("privateDnsZones", "names of machines are those that Azure gives"),
        ("publicIPPrefixes", "public addresses are given one at a time"),
        ("bastionHosts", "public addresses lead to machines"),
        ("virtualNetworkGateways", "no network has a way to another"),
        ("applicationGateways", "nothing is balanced here"),
    )
)
