"""Functions of address ranges. Source: Azure Resource Manager, "CIDR functions for ARM templates"."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from bluejacket.cloud.deploy.expressions import ExpressionError
from bluejacket.cloud.deploy.functions.table import Library

CIDRS = Library()


@CIDRS.add("parseCidr", "s")
def _parse_cidr(text: str) -> dict[str, Any]:
    network = _network("parseCidr", text)
    first, last = _usable(network)
    found = {"network": str(network.network_address), "netmask": str(network.netmask)}
    if isinstance(network, IPv4Network):
        found["broadcast"] = str(network.broadcast_address)
    else:
        first = 0
    return found | {
        "firstUsable": str(network[first]),
        "lastUsable": str(network[last]),
        "cidr": network.prefixlen,
    }


@CIDRS.add("cidrSubnet", "sii")
def _cidr_subnet(text: str, length: int, index: int) -> str:
    network = _network("cidrSubnet", text)
    if not network.prefixlen <= length <= network.max_prefixlen:
        raise ExpressionError(
            f"The template language function 'cidrSubnet': the new prefix length {length} is not between "
            f"{network.prefixlen} and {network.max_prefixlen}."
        )
    if not 0 <= index < 1 << (length - network.prefixlen):
        raise ExpressionError(f"The template language function 'cidrSubnet': '{text}' has no subnet {index}.")
    begin = network.network_address + (index << (network.max_prefixlen - length))
    return f"{begin}/{length}"


@CIDRS.add("cidrHost", "si")
def _cidr_host(text: str, index: int) -> str:
    network = _network("cidrHost", text)
    first, last = _usable(network)
    if not 0 <= index <= last - first:
        raise ExpressionError(f"The template language function 'cidrHost': '{text}' has no host {index}.")
    return str(network[first + index])


def _network(name: str, text: str) -> IPv4Network | IPv6Network:
    try:
        if "/" not in text:
            raise ValueError
        return ip_network(text, strict=False)
    except ValueError:
        raise ExpressionError(
            f"The template language function '{name}' expects a range in CIDR notation, not '{text}'."
        ) from None


def _usable(network: IPv4Network | IPv6Network) -> tuple[int, int]:
    """The numbers of the first and last address of a host; IPv6 has no broadcast address."""
    count = network.num_addresses
    if count <= 2:
        return 0, count - 1
    return 1, count - 2 if isinstance(network, IPv4Network) else count - 1
