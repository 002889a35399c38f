"""What one virtual network is on the host, worked out from the records alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network

from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Resources
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network import find
from bluejacket.cloud.network.addresses import gateway
from bluejacket.cloud.network.names import reference
from bluejacket.cloud.network.ruling import Meaning, Ruling, default_rules, ruling

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Card:
    """A network interface: its tap's name, its MAC and addresses, and the groups that judge its traffic.

    `groups_in` and `groups_out` are in the order in which Azure asks them. `public` gives the public
    address of each private one that has one. `open` says whether those of them let in what no group
    forbids: public addresses of the sku Standard do not.
    """

    id: ResourceId
    device: str
    mac: str
    addresses: tuple[IPv4Address, ...]
    subnet: str
    host: str
    groups_in: tuple[str, ...] = ()
    groups_out: tuple[str, ...] = ()
    public: Mapping[IPv4Address, IPv4Address] = field(default_factory=dict)
    open: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A virtual network: its subnets by name, its cards, and the rules of each group by its short name."""

    vnet: ResourceId
    subnets: Mapping[str, IPv4Network]
    cards: tuple[Card, ...]
    groups: Mapping[str, tuple[Ruling, ...]]
    dns: tuple[str, ...]
    domain: str

    @property
    def gateways(self) -> dict[IPv4Address, int]:
        """The routers' addresses, each with the length of its subnet's prefix."""
        return {gateway(one): one.prefixlen for one in self.subnets.values()}

    def card(self, nic: ResourceId) -> Card | None:
        """Give the card of a network interface, or None."""
        return next((one for one in self.cards if one.id == nic), None)


def short(resource_id: ResourceId, prefix: str) -> str:
    """Give a name for a resource that interfaces (15 letters) and chains may have."""
    return prefix + sha256(resource_id.key.encode()).hexdigest()[:10]


def domain_of(vnet: ResourceId) -> str:
    """Give the DNS suffix of a virtual network's machines."""
    return f"{short(vnet, '')}.internal.cloudapp.net"


def members_of(resources: Resources, vnet: ResourceId) -> dict[str, list[IPv4Network]]:
    """Give the addresses of each application security group in a network, by the key of its id."""
    found: dict[str, list[IPv4Network]] = {}
    for nic in find.nics(resources):
        if find.vnet_of(nic) == vnet:
            for one in find.configurations(nic):
                for group in one["properties"].get("applicationSecurityGroups") or ():
                    if (address := find.address_of(one)) is not None:
                        found.setdefault(str(group.get("id", "")).lower(), []).append(IPv4Network(address))
    return found


def plan_of(resources: Resources, vnet: Resource) -> Plan:
    """Work out a virtual network; a network interface without an address yet is left out."""
    parts = {one.id: one for one in find.subnets(resources, vnet.id)}
    cards: list[Card] = []
    used: set[ResourceId] = set()
    for nic in find.nics(resources):
        if find.vnet_of(nic) != vnet.id:
            continue
        card, groups = _card(resources, nic, parts)
        if card is not None:
            cards.append(card)
            used |= groups
    meaning = Meaning(find.space_of(vnet), members_of(resources, vnet.id))
    return Plan(
        vnet=vnet.id,
        subnets={one.id.name: find.prefix_of(one) for one in parts.values()},
        cards=tuple(cards),
        groups={short(group, "g"): rulings(resources, group, meaning) for group in sorted(used, key=str)},
        dns=tuple((vnet.properties.get("dhcpOptions") or {}).get("dnsServers") or ()),
        domain=domain_of(vnet.id),
    )


def rulings(resources: Resources, group: ResourceId, meaning: Meaning) -> tuple[Ruling, ...]:
    """Give all rules of a security group in the order of their priorities, the default ones last."""
    own = [(one.id.name, one.properties) for one in find.rules(resources, group)]
    found = [ruling(name, properties, meaning) for name, properties in [*own, *default_rules()]]
    return tuple(sorted(found, key=lambda one: (not one.inbound, one.priority)))


def _card(
    resources: Resources, nic: Resource, subnets: Mapping[ResourceId, Resource]
) -> tuple[Card | None, set[ResourceId]]:
    configurations = sorted(find.configurations(nic), key=lambda one: one != find.primary(nic))
    addresses = tuple(found for one in configurations if (found := find.address_of(one)))
    subnet = subnets.get(find.subnet_of(configurations[0]) or nic.id)
    if not addresses or subnet is None:
        return None, set()
    of_nic, of_subnet = find.group_of(nic.properties), find.group_of(subnet.properties)
    groups = [one for one in (of_subnet, of_nic) if one is not None and resources.get(one) is not None]
    public: dict[IPv4Address, IPv4Address] = {}
    standard = False
    for one in configurations:
        private, wanted = find.address_of(one), find.public_of(one)
        record = resources.get(wanted) if wanted else None
        if private and record is not None and record.properties.get("ipAddress"):
            public[private] = IPv4Address(record.properties["ipAddress"])
            standard |= (record.top.get("sku") or {}).get("name") == "Standard"
    card = Card(
        id=nic.id,
        device=short(nic.id, "t"),
        mac=str(nic.properties["macAddress"]).replace("-", ":").lower(),
        addresses=addresses,
        subnet=subnet.id.name,
        host=_host_name(resources, nic),
        groups_in=tuple(short(one, "g") for one in groups),
        groups_out=tuple(short(one, "g") for one in reversed(groups)),
        public=public,
        open=bool(public) and not standard,
    )
    return card, set(groups)


def _host_name(resources: Resources, nic: Resource) -> str:
    """Give the name that the machine of a network interface has in its network's DNS, or nothing."""
    label = str((nic.properties.get("dnsSettings") or {}).get("internalDnsNameLabel") or "")
    machine = reference(nic.properties.get("virtualMachine"))
    record = resources.get(machine) if machine and not label else None
    if record is not None:
        label = str((record.properties.get("osProfile") or {}).get("computerName") or record.id.name)
    return label.lower() if _LABEL.fullmatch(label.lower()) else ""
