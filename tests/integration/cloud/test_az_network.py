"""Networks by the unmodified client, as Azure's documentation has them; no guest is started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from azcli import CloudProcess

pytestmark = pytest.mark.integration
GROUP = "harbour"
IN_GROUP = ("-g", GROUP)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[CloudProcess]:
    with CloudProcess(tmp_path_factory.mktemp("cloud") / "state") as made:
        made.az("group", "create", "-n", GROUP, "-l", "eastus")
        yield made


@pytest.fixture(scope="module")
def sea(cloud: CloudProcess) -> str:
    """A virtual network with the subnet `deck`, which the tests share."""
    space = ("--address-prefix", "10.0.0.0/16", "--subnet-name", "deck", "--subnet-prefixes", "10.0.0.0/24")
    made = cloud.az("network", "vnet", "create", "-n", "sea", *IN_GROUP, *space)["newVNet"]
    assert made["addressSpace"]["addressPrefixes"] == ["10.0.0.0/16"]
    assert [(one["name"], one["addressPrefix"]) for one in made["subnets"]] == [("deck", "10.0.0.0/24")]
    assert made["provisioningState"] == "Succeeded"
    return "sea"


def names(found: list[dict[str, str]]) -> set[str]:
    return {one["name"] for one in found}


def test_a_virtual_network(cloud: CloudProcess) -> None:
    vnet = ("network", "vnet")
    made = cloud.az(*vnet, "create", "-n", "lake", *IN_GROUP, "--address-prefix", "10.8.0.0/16")
    assert made["newVNet"]["location"] == "eastus"
    shown = cloud.az(*vnet, "show", "-n", "LAKE", *IN_GROUP)
    assert (shown["name"], shown["type"]) == ("lake", "Microsoft.Network/virtualNetworks")
    assert "lake" in names(cloud.az(*vnet, "list", *IN_GROUP)) & names(cloud.az(*vnet, "list"))
    wider = ("--address-prefixes", "10.8.0.0/16", "10.9.0.0/16", "--set", "tags.depth=deep")
    changed = cloud.az(*vnet, "update", "-n", "lake", *IN_GROUP, *wider)
    assert changed["addressSpace"]["addressPrefixes"] == ["10.8.0.0/16", "10.9.0.0/16"]
    assert changed["tags"] == {"depth": "deep"}
    cloud.az(*vnet, "delete", "-n", "lake", *IN_GROUP)
    assert "ResourceNotFound" in cloud.refused(*vnet, "show", "-n", "lake", *IN_GROUP, status=3)


def test_subnets_and_one_that_is_in_use(cloud: CloudProcess, sea: str) -> None:
    subnet, where = ("network", "vnet", "subnet"), (*IN_GROUP, "--vnet-name", sea)
    made = cloud.az(*subnet, "create", "-n", "hold", *where, "--address-prefixes", "10.0.1.0/24")
    assert (made["addressPrefix"], made["provisioningState"]) == ("10.0.1.0/24", "Succeeded")
    overlap = cloud.refused(*subnet, "create", "-n", "keel", *where, "--address-prefixes", "10.0.1.128/25")
    assert "NetcfgSubnetRangesOverlap" in overlap or "NetcfgInvalidSubnet" in overlap
    outside = cloud.refused(*subnet, "create", "-n", "keel", *where, "--address-prefixes", "10.7.0.0/24")
    assert "NetcfgSubnetRangeOutsideVnet" in outside
    assert names(cloud.az(*subnet, "list", *where)) == {"deck", "hold"}
    moved = cloud.az(*subnet, "update", "-n", "hold", *where, "--address-prefixes", "10.0.2.0/24")
    assert moved["addressPrefix"] == "10.0.2.0/24"
    cloud.az("network", "nic", "create", "-n", "anchor", *IN_GROUP, "--vnet-name", sea, "--subnet", "hold")
    assert "InUseSubnetCannotBeDeleted" in cloud.refused(*subnet, "delete", "-n", "hold", *where)
    cloud.az("network", "nic", "delete", "-n", "anchor", *IN_GROUP)
    cloud.az(*subnet, "delete", "-n", "hold", *where)
    assert names(cloud.az(*subnet, "list", *where)) == {"deck"}


def test_a_security_group_and_its_rules(cloud: CloudProcess, sea: str) -> None:
    group, rule = ("network", "nsg"), ("network", "nsg", "rule")
    made = cloud.az(*group, "create", "-n", "watch", *IN_GROUP)["NewNSG"]
    assert len(made["defaultSecurityRules"]) == 6
    where = (*IN_GROUP, "--nsg-name", "watch")
    asked = ("--priority", "100", "--destination-port-ranges", "22", "--protocol", "Tcp")
    first = cloud.az(*rule, "create", "-n", "ssh", *where, *asked)
    assert (first["access"], first["direction"], first["priority"]) == ("Allow", "Inbound", 100)
    same = cloud.refused(*rule, "create", "-n", "web", *where, "--priority", "100")
    assert "SecurityRuleConflict" in same
    assert names(cloud.az(*rule, "list", *where)) == {"ssh"}
    assert len(cloud.az(*rule, "list", *where, "--include-default")) == 7
    assert cloud.az(*rule, "show", "-n", "ssh", *where)["destinationPortRange"] == "22"
    assert cloud.az(*rule, "update", "-n", "ssh", *where, "--access", "Deny")["access"] == "Deny"
    assert [one["name"] for one in cloud.az(*group, "show", "-n", "watch", *IN_GROUP)["securityRules"]] == [
        "ssh"
    ]
    deck = ("network", "vnet", "subnet", "update", "-n", "deck", *IN_GROUP, "--vnet-name", sea)
    cloud.az(*deck, "--network-security-group", "watch")
    used = cloud.refused(*group, "delete", "-n", "watch", *IN_GROUP)
    assert "InUseNetworkSecurityGroupCannotBeDeleted" in used
    cloud.az(*deck, "--remove", "networkSecurityGroup")
    assert "watch" in names(cloud.az(*group, "list", *IN_GROUP))
    cloud.az(*rule, "delete", "-n", "ssh", *where)
    assert cloud.az(*rule, "list", *where) == []
    cloud.az(*group, "delete", "-n", "watch", *IN_GROUP)
    assert "watch" not in names(cloud.az(*group, "list", *IN_GROUP))


def test_an_interface_its_configurations_and_a_public_address(cloud: CloudProcess, sea: str) -> None:
    public, nic, part = ("network", "public-ip"), ("network", "nic"), ("network", "nic", "ip-config")
    door = cloud.az(*public, "create", "-n", "door", *IN_GROUP, "--sku", "Standard")["publicIp"]
    assert (door["publicIPAllocationMethod"], door["sku"]["name"]) == ("Static", "Standard")
    assert door["ipAddress"].startswith("127.")
    place = ("--vnet-name", sea, "--subnet", "deck", "--public-ip-address", "door")
    made = cloud.az(*nic, "create", "-n", "card", *IN_GROUP, *place)["NewNIC"]
    assert made["macAddress"].startswith("00-0D-3A-")
    (first,) = made["ipConfigurations"]
    assert (first["privateIPAddress"], first["primary"]) == ("10.0.0.4", True)
    held = cloud.az(*public, "show", "-n", "door", *IN_GROUP)["ipConfiguration"]["id"]
    assert held == first["id"]
    (listed,) = [one for one in cloud.az(*public, "list", *IN_GROUP) if one["name"] == "door"]
    assert listed["ipConfiguration"]["id"] == held
    twice = cloud.refused(*nic, "create", "-n", "thief", *IN_GROUP, *place)
    assert "PublicIPAddressInUse" in twice
    used = cloud.refused(*public, "delete", "-n", "door", *IN_GROUP)
    assert "PublicIPAddressCannotBeDeleted" in used

    where = (*IN_GROUP, "--nic-name", "card")
    second = cloud.az(*part, "create", "-n", "second", *where, "--private-ip-address", "10.0.0.9")
    assert (second["privateIPAddress"], second["privateIPAllocationMethod"]) == ("10.0.0.9", "Static")
    taken = ("--vnet-name", sea, "--subnet", "deck", "--private-ip-address", "10.0.0.9")
    assert "PrivateIPAddressIsAllocated" in cloud.refused(*nic, "create", "-n", "thief", *IN_GROUP, *taken)
    assert names(cloud.az(*part, "list", *where)) == {first["name"], "second"}
    assert cloud.az(*part, "show", "-n", "second", *where)["privateIPAddress"] == "10.0.0.9"
    moved = cloud.az(*part, "update", "-n", "second", *where, "--private-ip-address", "10.0.0.10")
    assert moved["privateIPAddress"] == "10.0.0.10"
    cloud.az(*part, "delete", "-n", "second", *where)
    cloud.az(*part, "update", "-n", first["name"], *where, "--remove", "publicIPAddress")

    changed = cloud.az(*nic, "update", "-n", "card", *IN_GROUP, "--ip-forwarding", "true")
    assert (changed["enableIPForwarding"], changed["macAddress"]) == (True, made["macAddress"])
    assert names(cloud.az(*nic, "list", *IN_GROUP)) == {"card"}
    assert cloud.az(*nic, "show", "-n", "card", *IN_GROUP)["provisioningState"] == "Succeeded"
    usages = {one["name"]["value"]: one for one in cloud.az("network", "list-usages", "-l", "eastus")}
    assert int(usages["NetworkInterfaces"]["currentValue"]) == 1
    assert int(usages["VirtualNetworks"]["currentValue"]) == len(cloud.az("network", "vnet", "list"))
    cloud.az(*nic, "delete", "-n", "card", *IN_GROUP)
    cloud.az(*public, "delete", "-n", "door", *IN_GROUP)
    assert "ResourceNotFound" in cloud.refused(*public, "show", "-n", "door", *IN_GROUP, status=3)


def test_a_group_takes_its_network_along(cloud: CloudProcess) -> None:
    there = ("-g", "reef")
    cloud.az("group", "create", "-n", "reef", "-l", "eastus")
    cloud.az("network", "vnet", "create", "-n", "sound", *there, "--subnet-name", "deck")
    cloud.az("network", "nic", "create", "-n", "card", *there, "--vnet-name", "sound", "--subnet", "deck")
    cloud.az("group", "delete", "-n", "reef", "--yes")
    assert cloud.az("group", "exists", "-n", "reef") is False
    assert "sound" not in names(cloud.az("network", "vnet", "list"))
    assert cloud.az("network", "nic", "list") == []
