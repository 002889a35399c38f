"""Microsoft.Network/networkInterfaces: cards of guests, a tap in a namespace when attached."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from ipaddress import IPv4Address
from itertools import count
from typing import Any, ClassVar

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import DELETE, GET, LIST, PATCH, PUT, Call, Cloud, Grade, Job, Kind, Verb
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network import find
from bluejacket.cloud.network.addresses import check_static, free, full, read_address
from bluejacket.cloud.network.effective import effective_groups, effective_routes
from bluejacket.cloud.network.host import Networks
from bluejacket.cloud.network.names import begun, guid, objects, reference, referred
from bluejacket.cloud.network.plan import domain_of
from bluejacket.cloud.network.spelling import flag, one_of

_KEPT = ("virtualMachine", "primary", "macAddress")
"""Properties that the cloud gives, and no client."""


class NetworkInterfaces(Kind):
    """Interfaces. A dynamic address stays the same as long as the configuration stays in its subnet."""

    type = find.NIC
    versions = ("2023-11-01", "2022-01-01", "2015-06-15")
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL),
        PATCH: Verb(Grade.REAL),
        DELETE: Verb(Grade.REAL),
        "effectivenetworksecuritygroups": Verb(Grade.REAL, long=True),
        "effectiveroutetable": Verb(Grade.REAL, long=True),
    }

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Check every reference, and give addresses and the MAC."""
        found = begun(call, old)
        for key in _KEPT:
            found.properties.pop(key, None)
            if old is not None and key in old.properties:
                found.properties[key] = old.properties[key]
        if "macAddress" not in found.properties:
            found.properties["macAddress"] = _mac(cloud, found.id)
        if (group := find.group_of(found.properties)) is not None:
            referred(cloud, group, found.id, find.NSG)
        found.properties["ipConfigurations"] = self._configurations(cloud, found, old)
        vnet = find.vnet_of(found)
        assert vnet is not None  # each configuration has a subnet
        settings = found.properties.get("dnsSettings") or {}
        found.properties |= {
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": []}
            | settings
            | {"internalDomainNameSuffix": domain_of(vnet)},
            "enableAcceleratedNetworking": flag(found.properties.get("enableAcceleratedNetworking")),
            "enableIPForwarding": flag(found.properties.get("enableIPForwarding")),
            "disableTcpStateTracking": flag(found.properties.get("disableTcpStateTracking")),
            "nicType": "Standard",
            "hostedWorkloads": [],
            "tapConfigurations": [],
            "resourceGuid": guid(found.id),
        }
        return found

    def _configurations(self, cloud: Cloud, found: Resource, old: Resource | None) -> list[dict[str, Any]]:
        given = objects(found.properties, "ipConfigurations")
        if not given:
            raise invalid(
                f"Network interface {found.id} must have one or more IP configurations.",
                "ipConfigurations",
                "NetworkInterfaceMustHaveIpConfiguration",
            )
        before = {str(one.get("name")).lower(): one for one in find.configurations(old)} if old else {}
        made: list[dict[str, Any]] = []
        for one in given:
            name = str(one.get("name") or f"ipconfig{len(made) + 1}")
            if name.lower() in (str(other["name"]).lower() for other in made):
                raise invalid(
                    f"Network interface {found.id} has two IP configurations named {name}.",
                    "ipConfigurations",
                    "DuplicateResourceName",
                )
            given_part = dict(one.get("properties") or {})
            part = found.id.child("ipConfigurations", name)
            properties = self._configuration(
                cloud, found.id, part, given_part, before.get(name.lower()), made
            )
            made.append({"name": name, "id": part.text, "properties": properties})
        primary = [one for one in made if one["properties"]["primary"]]
        if len(primary) > 1:
            raise invalid(
                f"Network interface {found.id} has more than one primary IP configuration.",
                "ipConfigurations",
                "OnlyOnePrimaryIpConfigurationAllowed",
            )
        if not primary:
            made[0]["properties"]["primary"] = True
        return made

    def _configuration(
        self,
        cloud: Cloud,
        nic: ResourceId,
        part: ResourceId,
        given: dict[str, Any],
        old: dict[str, Any] | None,
        siblings: list[dict[str, Any]],
    ) -> dict[str, Any]:
        if str(given.get("privateIPAddressVersion", "IPv4")).lower() != "ipv4":
            raise invalid("This cloud has no IPv6 addresses.", "privateIPAddressVersion", "IPv6NotSupported")
        wanted = reference(given.get("subnet"))
        if wanted is None:
            raise invalid(f"IP configuration {part} does not have a subnet.", "subnet", "SubnetIsRequired")
        subnet = referred(cloud, wanted, nic, find.SUBNET)
        networks = {place.parent for other in siblings if (place := find.subnet_of(other))}
        if networks - {subnet.id.parent}:
            raise invalid(
                f"IP configurations of network interface {nic} are in different virtual networks.",
                "subnet",
                "IpConfigurationsOnSameNicCannotUseDifferentVirtualNetworks",
            )
        method = one_of(given.get("privateIPAllocationMethod", "Dynamic"), ("Dynamic", "Static"))
        if method is None:
            raise invalid(
                "privateIPAllocationMethod is Dynamic or Static.",
                "privateIPAllocationMethod",
                "InvalidParameter",
            )
        address = self._address(cloud, nic, part, subnet, given, method, old, siblings)
        found = dict(given) | {
            "privateIPAllocationMethod": method,
            "privateIPAddress": str(address),
            "privateIPAddressVersion": "IPv4",
            "primary": flag(given.get("primary")),
            "subnet": {"id": subnet.id.text},
            "provisioningState": "Succeeded",
        }
        found.pop("publicIPAddress", None)
        if (public := reference(given.get("publicIPAddress"))) is not None:
            found["publicIPAddress"] = {"id": self._public(cloud, nic, part, public, siblings)}
            found["publicIPAddress"] |= _fate(given["publicIPAddress"])
        for one in objects(found, "applicationSecurityGroups"):
            if (group := reference(one)) is not None:
                referred(cloud, group, nic, find.ASG)
        return found

    def _address(
        self,
        cloud: Cloud,
        nic: ResourceId,
        part: ResourceId,
        subnet: Resource,
        given: dict[str, Any],
        method: str,
        old: dict[str, Any] | None,
        siblings: list[dict[str, Any]],
    ) -> IPv4Address:
        prefix = find.prefix_of(subnet)
        had = find.address_of(old) if old and find.subnet_of(old) == subnet.id else None
        text = str(given.get("privateIPAddress") or had) if method == "Static" else str(had)
        taken_here = {find.address_of(one) for one in siblings}
        if had is not None and had in prefix and had not in taken_here and text == str(had):
            return had  # its own already, so nobody else's
        users = {
            address: find.configuration_id(*one)
            for one in find.inside(cloud.resources, subnet.id)
            if one[0].id != nic and (address := find.address_of(one[1])) is not None
        }
        users |= {
            address: str(one["id"]) for one in siblings if (address := find.address_of(one)) is not None
        }
        if method == "Static":
            if not given.get("privateIPAddress") and had is None:
                raise invalid(
                    f"IP configuration {part} has a static allocation and no private IP address.",
                    "privateIPAddress",
                    "PrivateIPAddressIsRequired",
                )
            address = read_address(text, "Private static IP address")
            check_static(address, prefix)
            if address in users:
                raise invalid(
                    f"IP configuration {part} is using the private IP address {address} which is "
                    "already allocated "
                    f"to resource {users[address]}.",
                    "privateIPAddress",
                    "PrivateIPAddressIsAllocated",
                )
            return address
        found = free(prefix, users)
        if not found:
            raise full(subnet.id.name, prefix)
        return found[0]

    def _public(
        self,
        cloud: Cloud,
        nic: ResourceId,
        part: ResourceId,
        public: ResourceId,
        siblings: list[dict[str, Any]],
    ) -> str:
        record = referred(cloud, public, nic, find.PUBLIC_IP)
        user = find.user_of_public(cloud.resources, public)
        holder = find.holder_of_public(cloud.resources, public) if user is None or user[0].id != nic else ""
        holder = next((str(one["id"]) for one in siblings if find.public_of(one) == public), holder)
        if holder:
            raise invalid(
                f"Resource {part} is referencing public IP address {public} that is already "
                "allocated to resource "
                f"{holder}.",
                "publicIPAddress",
                "PublicIPAddressInUse",
            )
        return record.id.text

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while a machine has the interface."""
        if (machine := reference(resource.properties.get("virtualMachine"))) is not None:
            raise CloudError(
                400,
                "NicInUse",
                f"Network Interface {resource.id} is used by existing resource {machine}. In order "
                "to delete the "
                "network interface, it must be dissociated from the resource. To learn more, see "
                "aka.ms/deletenic.",
            )

    def act(self, cloud: Cloud, call: Call, resource: Resource, action: str) -> dict[str, Any]:
        """Refuse to tell what is in effect where there is no machine."""
        if reference(resource.properties.get("virtualMachine")) is None:
            raise CloudError(
                400,
                "NetworkInterfaceNotAttachedToVirtualMachine",
                f"Network interface {resource.id} is not attached to a virtual machine.",
            )
        return {}

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Apply what the change means for the guest, and for the public addresses that came or went."""
        networks = cloud.service(Networks)
        match job.verb:
            case "effectivenetworksecuritygroups":
                return effective_groups(cloud.resources, resource)
            case "effectiveroutetable":
                return effective_routes(cloud.resources, resource, outside=networks.outside)
            case "delete":
                networks.detach(resource.id)
            case _:
                for one in find.configurations(resource):
                    if (public := find.public_of(one)) is not None:
                        _give_address(cloud, networks, public)
                networks.refresh(resource.id)
        return None


