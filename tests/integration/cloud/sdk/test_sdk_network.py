"""Networks by azure-mgmt-network, as Microsoft's reference and FAQ have them; no machine boots.

Source: the operation groups of the Network REST API of the same names, "Virtual network FAQ" for reserved
addresses, "Network security groups" for default rules and "Virtual network traffic routing" for routes.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

from azure.mgmt.network import models

from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.store import Store
from sdkcloud import LOCATION, SdkCloud, refused

SPACE = {"addressPrefixes": ["10.0.0.0/16"]}


def subnet(name: str, prefix: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "properties": {"addressPrefix": prefix, **more}}


def make_sea(sdk: SdkCloud, group: str, *subnets: dict[str, Any]) -> models.VirtualNetwork:
    """Make the network `sea`, by default with the subnet `deck`."""
    wanted = list(subnets) or [subnet("deck", "10.0.0.0/24")]
    body = {"location": LOCATION, "properties": {"addressSpace": SPACE, "subnets": wanted}}
    return sdk.network.virtual_networks.begin_create_or_update(group, "sea", body).result()


def make_card(sdk: SdkCloud, group: str, place: str, name: str = "card", **more: Any) -> Any:
    """Make a network interface in a subnet; `more` goes into its one IP configuration."""
    part = {"name": "first", "properties": {"subnet": {"id": place}, **more}}
    body = {"location": LOCATION, "properties": {"ipConfigurations": [part]}}
    return sdk.network.network_interfaces.begin_create_or_update(group, name, body).result()


def make_door(sdk: SdkCloud, group: str, name: str = "door", **more: Any) -> models.PublicIPAddress:
    body = {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {**more}}
    body["properties"].setdefault("publicIPAllocationMethod", "Static")
    return sdk.network.public_ip_addresses.begin_create_or_update(group, name, body).result()


def rule(priority: int, **more: Any) -> dict[str, Any]:
    given = {
        "priority": priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "22",
    }
    return {"properties": given | more}


def test_a_network_and_its_subnets(sdk: SdkCloud, group: str) -> None:
    networks, subnets = sdk.network.virtual_networks, sdk.network.subnets
    sea = make_sea(sdk, group)
    assert sea.id == f"{sdk.root}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/sea"
    assert (sea.type, sea.location) == ("Microsoft.Network/virtualNetworks", LOCATION)
    assert (sea.provisioning_state, sea.address_space.address_prefixes) == ("Succeeded", ["10.0.0.0/16"])
    assert sea.etag
    (deck,) = sea.subnets
    assert (deck.id, deck.address_prefix) == (f"{sea.id}/subnets/deck", "10.0.0.0/24")
    hold = subnets.begin_create_or_update(
        group, "sea", "hold", {"properties": {"addressPrefix": "10.0.1.0/24"}}
    ).result()
    assert hold.provisioning_state == "Succeeded"
    assert [one.name for one in subnets.list(group, "sea")] == ["deck", "hold"]
    assert [one.name for one in networks.get(group, "SEA").subnets] == ["deck", "hold"]

    tagged = networks.update_tags(group, "sea", {"tags": {"depth": "deep"}})
    assert (tagged.tags, len(tagged.subnets)) == ({"depth": "deep"}, 2)
    assert [one.name for one in networks.list(group)] == ["sea"]
    assert sea.id in [one.id for one in networks.list_all()]
    (usage, _) = networks.list_usage(group, "sea")
    assert (usage.id, usage.current_value, usage.limit) == (deck.id, 0.0, 251.0)

    for prefix, code in (
        ("10.0.1.128/25", "NetcfgSubnetRangesOverlap"),
        ("10.7.0.0/24", "NetcfgSubnetRangeOutsideVnet"),
        ("10.0.2.1/24", "InvalidCIDRNotation"),
        ("ten", "InvalidAddressPrefixFormat"),
    ):
        with refused(400, code):
            subnets.begin_create_or_update(
                group, "sea", "keel", {"properties": {"addressPrefix": prefix}}
            ).result()
    with refused(404, "ParentResourceNotFound", "lake"):
        subnets.begin_create_or_update(
            group, "lake", "keel", {"properties": {"addressPrefix": "10.0.0.0/24"}}
        ).result()
    with refused(404, "ResourceNotFound"):
        list(subnets.list(group, "lake"))

    subnets.begin_delete(group, "sea", "hold").result()
    subnets.begin_delete(group, "sea", "hold").result()
    with refused(404, "ResourceNotFound"):
        subnets.get(group, "sea", "hold")
    networks.begin_delete(group, "sea").result()
    with refused(404, "ResourceNotFound", "virtualNetworks/sea"):
        networks.get(group, "sea")


def test_an_address_is_free_or_others_are_offered(sdk: SdkCloud, group: str) -> None:
    """Azure reserves five addresses of each subnet, and offers others for one that is taken."""
    sea = make_sea(sdk, group)
    card = make_card(sdk, group, sea.subnets[0].id)
    assert card.ip_configurations[0].private_ip_address == "10.0.0.4"

    def check(address: str) -> models.IPAddressAvailabilityResult:
        return sdk.network.virtual_networks.check_ip_address_availability(group, "sea", ip_address=address)

    free = check("10.0.0.5")
    assert (free.available, free.is_platform_reserved) == (True, False)
    taken = check("10.0.0.4")
    assert (taken.available, taken.is_platform_reserved) == (False, False)
    assert taken.available_ip_addresses == [f"10.0.0.{number}" for number in range(5, 10)]
    for reserved in ("10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.255"):
        assert (check(reserved).available, check(reserved).is_platform_reserved) == (False, True)
    with refused(400, "PrivateIPAddressNotInAnySubnet"):
        check("10.9.0.4")
    with refused(400, "InvalidIPAddressFormat"):
        check("ten")


def test_a_security_group_and_its_rules(sdk: SdkCloud, group: str) -> None:
    groups, rules = sdk.network.network_security_groups, sdk.network.security_rules
    made = groups.begin_create_or_update(
        group,
        "watch",
        {"location": LOCATION, "properties": {"securityRules": [{"name": "ssh", **rule(100)}]}},
    ).result()
    assert [(one.name, one.priority, one.access) for one in made.default_security_rules] == [
        ("AllowVnetInBound", 65000, "Allow"),
        ("AllowAzureLoadBalancerInBound", 65001, "Allow"),
        ("DenyAllInBound", 65500, "Deny"),
        ("AllowVnetOutBound", 65000, "Allow"),
        ("AllowInternetOutBound", 65001, "Allow"),
        ("DenyAllOutBound", 65500, "Deny"),
    ]
    assert [one.name for one in sdk.network.default_security_rules.list(group, "watch")] == [
        one.name for one in made.default_security_rules
    ]
    assert sdk.network.default_security_rules.get(group, "watch", "DenyAllInBound").access == "Deny"
    web = rules.begin_create_or_update(
        group, "watch", "web", rule(110, destinationPortRange=None, destinationPortRanges=["80", "443"])
    ).result()
    assert (web.destination_port_ranges, web.provisioning_state) == (["80", "443"], "Succeeded")
    assert web.id == f"{made.id}/securityRules/web"
    assert [one.name for one in rules.list(group, "watch")] == ["ssh", "web"]
    assert [one.name for one in groups.get(group, "watch").security_rules] == ["ssh", "web"]
    rules.begin_create_or_update(group, "watch", "out", rule(100, direction="Outbound")).result()
    with refused(400, "SecurityRuleConflict", "ssh"):
        rules.begin_create_or_update(group, "watch", "again", rule(100)).result()
    for priority, given, code in (
        (99, {}, "SecurityRuleInvalidPriority"),
        (120, {"destinationPortRange": "70000"}, "SecurityRuleInvalidPortRange"),
        (120, {"sourceAddressPrefix": "Narnia"}, "SecurityRuleInvalidAddressPrefix"),
    ):
        with refused(400, code):
            rules.begin_create_or_update(group, "watch", "x", rule(priority, **given)).result()
    # Other than properties, the tags of a PATCH are not merged with what there is.
    assert groups.update_tags(group, "watch", {"tags": {"a": "1"}}).tags == {"a": "1"}
    assert groups.update_tags(group, "watch", {"tags": {"b": "2"}}).tags == {"b": "2"}
    assert len(groups.get(group, "watch").security_rules) == 3
    rules.begin_delete(group, "watch", "web").result()
    with refused(404, "ResourceNotFound"):
        rules.get(group, "watch", "web")

    sea = make_sea(sdk, group, subnet("deck", "10.0.0.0/24", networkSecurityGroup={"id": made.id}))
    assert [one.id for one in groups.get(group, "watch").subnets] == [sea.subnets[0].id]
    with refused(400, "InUseNetworkSecurityGroupCannotBeDeleted", "deck"):
        groups.begin_delete(group, "watch").result()
    sdk.network.virtual_networks.begin_delete(group, "sea").result()
    groups.begin_delete(group, "watch").result()
    assert list(groups.list(group)) == []


def test_interfaces_and_public_addresses(sdk: SdkCloud, group: str) -> None:
    cards, doors = sdk.network.network_interfaces, sdk.network.public_ip_addresses
    sea, door = make_sea(sdk, group), make_door(sdk, group, dnsSettings={"domainNameLabel": "lighthouse"})
    assert (door.sku.name, door.public_ip_allocation_method) == ("Standard", "Static")
    assert (door.ip_address.split(".")[0], door.idle_timeout_in_minutes) == ("127", 4)
    assert door.dns_settings.fqdn == f"lighthouse.{LOCATION}.cloudapp.azure.com"
    available = sdk.network.check_dns_name_availability
    assert available(LOCATION, domain_name_label="lighthouse").available is False
    assert available(LOCATION, domain_name_label="lantern").available is True

    place = sea.subnets[0].id
    card = make_card(sdk, group, place, publicIPAddress={"id": door.id})
    (part,) = card.ip_configurations
    assert (part.private_ip_address, part.private_ip_allocation_method) == ("10.0.0.4", "Dynamic")
    assert (part.primary, part.private_ip_address_version) == (True, "IPv4")
    assert card.mac_address.count("-") == 5
    assert (card.enable_ip_forwarding, card.virtual_machine) == (False, None)
    assert doors.get(group, "door").ip_configuration.id == part.id
    assert [one.id for one in sdk.network.subnets.get(group, "sea", "deck").ip_configurations] == [part.id]

    with refused(400, "PublicIPAddressCannotBeDeleted", "first"):
        doors.begin_delete(group, "door").result()
    with refused(400, "InUseSubnetCannotBeDeleted", "card"):
        sdk.network.subnets.begin_delete(group, "sea", "deck").result()
    with refused(400, "InUseSubnetCannotBeDeleted"):
        sdk.network.virtual_networks.begin_delete(group, "sea").result()
    with refused(400, "PublicIPAddressInUse"):
        make_card(sdk, group, place, "thief", publicIPAddress={"id": door.id})
    fixed = {"privateIPAllocationMethod": "Static"}
    for address, code in (
        ("10.0.0.4", "PrivateIPAddressIsAllocated"),
        ("10.0.0.1", "PrivateIPAddressInReservedRange"),
        ("10.0.7.4", "PrivateIPAddressNotInSubnet"),
    ):
        with refused(400, code):
            make_card(sdk, group, place, "thief", privateIPAddress=address, **fixed)
    with refused(400, "InvalidResourceReference", "none"):
        make_card(sdk, group, place.replace("/deck", "/none"), "thief")
    with refused(400, "DnsRecordInUse"):
        make_door(sdk, group, "twin", dnsSettings={"domainNameLabel": "lighthouse"})
    with refused(400, "StandardSkuPublicIPAddressesMustBeStatic"):
        make_door(sdk, group, "twin", publicIPAllocationMethod="Dynamic")
    assert [one.name for one in cards.list(group)] == ["card"]
    assert [one.name for one in doors.list(group)] == ["door"]

    parts = sdk.network.network_interface_ip_configurations
    assert [one.id for one in parts.list(group, "card")] == [part.id]
    assert parts.get(group, "card", "FIRST").private_ip_address == "10.0.0.4"
    with refused(404, "ResourceNotFound", "second"):
        parts.get(group, "card", "second")

    # A document that a client has read can be changed and sent back.
    card.ip_configurations[0].public_ip_address = None
    card.tags = {"a": "1"}
    card.enable_ip_forwarding = True
    changed = cards.begin_create_or_update(group, "card", card).result()
    assert (changed.tags, changed.enable_ip_forwarding) == ({"a": "1"}, True)
    assert changed.mac_address == card.mac_address
    assert changed.ip_configurations[0].private_ip_address == "10.0.0.4"
    assert doors.get(group, "door").ip_configuration is None
    for gone in (cards.begin_delete(group, "card"), doors.begin_delete(group, "door")):
        gone.result()
    assert available(LOCATION, domain_name_label="lighthouse").available is True
    usages = {one.name.value: one for one in sdk.network.usages.list(LOCATION)}
    assert usages["NetworkInterfaces"].current_value == len(list(cards.list_all()))


def test_what_is_in_effect_for_an_interface(sdk: SdkCloud, group: str) -> None:
    """Both groups' rules with the default ones, and the system routes; only of an interface in use.

    The machine is a record alone, beside the running cloud: the rules of one that boots are tested in guests.
    """
    watch = sdk.network.network_security_groups.begin_create_or_update(
        group,
        "watch",
        {"location": LOCATION, "properties": {"securityRules": [{"name": "ssh", **rule(100)}]}},
    ).result()
    sea = make_sea(sdk, group, subnet("deck", "10.0.0.0/24", networkSecurityGroup={"id": watch.id}))
    card, cards = make_card(sdk, group, sea.subnets[0].id), sdk.network.network_interfaces
    with refused(400, "NetworkInterfaceNotAttachedToVirtualMachine"):
        cards.begin_list_effective_network_security_groups(group, "card").result()
    with refused(400, "NetworkInterfaceNotAttachedToVirtualMachine"):
        cards.begin_get_effective_route_table(group, "card").result()
    vm = f"{sdk.root}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/dory"
    with closing(Store.at(sdk.cloud.state / "cloud" / "cloud.sqlite")) as store:
        store.change(ResourceId.parse(card.id), lambda one: one.properties.update(virtualMachine={"id": vm}))

    (found,) = cards.begin_list_effective_network_security_groups(group, "card").result().value
    assert found.network_security_group.id == watch.id
    assert found.association.subnet.id == sea.subnets[0].id
    rules = {one.name.rpartition("/")[2]: one for one in found.effective_security_rules}
    assert len(rules) == 7
    assert (rules["ssh"].destination_port_range, rules["ssh"].priority) == ("22-22", 100)
    assert rules["AllowVnetInBound"].expanded_source_address_prefix == ["10.0.0.0/16", "168.63.129.16/32"]
    assert (rules["DenyAllInBound"].access, rules["DenyAllInBound"].protocol) == ("Deny", "All")

    routes = cards.begin_get_effective_route_table(group, "card").result().value
    hops = {prefix: one.next_hop_type for one in routes for prefix in one.address_prefix}
    assert (hops["10.0.0.0/16"], hops["10.0.0.0/8"], hops["192.168.0.0/16"]) == ("VnetLocal", "None", "None")
    assert {(one.source, one.state) for one in routes} == {("Default", "Active")}
    with refused(400, "NicInUse", "dory"):
        cards.begin_delete(group, "card").result()
    with closing(Store.at(sdk.cloud.state / "cloud" / "cloud.sqlite")) as store:
        store.change(ResourceId.parse(card.id), lambda one: one.properties.pop("virtualMachine"))
    cards.begin_delete(group, "card").result()


def test_what_is_kept_for_others(sdk: SdkCloud, group: str) -> None:
    """Route tables, load balancers and application groups are given back as they were sent."""
    tables = sdk.network.route_tables
    away = {"name": "away", "properties": {"addressPrefix": "10.9.0.0/16", "nextHopType": "None"}}
    table = tables.begin_create_or_update(
        group, "table", {"location": LOCATION, "properties": {"routes": [away]}}
    ).result()
    assert [(one.name, one.next_hop_type) for one in table.routes] == [("away", "None")]
    assert sdk.network.routes.get(group, "table", "away").address_prefix == "10.9.0.0/16"
    make_sea(sdk, group, subnet("deck", "10.0.0.0/24", routeTable={"id": table.id}))
    with refused(400, "InUseRouteTableCannotBeDeleted", "deck"):
        tables.begin_delete(group, "table").result()

    crew = sdk.network.application_security_groups.begin_create_or_update(
        group, "crew", {"location": LOCATION}
    ).result()
    sea = sdk.network.virtual_networks.get(group, "sea")
    make_card(sdk, group, sea.subnets[0].id, applicationSecurityGroups=[{"id": crew.id}])
    with refused(400, "InUseApplicationSecurityGroupCannotBeDeleted"):
        sdk.network.application_security_groups.begin_delete(group, "crew").result()
    sdk.network.network_interfaces.begin_delete(group, "card").result()
    sdk.network.application_security_groups.begin_delete(group, "crew").result()

    front = {"name": "front", "properties": {"publicIPAddress": {"id": make_door(sdk, group).id}}}
    pool = {"name": "pool"}
    balancer = sdk.network.load_balancers.begin_create_or_update(
        group,
        "scale",
        {
            "location": LOCATION,
            "sku": {"name": "Standard"},
            "properties": {"frontendIPConfigurations": [front], "backendAddressPools": [pool]},
        },
    ).result()
    assert [one.name for one in balancer.frontend_ip_configurations] == ["front"]
    fronts = sdk.network.load_balancer_frontend_ip_configurations
    assert [one.name for one in fronts.list(group, "scale")] == ["front"]
    assert list(sdk.network.load_balancer_probes.list(group, "scale")) == []
    pools = sdk.network.load_balancer_backend_address_pools
    assert [one.name for one in pools.list(group, "scale")] == ["pool"]
    held = sdk.network.public_ip_addresses.get(group, "door").ip_configuration
    assert held.id == balancer.frontend_ip_configurations[0].id
    with refused(409, "OperationNotAllowed", "never forwarded"):
        sdk.network.virtual_network_peerings.begin_create_or_update(
            group, "sea", "strait", {"properties": {"remoteVirtualNetwork": {"id": sea.id}}}
        ).result()
