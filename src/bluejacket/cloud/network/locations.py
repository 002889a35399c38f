"""What is asked of a location: whether a DNS label is free, and how much is used."""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.arm.endpoint import Asked, Endpoint
from bluejacket.cloud.arm.kind import Cloud, Grade
from bluejacket.cloud.network import find
from bluejacket.cloud.network.publicips import checked_label
from bluejacket.cloud.network.slot import NETWORKS, PUBLIC

_PLACE = "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}"
_GROUPS_PLACE = _PLACE.replace("/providers", "/resourceGroups/{group}/providers", 1)
_NOTHING = "no service has endpoints or delegations in networks here"


def dns_name(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    """Say whether a label is free in a location; raises CloudError for what is no label."""
    fqdn = checked_label(asked.query.get("domainnamelabel", ""), asked.parts["location"].lower())
    records = cloud.resources.list(type_name=find.PUBLIC_IP)
    taken = {(one.properties.get("dnsSettings") or {}).get("fqdn") for one in records}
    return {"available": fqdn not in taken}


def usages(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    """Give how many of each there are, and may be."""
    place = asked.parts["location"].lower()
    found = []
    for name, said, kind, limit in (
        ("VirtualNetworks", "Virtual Networks", find.VNET, len(NETWORKS)),
        ("NetworkInterfaces", "Network Interfaces", find.NIC, 65536),
        ("NetworkSecurityGroups", "Network Security Groups", find.NSG, 5000),
        ("PublicIPAddresses", "Public IP Addresses", find.PUBLIC_IP, len(PUBLIC)),
    ):
        used = [one for one in cloud.resources.list(type_name=kind) if one.location == place]
        found.append(
            {
                "id": f"{asked.path}/{name}",
                "name": {"value": name, "localizedValue": said},
                "currentValue": len(used),
                "limit": limit,
                "unit": "Count",
            }
        )
    return {"value": found}


def nothing(_cloud: Cloud, _asked: Asked) -> dict[str, Any]:
    """Give an empty list: no service has endpoints or delegations in networks here."""
    return {"value": []}


ENDPOINTS = (
    Endpoint("GET", f"{_PLACE}/CheckDnsNameAvailability", Grade.REAL, dns_name),
    Endpoint("GET", f"{_PLACE}/usages", Grade.REAL, usages),
    Endpoint(
        "GET", f"{_PLACE}/virtualNetworkAvailableEndpointServices", Grade.STORED, nothing, note=_NOTHING
    ),
    Endpoint("GET", f"{_PLACE}/availableDelegations", Grade.STORED, nothing, note=_NOTHING),
    Endpoint("GET", f"{_GROUPS_PLACE}/availableDelegations", Grade.STORED, nothing, note=_NOTHING),
)
