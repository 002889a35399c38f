"""The real control plane, killed with SIGKILL while it makes networks, interfaces, addresses and disks."""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from azcli import CloudProcess
from bluejacket.cloud.network.programs import Programs
from killing import Client, await_ends, compare_files, traces_of
from netguests import Traces, traces

pytestmark = pytest.mark.integration
NETWORK, COMPUTE = "Microsoft.Network", "Microsoft.Compute"
TYPES = (
    f"{NETWORK}/virtualNetworks",
    f"{NETWORK}/networkInterfaces",
    f"{NETWORK}/publicIPAddresses",
    f"{COMPUTE}/disks",
)


def work(client: Client, group: str, seed: int) -> list[tuple[str, str, Any]]:
    """Give requests, in an order drawn by chance in which what needs a network comes after it."""
    root = f"/resourceGroups/{group}/providers"
    full, chance = client.root + root, random.Random(seed)
    net = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    deck = {"name": "deck", "properties": {"addressPrefix": "10.0.0.0/24"}}
    first: list[tuple[str, str, Any]] = [("PUT", f"/resourceGroups/{group}", {"location": "eastus"})]
    first.append(("PUT", f"{root}/{TYPES[0]}/v", _located({**net, "subnets": [deck]})))
    rest: list[tuple[str, str, Any]] = []
    for at in range(8):
        door = _located({"publicIPAllocationMethod": "Static"}) | {"sku": {"name": "Standard"}}
        subnet = {"id": f"{full}/{TYPES[0]}/v/subnets/deck"}
        card = _located({"ipConfigurations": [{"name": "i", "properties": {"subnet": subnet}}]})
        disk = _located({"creationData": {"createOption": "Empty"}, "diskSizeGB": 1})
        rest += [("PUT", f"{root}/{TYPES[1]}/n{at}", card), ("PUT", f"{root}/{TYPES[2]}/p{at}", door)]
        rest.append(("PUT", f"{root}/{TYPES[3]}/d{at}", disk))
        template = {
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "resources": [
                {"type": TYPES[3], "apiVersion": "2024-03-02", "name": f"t{at}", **disk},
                {"type": TYPES[2], "apiVersion": "2024-05-01", "name": f"t{at}", **door},
            ],
        }
        deployment = {"properties": {"mode": "Incremental", "template": template}}
        rest.append(("PUT", f"{root}/Microsoft.Resources/deployments/x{at}", deployment))
    chance.shuffle(rest)
    gone = [("DELETE", path, None) for _, path, _ in rest[:8] if "deployments" not in path]
    return [*first, *rest, *gone]


def _located(properties: dict[str, Any]) -> dict[str, Any]:
    return {"location": "eastus", "properties": properties}


def check(cloud: CloudProcess, client: Client) -> None:
    """Wait until every operation has ended, and compare records with each other and with the files."""
    await_ends(cloud)
    found = {name: client.list(name) for name in TYPES}
    everything = [one for every in found.values() for one in every]
    assert everything
    states = {one["id"]: one["properties"]["provisioningState"] for one in everything}
    assert set(states.values()) <= {"Succeeded", "Failed"}, states
    cards = [one["properties"]["ipConfigurations"][0]["properties"] for one in found[TYPES[1]]]
    given = [(one["subnet"]["id"], one["privateIPAddress"]) for one in cards]
    assert len(set(given)) == len(given)
    doors = [one["properties"]["ipAddress"] for one in found[TYPES[2]]]
    assert len(set(doors)) == len(doors)
    compare_files(cloud)


def kill_and_recover(state: Path, tools: Path, kills: int, seed: int) -> None:
    chance, hosts = random.Random(seed), Path("/etc/hosts").read_bytes()
    with CloudProcess(state) as cloud:
        for nth in range(kills):
            client = Client(cloud)
            requests = work(client, f"g{nth}", seed + nth)
            for one in requests[:2]:
                client.ask(*one).raise_for_status()
            with ThreadPoolExecutor(4) as pool:
                waiting = [pool.submit(client.try_ask, *one) for one in requests[2:]]
                time.sleep(chance.uniform(0.02, 1.5))
                cloud.kill()
                for one in waiting:
                    one.result()
            cloud.up()
            check(cloud, Client(cloud))
        account = json.loads((cloud.state / "cloud" / "account.json").read_text("utf-8"))
        cloud.down()
        assert traces_of(cloud) == []
        network = cloud.state / "cloud" / "network"
        assert traces(Programs(tools, state / "logs"), network) == Traces((), (), (), (), ())
        assert str(account["subscription"]) not in Path("/etc/hosts").read_text("utf-8")
    assert Path("/etc/hosts").read_bytes().count(b"\n") <= hosts.count(b"\n")


def test_killed_and_begun_again(tmp_path: Path, tools: Path) -> None:
    seed = int(time.time())
    print(f"seed {seed}")  # shown when the test fails
    kill_and_recover(tmp_path / "state", tools, 3, seed)


@pytest.mark.long
def test_killed_twenty_times(tmp_path: Path, tools: Path) -> None:
    seed = int(time.time())
    print(f"seed {seed}")  # shown when the test fails
    kill_and_recover(tmp_path / "state", tools, 20, seed)
