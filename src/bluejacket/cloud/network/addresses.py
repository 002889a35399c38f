"""Addresses of virtual networks: reading prefixes as Azure does, and giving out what is free."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, collapse_addresses, ip_address, ip_network

from bluejacket.cloud.arm.errors import CloudError, invalid

HOST_ADDRESS = IPv4Address("168.63.129.16")
"""The platform's own address: DHCP, DNS, the wire server, and probes of load balancers come from it."""

_RESERVED = 4  # the network's own, the gateway's, and two for DNS (Azure, "Virtual network FAQ")
_SMALLEST = 29


def read_prefix(text: str, owner: str) -> IPv4Network:
    """Read an IPv4 prefix; raises CloudError (400) in Azure's words for anything else.

    A prefix with bits set behind its length is refused, as Azure does; `owner` is the resource's id.
    """
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        raise invalid(
            f"Address prefix {text} of resource {owner} is not formatted correctly. It should follow CIDR "
            "notation, for example 10.0.0.0/24.",
            "addressPrefix",
            "InvalidAddressPrefixFormat",
        ) from None
    if not isinstance(found, IPv4Network):
        raise invalid(
            f"Address prefix {text} of resource {owner} is of IPv6, which this cloud does not have.",
            "addressPrefix",
            "IPv6NotSupported",
        )
    if "/" not in text or str(found) != text:
        raise invalid(
            f"The address prefix {text} in resource {owner} has an invalid CIDR notation. For the "
            "given prefix "
            f"length, the address prefix should be {found}.",
            "addressPrefix",
            "InvalidCIDRNotation",
        )
    return found


def check_space(prefixes: Sequence[IPv4Network], owner: str) -> None:
    """Raise CloudError when a network's prefixes are none, too small, or overlap each other."""
    if not prefixes:
        raise invalid(
            f"AddressSpace of virtual network {owner} has no address prefix.",
            "addressSpace",
            "VnetAddressSpaceNotSpecified",
        )
    for at, prefix in enumerate(prefixes):
        if not 2 <= prefix.prefixlen <= _SMALLEST:
            raise invalid(
                f"Address prefix {prefix} of virtual network {owner} has a length that is not "
                "between 2 and 29.",
                "addressSpace",
                "InvalidAddressPrefixLength",
            )
        for other in prefixes[:at]:
            if prefix.overlaps(other):
                raise invalid(
                    f"Address prefix {prefix} overlaps with address prefix {other} in virtual "
                    f"network {owner}.",
                    "addressSpace",
                    "AddressPrefixesOverlap",
                )


def check_subnet(
    name: str, prefix: IPv4Network, network: str, space: Iterable[IPv4Network], others: Iterable[IPv4Network]
) -> None:
    """Raise CloudError when a subnet lies outside of its network, overlaps another or has no room."""
    if prefix.prefixlen > _SMALLEST:
        raise invalid(
            f"Subnet '{name}' is not valid because its prefix {prefix} is smaller than /{_SMALLEST}.",
            "addressPrefix",
            "SubnetPrefixTooSmall",
        )
    if not any(prefix.subnet_of(one) for one in space):
        raise invalid(
            f"Subnet '{name}' is not valid because its IP address range is outside the IP address range of "
            f"virtual network '{network}'.",
            "addressPrefix",
            "NetcfgSubnetRangeOutsideVnet",
        )
    if any(prefix.overlaps(other) for other in others):
        raise invalid(
            f"Subnet '{name}' is not valid because its IP address range overlaps with that of an "
            "existing subnet "
            f"in virtual network '{network}'.",
            "addressPrefix",
            "NetcfgSubnetRangesOverlap",
        )


def gateway(subnet: IPv4Network) -> IPv4Address:
    """Give the address of a subnet's router: its first."""
    return subnet[1]


def reserved(subnet: IPv4Network, address: IPv4Address) -> bool:
    """True for the first four addresses of a subnet and its last."""
    return address in subnet and (
        int(address) - int(subnet.network_address) < _RESERVED or address == subnet.broadcast_address
    )


def free(subnet: IPv4Network, taken: Container[IPv4Address], count: int = 1) -> list[IPv4Address]:
    """Give up to `count` free addresses of a subnet, lowest first."""
    found: list[IPv4Address] = []
    for number in range(int(subnet.network_address) + _RESERVED, int(subnet.broadcast_address)):
        if len(found) >= count:
            break
        if (address := IPv4Address(number)) not in taken:
            found.append(address)
    return found


def read_address(text: str, what: str) -> IPv4Address:
    """Read an IPv4 address; raises CloudError (400 InvalidIPAddressFormat). `what` names it."""
    try:
        found = ip_address(text)
    except ValueError:
        found = None
    if not isinstance(found, IPv4Address):
        raise invalid(
            f"{what} '{text}' is not a valid IPv4 address.", "privateIPAddress", "InvalidIPAddressFormat"
        )
    return found


def check_static(address: IPv4Address, subnet: IPv4Network) -> None:
    """Raise CloudError when an address asked for cannot be in a subnet."""
    if address not in subnet:
        raise invalid(
            f"Private static IP address {address} does not belong to the range of subnet prefix {subnet}.",
            "privateIPAddress",
            "PrivateIPAddressNotInSubnet",
        )
    if reserved(subnet, address):
        raise invalid(
            f"Private static IP address {address} falls within reserved IP range of subnet prefix {subnet}.",
            "privateIPAddress",
            "PrivateIPAddressInReservedRange",
        )


def full(name: str, subnet: IPv4Network, wanted: int = 1) -> CloudError:
    """Give the error for a subnet that has no free address left."""
    return invalid(
        f"Subnet {name} with address prefix {subnet} does not have enough capacity for {wanted} IP "
        "addresses.",
        code="SubnetIsFull",
    )


def without(whole: Iterable[IPv4Network], part: Iterable[IPv4Network]) -> list[IPv4Network]:
    """Give what is in `whole` and not in `part`, as few prefixes as possible."""
    left = list(collapse_addresses(whole))
    for one in part:
        rest: list[IPv4Network] = []
        for prefix in left:
            if one.overlaps(prefix):
                if prefix != one and one.subnet_of(prefix):
                    rest += prefix.address_exclude(one)
            else:
                rest.append(prefix)
        left = rest
    return list(collapse_addresses(left))
