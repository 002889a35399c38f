"""Addresses, with the standard library's ipaddress as the oracle."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.network.addresses import (
    check_space,
    check_static,
    check_subnet,
    free,
    read_prefix,
    reserved,
    without,
)


@st.composite
def networks(draw: st.DrawFn, low: int = 0, high: int = 32) -> IPv4Network:
    length = draw(st.integers(low, high))
    return IPv4Network((draw(st.integers(0, 2**length - 1)) << (32 - length), length))


small = networks(low=26, high=29)


@given(small, st.sets(st.integers(0, 63)), st.integers(1, 70))
def test_free_addresses_are_those_that_are_neither_taken_nor_reserved(
    prefix: IPv4Network, offsets: set[int], count: int
) -> None:
    taken = {prefix[one] for one in offsets if one < prefix.num_addresses}
    usable = [one for one in list(prefix.hosts())[3:] if one not in taken]
    assert free(prefix, taken, count) == usable[:count]


@given(networks(low=8, high=29))
def test_five_addresses_of_every_subnet_are_reserved(prefix: IPv4Network) -> None:
    edge = [prefix[one] for one in (0, 1, 2, 3, -1)]
    assert all(reserved(prefix, one) for one in edge)
    assert not reserved(prefix, prefix[4])
    assert not reserved(prefix, prefix[-2])


@given(st.lists(networks(), max_size=4), st.lists(networks(), max_size=4), st.integers(0, 2**32 - 1))
def test_without_is_the_difference_of_sets(
    whole: list[IPv4Network], part: list[IPv4Network], number: int
) -> None:
    left = without(whole, part)
    edges = [one[at] for one in (*whole, *part) for at in (0, -1)]
    for address in [IPv4Address(number), *edges]:
        wanted = any(address in one for one in whole) and not any(address in one for one in part)
        assert any(address in one for one in left) == wanted
    assert not any(one.overlaps(other) for at, one in enumerate(left) for other in left[:at])


@given(networks())
def test_a_prefix_is_read_as_it_is_written(prefix: IPv4Network) -> None:
    assert read_prefix(str(prefix), "x") == prefix


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("10.0.0.1/24", "InvalidCIDRNotation"),
        ("10.0.0.0", "InvalidCIDRNotation"),
        ("10.0.0.0/33", "InvalidAddressPrefixFormat"),
        ("ten", "InvalidAddressPrefixFormat"),
        ("", "InvalidAddressPrefixFormat"),
        ("fd00::/64", "IPv6NotSupported"),
    ],
)
def test_bad_prefixes(text: str, code: str) -> None:
    with pytest.raises(CloudError) as caught:
        read_prefix(text, "/subscriptions/s/x")
    assert (caught.value.status, caught.value.code) == (400, code)


@given(networks(low=16, high=29), networks(low=16, high=29), networks(low=8, high=16))
def test_a_subnet_lies_in_its_network_and_beside_the_others(
    prefix: IPv4Network, other: IPv4Network, space: IPv4Network
) -> None:
    def fits() -> bool:
        try:
            check_subnet("deck", prefix, "sea", [space], [other])
        except CloudError:
            return False
        return True

    assert fits() == (prefix.subnet_of(space) and not prefix.overlaps(other))


def test_a_space_overlaps_nothing_of_its_own() -> None:
    with pytest.raises(CloudError, match="overlaps"):
        check_space([IPv4Network("10.0.0.0/8"), IPv4Network("10.1.0.0/16")], "sea")
    with pytest.raises(CloudError, match="no address prefix"):
        check_space([], "sea")
    check_space([IPv4Network("10.0.0.0/16"), IPv4Network("10.1.0.0/16")], "sea")


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("10.0.0.0", "PrivateIPAddressInReservedRange"),
        ("10.0.0.3", "PrivateIPAddressInReservedRange"),
        ("10.0.0.255", "PrivateIPAddressInReservedRange"),
        ("10.0.1.4", "PrivateIPAddressNotInSubnet"),
    ],
)
def test_static_addresses_that_cannot_be(address: str, code: str) -> None:
    with pytest.raises(CloudError) as caught:
        check_static(IPv4Address(address), IPv4Network("10.0.0.0/24"))
    assert caught.value.code == code
