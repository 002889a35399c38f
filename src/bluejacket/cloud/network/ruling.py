"""Security rules: their validation and defaults, and which addresses and ports each one means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, collapse_addresses, ip_network
from typing import Any

from bluejacket.cloud.arm.errors import invalid
from bluejacket.cloud.network.addresses import HOST_ADDRESS, without
from bluejacket.cloud.network.spelling import one_of
from bluejacket.cloud.network.tags import is_service

PROTOCOLS = ("*", "Tcp", "Udp", "Icmp", "Esp", "Ah")
DIRECTIONS = ("Inbound", "Outbound")
ACCESS = ("Allow", "Deny")
_PRIORITIES = range(100, 4097)
_EVERYTHING = IPv4Network("0.0.0.0/0")
_HOST = IPv4Network(f"{HOST_ADDRESS}/32")
_MAIN_TAGS = ("VirtualNetwork", "AzureLoadBalancer", "Internet")


@dataclass(frozen=True, slots=True)
class Ruling:
    """A rule as it is enforced: prefixes and ranges instead of tags, merged and in order.

    `ports` None means every port; `protocol` is `*` or one of `PROTOCOLS`. Empty prefixes match nothing.
    """

    name: str
    priority: int
    inbound: bool
    allow: bool
    protocol: str
    sources: tuple[IPv4Network, ...]
    destinations: tuple[IPv4Network, ...]
    source_ports: tuple[tuple[int, int], ...] | None = None
    ports: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What words of rules mean in one virtual network: its space, and the members of application groups.

    `groups` gives, for the key of an application security group's id, its members' addresses.
    """

    space: Sequence[IPv4Network]
    groups: Mapping[str, Sequence[IPv4Network]] = field(default_factory=dict)

    def prefixes(self, words: Iterable[str], groups: Iterable[str] = ()) -> tuple[IPv4Network, ...]:
        """Give what the words of one side of a rule mean, as few prefixes as possible."""
        found: list[IPv4Network] = []
        for word in words:
            found += self._prefixes(word)
        for group in groups:
            found += self.groups.get(group.lower(), ())
        return tuple(collapse_addresses(found))

    def _prefixes(self, word: str) -> Sequence[IPv4Network]:
        match word.lower():
            case "*" | "any":
                return [_EVERYTHING]
            case "virtualnetwork":
                return [*self.space, _HOST]
            case "azureloadbalancer":
                return [_HOST]
            case "internet":
                return without([_EVERYTHING], [*self.space, _HOST])
        try:
            found = ip_network(word, strict=False)
        except ValueError:
            return []  # a service that this cloud does not have
        return [found] if isinstance(found, IPv4Network) else []


def ruling(name: str, properties: Mapping[str, Any], meaning: Meaning) -> Ruling:
    """Give a rule as it is enforced in a network; `properties` have been through `checked_rule`."""

    def side(end: str) -> tuple[IPv4Network, ...]:
        groups = [str(one.get("id", "")) for one in properties.get(f"{end}ApplicationSecurityGroups") or ()]
        return meaning.prefixes(words_of(properties, f"{end}AddressPrefix", "es"), groups)

    return Ruling(
        name=name,
        priority=int(properties["priority"]),
        inbound=properties["direction"] == "Inbound",
        allow=properties["access"] == "Allow",
        protocol=str(properties["protocol"]),
        sources=side("source"),
        destinations=side("destination"),
        source_ports=ports_of(words_of(properties, "sourcePortRange", "s")),
        ports=ports_of(words_of(properties, "destinationPortRange", "s")),
    )


def words_of(properties: Mapping[str, Any], key: str, plural: str) -> list[str]:
    """Give the words under a key and under its plural. Azure takes one of both; we take both."""
    single = str(properties.get(key) or "")
    found = [word.strip() for word in single.split(",") if word.strip()]
    return found + [str(word).strip() for word in properties.get(key + plural) or ()]


def ports_of(words: Iterable[str]) -> tuple[tuple[int, int], ...] | None:
    """Give ranges of ports, merged and in order; None for every port. Raises ValueError."""
    ranges = []
    for word in words:
        if word == "*":
            return None
        first, _, last = word.partition("-")
        low, high = int(first), int(last or first)
        if not 0 <= low <= high <= 65535 or not first.strip().isdecimal():
            raise ValueError(word)
        ranges.append((low, high))
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return None if merged == [(0, 65535)] else tuple(merged)


