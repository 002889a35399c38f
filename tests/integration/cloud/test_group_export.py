"""`az group export`: what a group has becomes a template that makes it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azcli import CloudProcess
from azshell import AzShell

pytestmark = pytest.mark.integration
IN = ("-g", "cargo")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[AzShell]:
    state = tmp_path_factory.mktemp("cloud") / "state"
    with CloudProcess(state) as cloud, AzShell(cloud, "group", "network", "deployment group") as made:
        made.az("group", "create", "-n", "cargo", "-l", "eastus")
        made.az("network", "nsg", "create", *IN, "-n", "watch")
        rule = ("--priority", "1000", "--destination-port-ranges", "22", "--access", "Allow")
        made.az("network", "nsg", "rule", "create", *IN, "--nsg-name", "watch", "-n", "ssh", *rule)
        subnet = ("--subnet-name", "quay", "--subnet-prefixes", "10.4.1.0/24")
        made.az("network", "vnet", "create", *IN, "-n", "sea", "--address-prefixes", "10.4.0.0/16", *subnet)
        made.az("network", "public-ip", "create", *IN, "-n", "door", "--sku", "Standard")
        nic = ("--vnet-name", "sea", "--subnet", "quay", "--public-ip-address", "door")
        made.az("network", "nic", "create", *IN, "-n", "card", *nic, "--network-security-group", "watch")
        made.az("disk", "create", *IN, "-n", "hold", "--size-gb", "1")
        made.az("identity", "create", *IN, "-n", "bosun")
        made.az("keyvault", "create", *IN, "-n", "cove-x", "-l", "eastus")
        yield made


def types(template: Any) -> set[str]:
    return {one["type"].rpartition("/")[2] for one in template["resources"]}


def test_the_same_group_does_not_change_by_it(shell: AzShell, tmp_path: Path) -> None:
    found = shell.az("group", "export", "-n", "cargo", "--include-parameter-default-value")
    wanted = {"networkSecurityGroups", "virtualNetworks", "publicIPAddresses", "networkInterfaces", "disks"}
    assert wanted | {"userAssignedIdentities", "vaults", "securityRules", "subnets"} <= types(found)
    file = tmp_path / "cargo.json"
    file.write_text(json.dumps(found))
    words = (*IN, "--template-file", file)
    changes = shell.az("deployment", "group", "what-if", *words, "--no-pretty-print")["changes"]
    assert {one["changeType"] for one in changes} <= {"NoChange", "Ignore"}, changes
    card = shell.az("network", "nic", "show", *IN, "-n", "card")
    done = shell.az("deployment", "group", "create", *words)
    assert done["properties"]["provisioningState"] == "Succeeded"
    again = shell.az("network", "nic", "show", *IN, "-n", "card")
    assert again | {"etag": ""} == card | {"etag": ""}


def test_another_group_becomes_the_same_by_it(shell: AzShell, tmp_path: Path) -> None:
    shell.az("group", "create", "-n", "copy", "-l", "eastus")
    nics = [one["id"] for one in shell.az("resource", "list", *IN) if "/virtualNetworks/" in one["id"]]
    nsg = shell.az("network", "nsg", "show", *IN, "-n", "watch")["id"]
    rule = f"{nsg}/securityRules/ssh"
    found = shell.az("group", "export", "-n", "cargo", "--resource-ids", nsg, rule, *nics)
    file = tmp_path / "copy.json"
    file.write_text(json.dumps(found))
    given = json.dumps({name: {"value": f"other-{at}"} for at, name in enumerate(found["parameters"])})
    shell.az("deployment", "group", "create", "-g", "copy", "--template-file", file, "--parameters", given)
    (made,) = shell.az("network", "nsg", "list", "-g", "copy")
    assert [one["name"] for one in made["securityRules"]] == ["ssh"]
