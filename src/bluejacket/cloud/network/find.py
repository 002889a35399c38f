"""Questions to the records of networks: who uses what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Resources
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network.names import reference

VNET = "Microsoft.Network/virtualNetworks"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"
NSG = "Microsoft.Network/networkSecurityGroups"
RULE = "Microsoft.Network/networkSecurityGroups/securityRules"
PUBLIC_IP = "Microsoft.Network/publicIPAddresses"
NIC = "Microsoft.Network/networkInterfaces"
SET_NIC = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/networkInterfaces"
ASG = "Microsoft.Network/applicationSecurityGroups"
BALANCER = "Microsoft.Network/loadBalancers"
NAT_GATEWAY = "Microsoft.Network/natGateways"
ROUTE_TABLE = "Microsoft.Network/routeTables"

NIC_TYPES = (NIC, SET_NIC)
"""Where network interfaces are kept: their own type, and as parts of a scale set's machines."""


def nics(resources: Resources, *referring: ResourceId) -> Iterator[Resource]:
    """Give the records of all network interfaces, or of those that refer to one of some resources."""
    wanted = [one.key for one in referring] if referring else None
    for kind in NIC_TYPES:
        yield from resources.list(type_name=kind, referring=wanted)


def configurations(nic: Resource) -> list[dict[str, Any]]:
    """Give the IP configurations of a network interface."""
    return list(nic.properties.get("ipConfigurations") or ())


def subnet_of(configuration: dict[str, Any]) -> ResourceId | None:
    """Give the subnet of an IP configuration."""
    return reference(configuration.get("properties", {}).get("subnet"))


def address_of(configuration: dict[str, Any]) -> IPv4Address | None:
    """Give the private address of an IP configuration, once it has one."""
    text = configuration.get("properties", {}).get("privateIPAddress")
    return IPv4Address(text) if text else None


def public_of(configuration: dict[str, Any]) -> ResourceId | None:
    """Give the public IP address of an IP configuration."""
    return reference(configuration.get("properties", {}).get("publicIPAddress"))


def primary(nic: Resource) -> dict[str, Any]:
    """Give the primary IP configuration of a network interface, which has one at least."""
    found = configurations(nic)
    return next((one for one in found if one.get("properties", {}).get("primary")), found[0])


def configuration_id(nic: Resource, configuration: dict[str, Any]) -> str:
    """Give the id of an IP configuration."""
    return nic.id.child("ipConfigurations", str(configuration.get("name"))).text


def vnet_of(nic: Resource) -> ResourceId | None:
    """Give the virtual network of a network interface."""
    found = [subnet.parent for one in configurations(nic) if (subnet := subnet_of(one))]
    return found[0] if found else None


def inside(resources: Resources, subnet: ResourceId) -> list[tuple[Resource, dict[str, Any]]]:
    """Give the IP configurations in a subnet, each with its network interface."""
    return [
        (nic, one)
        for nic in nics(resources, subnet)
        for one in configurations(nic)
        if subnet_of(one) == subnet
    ]


def subnets(resources: Resources, vnet: ResourceId) -> list[Resource]:
    """Give the records of a network's subnets."""
    return list(resources.list(type_name=SUBNET, parent=vnet))


def prefix_of(subnet: Resource) -> IPv4Network:
    """Give the prefix of a subnet."""
    return IPv4Network(subnet.properties["addressPrefix"])


def space_of(vnet: Resource) -> list[IPv4Network]:
    """Give the prefixes of a virtual network."""
    return [IPv4Network(one) for one in vnet.properties["addressSpace"]["addressPrefixes"]]


def rules(resources: Resources, group: ResourceId) -> list[Resource]:
    """Give the records of a security group's rules, without the default ones."""
    return list(resources.list(type_name=RULE, parent=group))


def group_of(properties: dict[str, Any]) -> ResourceId | None:
    """Give the security group that a subnet or network interface has."""
    return reference(properties.get("networkSecurityGroup"))


def users_of_group(resources: Resources, group: ResourceId) -> tuple[list[Resource], list[Resource]]:
    """Give the network interfaces and the subnets that have a security group."""
    return (
        [one for one in nics(resources, group) if group_of(one.properties) == group],
        [
            one
            for one in resources.list(type_name=SUBNET, referring=[group.key])
            if group_of(one.properties) == group
        ],
    )


def user_of_public(resources: Resources, public: ResourceId) -> tuple[Resource, dict[str, Any]] | None:
    """Give the network interface and the IP configuration that have a public IP address, or None."""
    for nic in nics(resources, public):
        for one in configurations(nic):
            if public_of(one) == public:
                return nic, one
    return None


def holder_of_public(resources: Resources, public: ResourceId) -> str:
    """Give the id of whatever holds a public IP address (an IP configuration, a frontend), or nothing."""
    return holders(resources, [public]).get(public, "")


def holders(resources: Resources, publics: Sequence[ResourceId]) -> dict[ResourceId, str]:
    """Give the id of what holds each of these public IP addresses, without those that nothing holds."""
    found: dict[ResourceId, str] = {}
    kinds = {kind.lower() for kind in (*NIC_TYPES, BALANCER, NAT_GATEWAY)}
    for user in resources.list(referring=[one.key for one in publics]):
        if user.id.type.lower() in kinds:
            for public, holder in _held(user):
                found.setdefault(public, holder)
    return {public: found[public] for public in publics if public in found}


def _held(user: Resource) -> Iterator[tuple[ResourceId, str]]:
    for one in configurations(user):
        if (public := public_of(one)) is not None:
            yield public, configuration_id(user, one)
    for one in user.properties.get("frontendIPConfigurations") or ():
        if (public := public_of(one)) is not None:
            yield public, user.id.child("frontendIPConfigurations", str(one.get("name"))).text
    for one in user.properties.get("publicIpAddresses") or ():
        if (public := reference(one)) is not None:
            yield public, user.id.text
