"""Microsoft.Network/virtualNetworks: a namespace of the host."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any, ClassVar

from bluejacket.cloud.arm.errors import invalid
from bluejacket.cloud.arm.kind import DELETE, GET, LIST, PATCH, PUT, Call, Cloud, Grade, Job, Kind, Verb
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network import find, parts
from bluejacket.cloud.network.addresses import (
    check_space,
    check_subnet,
    free,
    read_address,
    read_prefix,
    reserved,
)
from bluejacket.cloud.network.host import Networks
from bluejacket.cloud.network.names import begun, guid
from bluejacket.cloud.network.subnets import checked_subnet, in_use, shown_subnet

_OFFERED = 5  # addresses that Azure offers when one is taken


class VirtualNetworks(Kind):
    """Networks; their subnets' own records are the truth."""

    type = find.VNET
    versions = ("2025-07-01", "2024-07-01", "2015-06-15")
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL),
        PATCH: Verb(Grade.REAL),
        DELETE: Verb(Grade.REAL),
        "checkipaddressavailability": Verb(Grade.REAL, method="GET"),
        "usages": Verb(Grade.REAL, method="GET"),
        "moveipconfigurations": Verb(Grade.REFUSED, note="change the interfaces one by one"),
    }

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Check space and subnets. Without an array of subnets those that there are stay."""
        found = begun(call, old)
        prefixes = (found.properties.get("addressSpace") or {}).get("addressPrefixes") or []
        space = [read_prefix(str(one), found.id.text) for one in prefixes]
        check_space(space, found.id.text)
        wanted = parts.given(found, "subnets")
        there = {one.id.name: one for one in find.subnets(cloud.resources, found.id)}
        if wanted is None:
            for name, one in there.items():
                check_subnet(name, find.prefix_of(one), found.id.name, space, ())
        else:
            self._accept_subnets(cloud, found, wanted, space)
        found.properties |= {
            "addressSpace": {"addressPrefixes": [str(one) for one in space]},
            "resourceGuid": guid(found.id),
            "virtualNetworkPeerings": [],
            "enableDdosProtection": False,
        }
        for server in (found.properties.get("dhcpOptions") or {}).get("dnsServers") or ():
            read_address(str(server), "DNS server")
        if "number" not in found.hidden:
            found.hidden["number"] = cloud.service(Networks).number()
        return found

    def _accept_subnets(
        self, cloud: Cloud, found: Resource, wanted: dict[str, dict[str, Any]], space: list[IPv4Network]
    ) -> None:
        accepted: dict[str, dict[str, Any]] = {}
        taken: list[IPv4Network] = []
        for name, given in wanted.items():
            properties = checked_subnet(cloud, found.id.child("subnets", name), given, found.id, space, taken)
            taken.append(IPv4Network(properties["addressPrefix"]))
            accepted[name] = properties
        kept = {found.id.child("subnets", name) for name in accepted}
        for one in find.subnets(cloud.resources, found.id):
            if one.id not in kept:
                in_use(cloud.resources, one)
        parts.accept(found, "subnets", accepted)

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while a subnet is in use."""
        for subnet in find.subnets(cloud.resources, resource.id):
            in_use(cloud.resources, subnet)

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Write the subnets, and apply what that means for guests."""
        match job.verb:
            case "delete":
                cloud.service(Networks).remove(resource.id)
            case "checkipaddressavailability":
                return self._availability(cloud, resource, str(job.payload.get("ipaddress", "")))
            case "usages":
                return {"value": [_usage(cloud, one) for one in find.subnets(cloud.resources, resource.id)]}
            case _:
                parts.write(cloud, resource)
                cloud.service(Networks).refresh(resource.id)
        return None

    def act(self, cloud: Cloud, call: Call, resource: Resource, action: str) -> dict[str, Any]:
        """Take what is asked about out of the query."""
        return dict(call.query)

    def _availability(self, cloud: Cloud, vnet: Resource, text: str) -> dict[str, Any]:
        address = read_address(text, "IP address")
        for subnet in find.subnets(cloud.resources, vnet.id):
            prefix = find.prefix_of(subnet)
            if address in prefix:
                users = find.inside(cloud.resources, subnet.id)
                taken = {one for _, part in users if (one := find.address_of(part)) is not None}
                if address not in taken and not reserved(prefix, address):
                    return {"available": True, "availableIPAddresses": [], "isPlatformReserved": False}
                return {
                    "available": False,
                    "availableIPAddresses": [str(one) for one in free(prefix, taken, _OFFERED)],
                    "isPlatformReserved": reserved(prefix, address),
                }
        raise invalid(
            f"Private static IP address {address} does not belong to the range of any subnet in "
            "virtual network "
            f"{vnet.id.name}.",
            code="PrivateIPAddressNotInAnySubnet",
        )

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document with its subnets: clients take it for granted that there is an array."""
        found = resource.document(self.type)
        subnets = find.subnets(cloud.resources, resource.id)
        found["properties"]["subnets"] = [shown_subnet(cloud.resources, one) for one in subnets]
        return found


def _usage(cloud: Cloud, subnet: Resource) -> dict[str, Any]:
    users = len(find.inside(cloud.resources, subnet.id))
    return {
        "id": subnet.id.text,
        "name": {"value": "SubnetSpace", "localizedValue": "Subnet size and usage"},
        "currentValue": float(users),
        "limit": float(find.prefix_of(subnet).num_addresses - 5),
        "unit": "Count",
    }


class Peerings(Kind):
    """Networks reach each other nowhere in this cloud."""

    type = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
    _no = Verb(Grade.REFUSED, note="traffic between virtual networks is never forwarded")
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.STORED, note=_no.note),
        LIST: Verb(Grade.STORED, note=_no.note),
        PUT: _no,
        DELETE: Verb(Grade.STORED, note=_no.note),
    }