def checked_rule(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the properties of a rule with its defaults; raises CloudError in Azure's words."""
    found = dict(given)
    for key, allowed in (("protocol", PROTOCOLS), ("access", ACCESS), ("direction", DIRECTIONS)):
        if (value := one_of(found.get(key), allowed)) is None:
            raise invalid(
                f"Security rule parameter {key} for rule {name} has invalid value '{found.get(key, '')}'. "
                f"Allowed are {', '.join(allowed)}.",
                key,
                "SecurityRuleInvalidParameter",
            )
        found[key] = value
    try:
        found["priority"] = int(found["priority"])
    except (KeyError, TypeError, ValueError):
        found["priority"] = -1
    if found["priority"] not in _PRIORITIES:
        raise invalid(
            f"Security rule has invalid Priority. Value provided: {given.get('priority', '')} "
            "Allowed range 100-4096.",
            "priority",
            "SecurityRuleInvalidPriority",
        )
    for end in ("source", "destination"):
        _check_prefixes(name, found, end)
        words = words_of(found, f"{end}PortRange", "s")
        if not words:
            raise invalid(
                f"Security rule parameter {end}PortRange for rule {name} is missing.",
                f"{end}PortRange",
                "SecurityRuleParameterMissing",
            )
        for word in words:
            _check_ports(word, f"{end}PortRange")
        for plural in (f"{end}PortRanges", f"{end}AddressPrefixes"):
            found.setdefault(plural, [])
    return found


def _check_ports(word: str, target: str) -> None:
    try:
        ports_of([word])
    except ValueError:
        raise invalid(
            f"Security rule has invalid Port range. Value provided: {word}. Value should be an "
            "integer OR integer "
            "range with '-' delimiter. Valid range 0-65535.",
            target,
            "SecurityRuleInvalidPortRange",
        ) from None


def _check_prefixes(name: str, found: Mapping[str, Any], end: str) -> None:
    words = words_of(found, f"{end}AddressPrefix", "es")
    groups = found.get(f"{end}ApplicationSecurityGroups") or ()
    if not words and not groups:
        raise invalid(
            f"Security rule parameter {end}AddressPrefix for rule {name} is missing.",
            f"{end}AddressPrefix",
            "SecurityRuleParameterMissing",
        )
    if words and groups:
        raise invalid(
            f"Security rule {name} has both {end} address prefixes and application security groups.",
            f"{end}AddressPrefix",
            "SecurityRuleAddressPrefixAndApplicationSecurityGroupsBothSpecified",
        )
    for word in words:
        if not is_prefix(word):
            raise invalid(
                f"Security rule has invalid Address prefix. Value provided: {word}",
                f"{end}AddressPrefix",
                "SecurityRuleInvalidAddressPrefix",
            )


def is_prefix(word: str) -> bool:
    """True for what one side of a rule may be: `*`, an address, a prefix, or a service tag."""
    if word == "*" or one_of(word, ("Any", *_MAIN_TAGS)):
        return True
    try:
        ip_network(word, strict=False)
    except ValueError:
        return is_service(word)
    return True


def default_rules() -> list[tuple[str, dict[str, Any]]]:
    """Give Azure's default rules, by name (Azure, "Network security groups", default security rules)."""
    found = []
    for name, said, priority, direction, access, source, destination in (
        (
            "AllowVnetInBound",
            "Allow inbound traffic from all VMs in VNET",
            *(65000, "Inbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
        ),
        (
            "AllowAzureLoadBalancerInBound",
            "Allow inbound traffic from azure load balancer",
            *(65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
        ),
        ("DenyAllInBound", "Deny all inbound traffic", 65500, "Inbound", "Deny", "*", "*"),
        (
            "AllowVnetOutBound",
            "Allow outbound traffic from all VMs to all VMs in VNET",
            *(65000, "Outbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
        ),
        (
            "AllowInternetOutBound",
            "Allow outbound traffic from all VMs to Internet",
            *(65001, "Outbound", "Allow", "*", "Internet"),
        ),
        ("DenyAllOutBound", "Deny all outbound traffic", 65500, "Outbound", "Deny", "*", "*"),
    ):
        found.append(
            (
                str(name),
                {
                    "provisioningState": "Succeeded",
                    "description": said,
                    "protocol": "*",
                    "sourcePortRange": "*",
                    "destinationPortRange": "*",
                    "sourceAddressPrefix": source,
                    "destinationAddressPrefix": destination,
                    "access": access,
                    "priority": priority,
                    "direction": direction,
                    "sourcePortRanges": [],
                    "destinationPortRanges": [],
                    "sourceAddressPrefixes": [],
                    "destinationAddressPrefixes": [],
                },
            )
        )
    return found