def _fate(public: object) -> dict[str, Any]:
    """Give what a configuration says of its public address's end: it may go with the machine."""
    properties = public.get("properties") if isinstance(public, dict) else None
    told = properties.get("deleteOption") if isinstance(properties, dict) else None
    if told is None:
        return {}
    if (option := one_of(told, ("Delete", "Detach"))) is None:
        what = f"The value '{told}' of deleteOption is invalid: it is Delete or Detach."
        raise invalid(what, "publicIPAddress.deleteOption", "InvalidParameter")
    return {"properties": {"deleteOption": option}}


def _give_address(cloud: Cloud, networks: Networks, public: ResourceId) -> None:
    """Give a dynamic public address its number, now that somebody has it."""
    with networks.lock:
        record = cloud.resources.get(public)
        if record is not None and not record.properties.get("ipAddress"):
            address = str(networks.public_address())
            cloud.resources.change(public, lambda one: one.properties.update(ipAddress=address))


def _mac(cloud: Cloud, nic: ResourceId) -> str:
    """Give a MAC with Microsoft's prefix that no other interface of this cloud has."""
    for nth in count():
        tail = sha256(f"{cloud.state}|{nic.key}|{nth}".encode()).hexdigest()[:6].upper()
        found = f"00-0D-3A-{tail[:2]}-{tail[2:4]}-{tail[4:]}"
        if not cloud.resources.list(referring=[found.lower()]):
            return found
    raise AssertionError("unreachable")
