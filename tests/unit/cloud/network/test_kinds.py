"""Networks as clients see them: defaults, refusals in Azure's words, back references, parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.kind import Call, Job
from netrecords import Records, ref, rid, rule
from recordcloud import OWNER


@pytest.fixture
def cloud(tmp_path: Path) -> Records:
    found = Records(tmp_path / "cloud")
    found.vnet(deck="10.0.0.0/24", hold="10.0.1.0/29")
    return found


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(CloudError) as caught:
        work()
    return caught.value.code


def address(cloud: Records, nic: str) -> str:
    found = cloud.show(f"networkInterfaces/{nic}")
    return str(found["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"])


def test_addresses_are_given_in_order_and_freed(cloud: Records) -> None:
    for name in ("a", "b", "c"):
        cloud.nic(name)
    assert [address(cloud, name) for name in ("a", "b", "c")] == ["10.0.0.4", "10.0.0.5", "10.0.0.6"]
    cloud.drop("networkInterfaces/b")
    cloud.nic("d")
    assert address(cloud, "d") == "10.0.0.5"
    cloud.nic("a")  # written again
    assert address(cloud, "a") == "10.0.0.4"


def test_a_subnet_of_eight_has_room_for_three(cloud: Records) -> None:
    for name in ("a", "b", "c"):
        cloud.nic(name, "sea/subnets/hold")
    assert refused(lambda: cloud.nic("d", "sea/subnets/hold")) == "SubnetIsFull"


def test_static_addresses(cloud: Records) -> None:
    cloud.nic("a", address="10.0.0.10")
    assert address(cloud, "a") == "10.0.0.10"
    assert refused(lambda: cloud.nic("b", address="10.0.0.10")) == "PrivateIPAddressIsAllocated"
    assert refused(lambda: cloud.nic("b", address="10.0.0.1")) == "PrivateIPAddressInReservedRange"
    assert refused(lambda: cloud.nic("b", address="10.9.0.9")) == "PrivateIPAddressNotInSubnet"
    assert refused(lambda: cloud.nic("b", address="ten")) == "InvalidIPAddressFormat"


def test_macs_are_microsofts_and_differ(cloud: Records) -> None:
    macs = [str(cloud.nic(name).properties["macAddress"]) for name in ("a", "b")]
    assert all(mac.startswith("00-0D-3A-") and len(mac) == 17 for mac in macs)
    assert macs[0] != macs[1]
    assert cloud.nic("a").properties["macAddress"] == macs[0]


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        ("10.0.0.128/25", "NetcfgSubnetRangesOverlap"),
        ("10.1.0.0/24", "NetcfgSubnetRangeOutsideVnet"),
        ("10.0.2.0/30", "SubnetPrefixTooSmall"),
        ("10.0.2.1/24", "InvalidCIDRNotation"),
    ],
)
def test_subnets_that_cannot_be_whichever_way_they_are_written(
    cloud: Records, prefix: str, code: str
) -> None:
    part = {"addressPrefix": prefix}
    assert refused(lambda: cloud.send("virtualNetworks/sea/subnets/new", part)) == code
    with_new = {"deck": "10.0.0.0/24", "hold": "10.0.1.0/29", "new": prefix}
    assert refused(lambda: cloud.vnet(**with_new)) == code
    assert len(cloud.show("virtualNetworks/sea")["properties"]["subnets"]) == 2


def test_part_and_whole_are_the_same(cloud: Records) -> None:
    cloud.send("virtualNetworks/sea/subnets/new", {"addressPrefix": "10.0.2.0/24"})
    names = [one["name"] for one in cloud.show("virtualNetworks/sea")["properties"]["subnets"]]
    assert names == ["deck", "hold", "new"]
    cloud.patch(rid("virtualNetworks/sea"), {"tags": {"Name": "x"}})
    found = cloud.show("virtualNetworks/sea")
    assert [one["name"] for one in found["properties"]["subnets"]] == names
    assert found["tags"] == {"Name": "x"}
    cloud.vnet(deck="10.0.0.0/24")
    assert cloud.resources.get(rid("virtualNetworks/sea/subnets/new")) is None
    again = cloud.show("virtualNetworks/sea")
    cloud.put(rid("virtualNetworks/sea"), again)  # a client's GET and PUT changes nothing
    left = cloud.show("virtualNetworks/sea")
    assert left["properties"] == again["properties"]
    cloud.drop("virtualNetworks/sea/subnets/deck")
    assert cloud.show("virtualNetworks/sea")["properties"]["subnets"] == []


def test_what_is_in_use_stays(cloud: Records) -> None:
    cloud.group("watch")
    cloud.public("door")
    cloud.nic("a", public="door", group="watch", machine="helm")
    for name, code in (
        ("virtualNetworks/sea", "InUseSubnetCannotBeDeleted"),
        ("virtualNetworks/sea/subnets/deck", "InUseSubnetCannotBeDeleted"),
        ("networkSecurityGroups/watch", "InUseNetworkSecurityGroupCannotBeDeleted"),
        ("publicIPAddresses/door", "PublicIPAddressCannotBeDeleted"),
        ("networkInterfaces/a", "NicInUse"),
    ):
        assert refused(lambda name=name: cloud.drop(name)) == code  # type: ignore[misc]
    assert refused(lambda: cloud.vnet(hold="10.0.1.0/29")) == "InUseSubnetCannotBeDeleted"
    moved = {"addressPrefix": "10.0.4.0/24"}
    assert (
        refused(lambda: cloud.send("virtualNetworks/sea/subnets/deck", moved)) == "InUsePrefixCannotBeDeleted"
    )
    cloud.resources.change(rid("networkInterfaces/a"), lambda one: one.properties.pop("virtualMachine"))
    for name in (
        *("networkInterfaces/a", "publicIPAddresses/door", "networkSecurityGroups/watch"),
        "virtualNetworks/sea",
    ):
        cloud.drop(name)
        assert cloud.resources.get(rid(name)) is None


def test_back_references(cloud: Records) -> None:
    cloud.group("watch")
    cloud.public("door", dnsSettings={"domainNameLabel": "harbour"})
    nic = cloud.nic("a", public="door", group="watch", machine="helm")
    part = nic.id.text + "/ipConfigurations/main"
    door = cloud.show("publicIPAddresses/door")["properties"]
    assert door["ipConfiguration"] == {"id": part}
    assert door["ipAddress"].startswith("127.")
    assert door["dnsSettings"]["fqdn"] == "harbour.eastus.cloudapp.azure.com"
    watch = cloud.show("networkSecurityGroups/watch")["properties"]
    assert watch["networkInterfaces"] == [{"id": nic.id.text}]
    assert len(watch["defaultSecurityRules"]) == 6
    deck = cloud.show("virtualNetworks/sea/subnets/deck")["properties"]
    assert deck["ipConfigurations"] == [{"id": part}]
    again = cloud.put(nic.id, cloud.show("networkInterfaces/a"))
    assert again.properties["virtualMachine"]["id"].endswith("/helm")


def test_a_public_address_leads_to_one_place(cloud: Records) -> None:
    cloud.public("door")
    cloud.nic("a", public="door")
    assert refused(lambda: cloud.nic("b", public="door")) == "PublicIPAddressInUse"
    assert refused(lambda: cloud.nic("b", public="gate")) == "InvalidResourceReference"
    first, second = (cloud.public(name).properties["ipAddress"] for name in ("door", "quay"))
    assert first != second


def test_a_dynamic_public_address_comes_with_its_user(cloud: Records) -> None:
    found = cloud.send("publicIPAddresses/door", {}, sku={"name": "Basic"})
    assert "ipAddress" not in found.properties
    cloud.nic("a", public="door")
    assert cloud.show("publicIPAddresses/door")["properties"]["ipAddress"].startswith("127.")


def test_labels_are_taken_once(cloud: Records) -> None:
    label = {"domainNameLabel": "harbour"}
    cloud.public("door", dnsSettings=label)
    assert refused(lambda: cloud.public("gate", dnsSettings=label)) == "DnsRecordInUse"
    assert (
        refused(lambda: cloud.public("gate", dnsSettings={"domainNameLabel": "-x"}))
        == "InvalidDomainNameLabel"
    )


def test_rules_of_one_priority_and_direction_conflict(cloud: Records) -> None:
    cloud.group("watch", ssh=rule(100), out=rule(100, direction="Outbound"))
    other = "networkSecurityGroups/watch/securityRules/web"
    assert refused(lambda: cloud.send(other, rule(100))) == "SecurityRuleConflict"
    assert refused(lambda: cloud.group("watch", a=rule(200), b=rule(200))) == "SecurityRuleConflict"
    cloud.send(other, rule(110))
    names = [one["name"] for one in cloud.show("networkSecurityGroups/watch")["properties"]["securityRules"]]
    assert sorted(names) == ["out", "ssh", "web"]
    cloud.patch(rid("networkSecurityGroups/watch"), {"tags": {"a": "b"}})
    assert len(cloud.show("networkSecurityGroups/watch")["properties"]["securityRules"]) == 3
    cloud.group("watch")  # a PUT without rules has none
    assert cloud.show("networkSecurityGroups/watch")["properties"]["securityRules"] == []


def test_older_spellings_are_understood(cloud: Records) -> None:
    cloud.public("door")
    part = {
        "subnet": ref("virtualNetworks/sea/subnets/deck"),
        "publicIpAddress": ref("publicIPAddresses/door"),
    }
    properties = {"ipConfigurations": [{"name": "x", "properties": part}]}
    found = cloud.send("networkInterfaces/a", properties | {"enableAcceleratedNetworking": "true"})
    inside = found.properties["ipConfigurations"][0]["properties"]
    assert inside["publicIPAddress"] == ref("publicIPAddresses/door")
    assert inside["primary"] is True
    assert found.properties["enableAcceleratedNetworking"] is True


def test_free_addresses_are_offered(cloud: Records) -> None:
    cloud.nic("a")
    vnet = cloud.resources.need(rid("virtualNetworks/sea"))

    def ask(address: str) -> dict[str, Any]:
        kind = cloud.kinds.need(vnet.id)
        call = Call(vnet.id, OWNER, query={"ipaddress": address})
        payload = kind.act(cloud, call, vnet, "checkipaddressavailability")
        job = Job("1", "checkipaddressavailability", vnet.id, OWNER, payload)
        found = kind.work(cloud, job, vnet)
        assert isinstance(found, dict)
        return found

    assert ask("10.0.0.9")["available"] is True
    taken = ask("10.0.0.4")
    assert (taken["available"], taken["availableIPAddresses"][0]) == (False, "10.0.0.5")
    assert ask("10.0.0.1")["isPlatformReserved"] is True


def test_effective_rules_and_routes(cloud: Records) -> None:
    cloud.group("watch", ssh=rule(100, protocol="Tcp", destinationPortRange="22"))
    nic = cloud.nic("a", group="watch")
    assert (
        refused(lambda: cloud.action(nic.id, "effectivenetworksecuritygroups", {}))
        == "NetworkInterfaceNotAttachedToVirtualMachine"
    )
    cloud.nic("a", group="watch", machine="helm")
    (group,) = cloud.action(nic.id, "effectivenetworksecuritygroups", {})["value"]
    rules = {one["name"]: one for one in group["effectiveSecurityRules"]}
    assert rules["securityRules/ssh"]["destinationPortRanges"] == ["22-22"]
    vnet_rule = rules["defaultSecurityRules/AllowVnetInBound"]
    assert vnet_rule["expandedSourceAddressPrefix"] == ["10.0.0.0/16", "168.63.129.16/32"]
    routes = cloud.action(nic.id, "effectiveroutetable", {})["value"]
    hops = {one["addressPrefix"][0]: one["nextHopType"] for one in routes}
    assert (hops["10.0.0.0/16"], hops["0.0.0.0/0"]) == ("VnetLocal", "None")


def test_load_balancers_are_kept_with_their_parts(cloud: Records) -> None:
    properties = {"backendAddressPools": [{"name": "pool"}], "probes": [{"name": "p", "properties": {}}]}
    found = cloud.send("loadBalancers/lb", properties)
    shown = cloud.show("loadBalancers/lb")["properties"]
    assert shown["backendAddressPools"][0]["id"] == found.id.child("backendAddressPools", "pool").text
    cloud.send("loadBalancers/lb/inboundNatRules/ssh", {"frontendPort": 50000})
    assert cloud.show("loadBalancers/lb")["properties"]["inboundNatRules"][0]["name"] == "ssh"
