"""What networks, identities and vaults have besides, by Azure's own CLI: green, kept, or refused.

No guest is started. What is only kept is marked as such in `bluejacket cloud coverage`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azcli import CloudProcess
from azshell import AzShell

pytestmark = pytest.mark.integration
GROUP = "harbour"
IN_GROUP = ("-g", GROUP)
SOON = ("--interval", "1", "--timeout", "60")
DECK = ("--vnet-name", "sea", "-n", "deck", *IN_GROUP)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[AzShell]:
    state = tmp_path_factory.mktemp("cloud") / "state"
    with (
        CloudProcess(state) as cloud,
        AzShell(cloud, "network lb create", "keyvault list", "identity") as made,
    ):
        made.az("group", "create", "-n", GROUP, "-l", "eastus")
        space = ("--address-prefix", "10.0.0.0/16", "--subnet-name", "deck")
        made.az(
            "network", "vnet", "create", "-n", "sea", *IN_GROUP, *space, "--subnet-prefixes", "10.0.0.0/24"
        )
        yield made


@pytest.fixture(scope="module")
def grades(shell: AzShell) -> dict[tuple[str, str], str]:
    """How much each operation means, as `bluejacket cloud coverage` tells."""
    told = json.loads(shell.cloud.bluejacket("--json", "cloud", "coverage"))
    rows = told if isinstance(told, list) else told["operations"]
    return {(one["type"].lower(), one["operation"]): one["grade"] for one in rows}


def names(found: list[dict[str, Any]]) -> set[str]:
    return {one["name"] for one in found}


def test_an_address_changes(shell: AzShell) -> None:
    public = ("network", "public-ip")
    made = shell.az(*public, "create", "-n", "door", *IN_GROUP, "--sku", "Standard")["publicIp"]
    label = ("--dns-name", "harbour-door", "--idle-timeout", "10", "--tags", "deck=upper")
    changed = shell.az(*public, "update", "-n", "door", *IN_GROUP, *label)
    assert changed["ipAddress"] == made["ipAddress"]
    assert changed["dnsSettings"]["fqdn"].startswith("harbour-door.eastus.")
    assert (changed["idleTimeoutInMinutes"], changed["tags"]) == (10, {"deck": "upper"})
    shell.az(*public, "wait", "-n", "door", *IN_GROUP, "--updated", *SOON)
    shell.refuses(*public, "prefix", "create", "-n", "row", *IN_GROUP, "--length", "28")


def test_a_subnet_and_a_group_of_rules(shell: AzShell) -> None:
    subnet, nsg = ("network", "vnet", "subnet"), ("network", "nsg")
    shell.az(*nsg, "create", "-n", "watch", *IN_GROUP)
    shell.az(*subnet, "update", *DECK, "--nsg", "watch")
    shown = shell.az(*subnet, "show", *DECK)
    assert shown["addressPrefix"] == "10.0.0.0/24"
    assert shown["networkSecurityGroup"]["id"].endswith("/networkSecurityGroups/watch")
    assert shell.az(*nsg, "update", "-n", "watch", *IN_GROUP, "--set", "tags.a=b")["tags"] == {"a": "b"}
    (kept,) = shell.az(*nsg, "show", "-n", "watch", *IN_GROUP)["subnets"]
    assert kept["id"] == shown["id"]
    shell.az(*subnet, "wait", *DECK, "--exists", *SOON)
    assert shell.az(*subnet, "list-available-delegations", "-l", "eastus") == []
    assert shell.az(*subnet, "list-available-delegations", *IN_GROUP) == []
    assert shell.az("network", "vnet", "list-endpoint-services", "-l", "eastus") == []


def test_an_interface_without_a_machine_and_its_address(shell: AzShell) -> None:
    nic = ("network", "nic")
    place = ("--vnet-name", "sea", "--subnet", "deck", "--private-ip-address", "10.0.0.9")
    shell.az(*nic, "create", "-n", "card", *IN_GROUP, *place)
    for command in ("list-effective-nsg", "show-effective-route-table"):
        said = shell.refused(*nic, command, "-n", "card", *IN_GROUP)
        assert "NetworkInterfaceNotAttachedToVirtualMachine" in said
    check = ("network", "vnet", "check-ip-address", "-n", "sea", *IN_GROUP, "--ip-address")
    taken = shell.az(*check, "10.0.0.9")
    assert (taken["available"], "10.0.0.4" in taken["availableIPAddresses"]) == (False, True)
    assert shell.az(*check, "10.0.0.10")["available"] is True
    shell.az(*nic, "delete", "-n", "card", *IN_GROUP)


def test_networks_do_not_reach_each_other(shell: AzShell, grades: dict[tuple[str, str], str]) -> None:
    peering = ("network", "vnet", "peering")
    shell.az("network", "vnet", "create", "-n", "lake", *IN_GROUP, "--address-prefix", "10.8.0.0/16")
    named = ("-n", "canal", *IN_GROUP, "--vnet-name", "sea")
    shell.refuses(*peering, "create", *named, "--remote-vnet", "lake", "--allow-vnet-access")
    assert shell.az(*peering, "list", *IN_GROUP, "--vnet-name", "sea") == []
    shell.refused(*peering, "show", *named, status=3)
    assert grades["microsoft.network/virtualnetworks/virtualnetworkpeerings", "put"] == "refused"


def test_a_load_balancer_is_kept(shell: AzShell, grades: dict[tuple[str, str], str]) -> None:
    lb, at = ("network", "lb"), (*IN_GROUP, "--lb-name", "pilot")
    front = ("--frontend-ip-name", "front", "--backend-pool-name", "crew", "--public-ip-address", "gate")
    shell.az(*lb, "create", "-n", "pilot", *IN_GROUP, "--sku", "Standard", *front)
    shell.az(*lb, "probe", "create", "-n", "pulse", *at, "--protocol", "Tcp", "--port", "80")
    ports = ("--frontend-port", "80", "--backend-port", "8080", "--protocol", "Tcp")
    shell.az(*lb, "rule", "create", "-n", "web", *at, *ports, "--probe-name", "pulse")
    shell.az(*lb, "inbound-nat-rule", "create", "-n", "ssh", *at, "--protocol", "Tcp",
             "--frontend-port", "5000", "--backend-port", "22")  # fmt: skip
    shown = shell.az(*lb, "show", "-n", "pilot", *IN_GROUP)
    assert names(shown["loadBalancingRules"]) == {"web"}
    assert shown["loadBalancingRules"][0]["backendPort"] == 8080
    assert names(shown["inboundNatRules"]) == {"ssh"}
    assert names(shell.az(*lb, "address-pool", "list", *at)) == {"crew"}
    assert names(shell.az(*lb, "frontend-ip", "list", *at)) == {"front"}
    assert names(shell.az(*lb, "list", *IN_GROUP)) == {"pilot"}
    shell.refuses(*lb, "list-nic", "-n", "pilot", *IN_GROUP)
    shell.az(*lb, "rule", "delete", "-n", "web", *at)
    shell.az(*lb, "delete", "-n", "pilot", *IN_GROUP)
    assert shell.az(*lb, "list", *IN_GROUP) == []
    assert grades["microsoft.network/loadbalancers", "put"] == "stored"


def test_a_gateway_is_kept(shell: AzShell, grades: dict[tuple[str, str], str]) -> None:
    gateway = ("network", "nat", "gateway")
    shell.az(*gateway, "create", "-n", "strait", *IN_GROUP, "--idle-timeout", "8")
    shell.az("network", "vnet", "subnet", "update", *DECK, "--nat-gateway", "strait")
    changed = shell.az(*gateway, "update", "-n", "strait", *IN_GROUP, "--idle-timeout", "12")
    assert changed["idleTimeoutInMinutes"] == 12
    assert "InUseNatGatewayCannotBeDeleted" in shell.refused(*gateway, "delete", "-n", "strait", *IN_GROUP)
    shell.az("network", "vnet", "subnet", "update", *DECK, "--remove", "natGateway")
    assert names(shell.az(*gateway, "list", *IN_GROUP)) == {"strait"}
    shell.az(*gateway, "delete", "-n", "strait", *IN_GROUP)
    shell.refused(*gateway, "show", "-n", "strait", *IN_GROUP, status=3)
    assert grades["microsoft.network/natgateways", "put"] == "stored"


def test_an_identity_and_whom_it_trusts(shell: AzShell, grades: dict[tuple[str, str], str]) -> None:
    made = shell.az("identity", "create", "-n", "crew", *IN_GROUP)
    changed = shell.az("identity", "update", "-n", "crew", *IN_GROUP, "--tags", "watch=first")
    assert (changed["tags"], changed["principalId"]) == ({"watch": "first"}, made["principalId"])
    credential = ("identity", "federated-credential")
    named = ("--identity-name", "crew", *IN_GROUP)
    trust = ("--issuer", "https://issuer.example", "--audiences", "api://token", "--subject")
    shell.az(*credential, "create", "-n", "builds", *named, *trust, "repo:main")
    twice = shell.refused(*credential, "create", "-n", "again", *named, *trust, "repo:main")
    assert "Issuer and subject combination already exists" in twice
    shell.az(*credential, "update", "-n", "builds", *named, *trust, "repo:next")
    assert shell.az(*credential, "show", "-n", "builds", *named)["subject"] == "repo:next"
    assert names(shell.az(*credential, "list", *named)) == {"builds"}
    shell.az(*credential, "delete", "-n", "builds", *named, "--yes")
    assert shell.az(*credential, "list", *named) == []
    kind = "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials"
    assert grades[kind, "put"] == "stored"


def test_vaults_are_listed(shell: AzShell) -> None:
    shell.az("group", "create", "-n", "reef", "-l", "eastus")
    for name, group in (("cove", GROUP), ("inlet", "reef")):
        shell.az("keyvault", "create", "-n", name, "-g", group, "-l", "eastus")
    assert names(shell.az("keyvault", "list")) == {"cove", "inlet"}
    assert names(shell.az("keyvault", "list", "-g", "reef")) == {"inlet"}
    assert shell.az("keyvault", "list", "-g", GROUP)[0]["type"] == "Microsoft.KeyVault/vaults"
