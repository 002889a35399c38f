"""What holds for a network interface in the end: the rules of both groups, and the routes."""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Resources
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network import find
from bluejacket.cloud.network.plan import members_of
from bluejacket.cloud.network.ruling import Meaning, Ruling, default_rules, ruling, words_of

_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")


def effective_groups(resources: Resources, nic: Resource) -> dict[str, Any]:
    """Give the answer to `effectiveNetworkSecurityGroups`: the same rules that nft has."""
    subnet_id = find.subnet_of(find.primary(nic))
    subnet = resources.get(subnet_id) if subnet_id else None
    vnet = resources.get(subnet_id.parent) if subnet_id else None
    if subnet is None or vnet is None:
        return {"value": []}
    meaning = Meaning(find.space_of(vnet), members_of(resources, vnet.id))
    found = []
    for key, owner in (("subnet", subnet), ("networkInterface", nic)):
        group = find.group_of(owner.properties)
        if group is not None and resources.get(group) is not None:
            found.append(
                {
                    "networkSecurityGroup": {"id": group.text},
                    "association": {key: {"id": owner.id.text}},
                    "effectiveSecurityRules": _rules(resources, group, meaning),
                }
            )
    return {"value": found}


def _rules(resources: Resources, group: ResourceId, meaning: Meaning) -> list[dict[str, Any]]:
    own = [("securityRules", one.id.name, one.properties) for one in find.rules(resources, group)]
    default = [("defaultSecurityRules", name, properties) for name, properties in default_rules()]
    return [
        _rule(f"{kind}/{name}", properties, ruling(name, properties, meaning))
        for kind, name, properties in [*own, *default]
    ]


def _rule(name: str, properties: dict[str, Any], rule: Ruling) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "protocol": {"*": "All"}.get(rule.protocol, rule.protocol)}
    for end, prefixes, ports in (
        ("source", rule.sources, rule.source_ports),
        ("destination", rule.destinations, rule.ports),
    ):
        ranges = [f"{low}-{high}" for low, high in ports or ((0, 65535),)]
        words = [word.replace("*", "0.0.0.0/0") for word in words_of(properties, f"{end}AddressPrefix", "es")]
        found |= {
            f"{end}PortRange": ranges[0],
            f"{end}PortRanges": ranges,
            f"{end}AddressPrefix": words[0] if words else "",
            f"{end}AddressPrefixes": words,
            f"expanded{end.capitalize()}AddressPrefix": [str(one) for one in prefixes],
        }
    return found | {
        "access": properties["access"],
        "priority": properties["priority"],
        "direction": properties["direction"],
    }


def effective_routes(resources: Resources, nic: Resource, *, outside: bool) -> dict[str, Any]:
    """Give the answer to `effectiveRouteTable`: nothing leads out unless guests are let out."""
    vnet_id = find.vnet_of(nic)
    vnet = resources.get(vnet_id) if vnet_id else None
    if vnet is None:
        return {"value": []}
    routes = [_route([str(one) for one in find.space_of(vnet)], "VnetLocal")]
    routes.append(_route(["0.0.0.0/0"], "Internet" if outside else "None"))
    routes += [_route([one], "None") for one in _PRIVATE]
    return {"value": routes}


def _route(prefixes: list[str], hop: str) -> dict[str, Any]:
    return {
        "source": "Default",
        "state": "Active",
        "addressPrefix": prefixes,
        "nextHopType": hop,
        "nextHopIpAddress": [],
        "disableBgpRoutePropagation": False,
    }
