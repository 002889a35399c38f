"""Microsoft.Network/virtualNetworks/subnets: prefixes of a network, with the security group of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any, ClassVar

from bluejacket.cloud.arm.errors import CloudError, invalid
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
    Resources,
    Verb,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network import find
from bluejacket.cloud.network.addresses import check_subnet, read_prefix
from bluejacket.cloud.network.host import Networks
from bluejacket.cloud.network.names import begun, reference, referred

_REFERENCES = {
    "networkSecurityGroup": find.NSG,
    "routeTable": find.ROUTE_TABLE,
    "natGateway": find.NAT_GATEWAY,
}


class Subnets(Kind):
    """Subnets; the same whether they are written by themselves or in their network's array."""

    type = find.SUBNET
    versions = ("2024-07-01", "2015-06-15")
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL),
        PATCH: Verb(Grade.REAL),
        DELETE: Verb(Grade.REAL),
    }

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Check the prefix against the network's space and the other subnets."""
        found = begun(call, old)
        vnet = cloud.resources.need(found.id.parent)
        others = [one for one in find.subnets(cloud.resources, vnet.id) if one.id != found.id]
        taken = [find.prefix_of(one) for one in others]
        found.properties = checked_subnet(
            cloud, found.id, found.properties, vnet.id, find.space_of(vnet), taken
        )
        found.location, found.tags = "", {}
        return found

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while a network interface is in the subnet."""
        in_use(cloud.resources, resource)

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Apply what the change means for guests."""
        if job.verb == DELETE:
            cloud.resources.delete(resource.id)
        cloud.service(Networks).refresh(resource.id)

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document with the IP configurations in it."""
        return shown_subnet(cloud.resources, resource)


def checked_subnet(
    cloud: Cloud,
    subnet: ResourceId,
    given: dict[str, Any],
    vnet: ResourceId,
    space: Iterable[IPv4Network],
    others: Iterable[IPv4Network],
) -> dict[str, Any]:
    """Give a subnet's properties with defaults; raises CloudError in Azure's words."""
    prefixes = [str(one) for one in given.get("addressPrefixes") or ()]
    if given.get("addressPrefix"):
        prefixes = [str(given["addressPrefix"])]
    if len(prefixes) != 1:
        raise invalid(
            f"Subnet {subnet} has {len(prefixes)} address prefixes; it needs exactly one.",
            "addressPrefix",
            "SubnetsMustHaveOneAddressPrefix",
        )
    prefix = read_prefix(prefixes[0], subnet.text)
    check_subnet(subnet.name, prefix, vnet.name, space, others)
    old = cloud.resources.get(subnet)
    if old is not None and find.prefix_of(old) != prefix and find.inside(cloud.resources, subnet):
        raise invalid(
            f"IpPrefix {find.prefix_of(old)} on Subnet {subnet.name} has active allocations and "
            "cannot be deleted.",
            code="InUsePrefixCannotBeDeleted",
        )
    for key, kind in _REFERENCES.items():
        if (wanted := reference(given.get(key))) is not None:
            referred(cloud, wanted, subnet, kind)
    kept = {
        key: value
        for key, value in given.items()
        if key not in ("ipConfigurations", "addressPrefixes", "purpose", "privateEndpoints")
    }
    for key in _REFERENCES:
        kept.pop(key, None)
        if (wanted := reference(given.get(key))) is not None:
            kept[key] = {"id": wanted.text}
    return {"delegations": [], "privateEndpointNetworkPolicies": "Disabled"} | {
        "privateLinkServiceNetworkPolicies": "Enabled",
        **kept,
        "addressPrefix": str(prefix),
        "provisioningState": "Succeeded",
    }


def in_use(resources: Resources, subnet: Resource) -> None:
    """Raise CloudError (400 InUseSubnetCannotBeDeleted) when a network interface is in a subnet."""
    users = find.inside(resources, subnet.id)
    if users:
        raise CloudError(
            400,
            "InUseSubnetCannotBeDeleted",
            f"Subnet {subnet.id.name} is in use by {find.configuration_id(*users[0])} and cannot be "
            "deleted. In "
            "order to delete the subnet, delete all the resources within the subnet. See "
            "aka.ms/deletesubnet.",
        )


def shown_subnet(resources: Resources, subnet: Resource) -> dict[str, Any]:
    """Give a subnet's document with the back references to the IP configurations in it."""
    found = subnet.document(find.SUBNET)
    found.pop("tags", None)
    users = [{"id": find.configuration_id(*one)} for one in find.inside(resources, subnet.id)]
    if users:
        found["properties"]["ipConfigurations"] = users
    return found
