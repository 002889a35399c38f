"""Security rules: what is refused, and which packets a rule is about."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.network.filters import host_rules, network_rules
from bluejacket.cloud.network.plan import Card, Plan
from bluejacket.cloud.network.ruling import Meaning, checked_rule, default_rules, ports_of, ruling
from netrecords import rid, rule

SPACE = [IPv4Network("10.0.0.0/16"), IPv4Network("192.168.7.0/24")]
PLATFORM = IPv4Address("168.63.129.16")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"priority": 99}, "SecurityRuleInvalidPriority"),
        ({"priority": 4097}, "SecurityRuleInvalidPriority"),
        ({"priority": None}, "SecurityRuleInvalidPriority"),
        ({"destinationPortRange": "65536"}, "SecurityRuleInvalidPortRange"),
        ({"destinationPortRange": "90-80"}, "SecurityRuleInvalidPortRange"),
        ({"destinationPortRange": "-1"}, "SecurityRuleInvalidPortRange"),
        ({"sourcePortRange": "ssh"}, "SecurityRuleInvalidPortRange"),
        ({"sourceAddressPrefix": "10.0.0.0/99"}, "SecurityRuleInvalidAddressPrefix"),
        ({"sourceAddressPrefix": "Neverland"}, "SecurityRuleInvalidAddressPrefix"),
        ({"destinationAddressPrefix": ""}, "SecurityRuleParameterMissing"),
        ({"destinationPortRange": ""}, "SecurityRuleParameterMissing"),
        ({"access": "Maybe"}, "SecurityRuleInvalidParameter"),
        ({"protocol": "Carrier"}, "SecurityRuleInvalidParameter"),
    ],
)
def test_bad_rules(said: dict[str, Any], code: str) -> None:
    with pytest.raises(CloudError) as caught:
        checked_rule("r", rule(100) | said)
    assert caught.value.code == code


def test_words_are_read_without_regard_to_case() -> None:
    found = checked_rule("r", rule("200", access="ALLOW", direction="inbound", protocol="TCP"))  # type: ignore[arg-type]
    assert (found["access"], found["direction"], found["protocol"], found["priority"]) == (
        *("Allow", "Inbound", "Tcp"),
        200,
    )


ranges = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda two: (min(two), max(two)))


@given(st.lists(ranges, min_size=1, max_size=6), st.integers(0, 65535))
def test_merged_ports_are_the_same_ports(given_ranges: list[tuple[int, int]], port: int) -> None:
    merged = ports_of([str(low) if low == high else f"{low}-{high}" for low, high in given_ranges])
    edges = [one for both in given_ranges for one in both]
    for one in (port, *edges):
        wanted = any(low <= one <= high for low, high in given_ranges)
        assert (merged is None or any(low <= one <= high for low, high in merged)) == wanted
    if merged is not None:
        assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(merged))


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_every_address_is_of_the_network_or_of_the_internet(address: IPv4Address) -> None:
    meaning = Meaning(SPACE)

    def among(tag: str) -> bool:
        return any(address in one for one in meaning.prefixes([tag]))

    inside = any(address in one for one in SPACE) or address == PLATFORM
    assert among("VirtualNetwork") == inside
    assert among("Internet") == (not inside)
    assert among("*")
    assert among("AzureLoadBalancer") == (address == PLATFORM)
    assert not among("Storage.WestEurope")


def test_application_groups_mean_their_members() -> None:
    group = rid("applicationSecurityGroups/Crew")
    meaning = Meaning(SPACE, {group.key: [IPv4Network("10.0.0.4/32")]})
    said = rule(100, sourceApplicationSecurityGroups=[{"id": group.text}])
    said.pop("sourceAddressPrefix")
    found = ruling("r", checked_rule("r", said), meaning)
    assert found.sources == (IPv4Network("10.0.0.4/32"),)


def test_default_rules_are_azures() -> None:
    found = {name: (one["priority"], one["direction"], one["access"]) for name, one in default_rules()}
    assert found == {
        "AllowVnetInBound": (65000, "Inbound", "Allow"),
        "AllowAzureLoadBalancerInBound": (65001, "Inbound", "Allow"),
        "DenyAllInBound": (65500, "Inbound", "Deny"),
        "AllowVnetOutBound": (65000, "Outbound", "Allow"),
        "AllowInternetOutBound": (65001, "Outbound", "Allow"),
        "DenyAllOutBound": (65500, "Outbound", "Deny"),
    }


def test_the_text_of_a_network() -> None:
    meaning = Meaning(SPACE)
    said = rule(
        *(100, "Allow"), protocol="Tcp", destinationPortRange="22", sourceAddressPrefix="203.0.113.0/24"
    )
    both = rule(110, "Deny", destinationPortRanges=["80", "8000-8080"], destinationPortRange="")
    rules = tuple(ruling(name, one, meaning) for name, one in (("ssh", said), ("web", both)))
    private, public = IPv4Address("10.0.0.4"), IPv4Address("127.64.0.4")
    card = Card(
        *(rid("networkInterfaces/n"), "tap1", "00:0d:3a:00:00:01", (private,), "deck", "helm"),
        *(("gone",), ("gone",), {private: public}),
    )
    plan = Plan(rid("virtualNetworks/sea"), {"deck": SPACE[0]}, (card,), {"gone": rules}, (), "x.internal")
    text = network_rules(plan, {public: IPv4Address("100.64.0.4")}, None)
    lines = [line.strip() for line in text.splitlines()]
    assert (
        'ip saddr { 203.0.113.0/24 } meta l4proto tcp th dport { 22 } counter return comment "ssh"' in lines
    )
    assert 'meta l4proto { tcp, udp } th dport { 80, 8000-8080 } counter drop comment "web"' in lines
    assert 'iifname "uplink" dnat ip to ip daddr map { 100.64.0.4 : 10.0.0.4 }' in lines
    assert "type ifname . ether_addr . ipv4_addr; elements = { tap1 . 00:0d:3a:00:00:01 . 10.0.0.4 }" in text
    assert 'oifname "uplink" accept' not in text  # nobody is let out


def test_the_host_lets_nobody_through_unless_asked() -> None:
    public, transit = IPv4Network("127.64.0.0/20"), IPv4Network("100.64.0.0/20")
    closed = host_rules("bluejacket_0000", "bj0000", public, transit[1], {}, None)
    assert 'iifname "bj0000*" drop' in closed
    assert "masquerade" not in closed
    assert "masquerade" in host_rules("bluejacket_0000", "bj0000", public, transit[1], {}, transit)
