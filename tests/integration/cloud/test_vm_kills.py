"""The control plane, killed again and again while machines are made, stopped, started and deleted."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from azcli import CloudProcess
from azmachine import URN
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.store import Store
from bluejacket.cloud.network.plan import short
from bluejacket.cloud.network.programs import NAMESPACES, Programs
from bluejacket.cloud.network.slot import remembered
from fleet import ABSENT, DEALLOCATED, NIC, RUNNING, STOPPED, VM, VNET, Berth
from killing import Client, await_ends, compare_files, failures, machines_of, traces_of
from longrun import LongRun
from netguests import Traces, traces

pytestmark = [pytest.mark.integration, pytest.mark.boot]
LIMITS = {"power_down_s": 1.5, "memory_mib": 256, "cpus": 1}
LONGEST_S = 5  # about as long as the slowest course takes


class Fleet:
    """Three machines of one cloud."""

    def __init__(self, cloud: CloudProcess, tools: Path, seed: int) -> None:
        self.cloud, self.chance = cloud, random.Random(seed)
        self.folder = cloud.state / "cloud"
        self.programs = Programs(tools, cloud.state / "logs")
        self.berths = [Berth("fleet", 0, extra="chart"), Berth("fleet", 1), Berth("fleet", 2)]
        client = Client(cloud)
        client.ask("PUT", "/resourceGroups/fleet", {"location": "eastus"}).raise_for_status()
        publisher, offer, sku, version = URN.split(":")
        plan = f"Publishers/{publisher}/ArtifactTypes/VMImage/Offers/{offer}/Skus/{sku}/Versions/{version}"
        place = f"{client.root}/providers/Microsoft.Compute/locations/eastus/{plan}"
        image = {"createOption": "FromImage", "imageReference": {"id": place}}
        for request in (
            self.berths[0].disk("chart", image),
            *(one.disk(one.system, {"createOption": "Empty"}) for one in self.berths),
        ):
            client.ask(*request).raise_for_status()
        await_ends(cloud)
        self.images = sorted(one.name for one in (self.folder / "images").iterdir())
        self.judge([one.sail(client, course) for one, course in zip(self.berths, FIRST, strict=True)])

    def storm(self) -> None:
        """Ask something of every machine, kill the control plane meanwhile, and judge what is left."""
        client, process = Client(self.cloud), int(self.cloud.status()["process"])
        courses = [one.draw(self.chance) for one in self.berths]
        wait_s = self.chance.uniform(0.02, LONGEST_S)
        print(
            [(one.state, course) for one, course in zip(self.berths, courses, strict=True)], f"{wait_s:.2f} s"
        )
        with ThreadPoolExecutor(len(self.berths)) as pool:
            sailing = [
                pool.submit(one.sail, client, course)
                for one, course in zip(self.berths, courses, strict=True)
            ]
            time.sleep(wait_s)
            os.kill(process, signal.SIGKILL)
            possible = [one.result() for one in sailing]
        self.cloud.up()
        self.judge(possible)

    def judge(self, possible: list[set[str]]) -> None:
        """Wait until all has ended, and compare records, processes, namespaces and files with one another."""
        await_ends(self.cloud)
        # A write whose record was not there yet when the cloud died is the one thing that cannot be finished.
        assert [one for one in failures(self.cloud) if one["error"]["code"] != "OperationPreempted"] == [], (
            self.cloud.log
        )
        client = Client(self.cloud)
        machines = {one["name"]: one for one in client.list(VM)}
        for berth, states in zip(self.berths, possible, strict=True):
            berth.state = self.state_of(client, berth, machines)
            berth.ready &= berth.state == ABSENT
            assert berth.state in states, (berth, states)
        assert {one["properties"]["provisioningState"] for one in machines.values()} <= {"Succeeded"}
        running = [machines[one.name] for one in self.berths if one.state == RUNNING]
        assert machines_of(self.cloud) == sorted(one["properties"]["vmId"] for one in running)
        folders = {one.name for one in (self.folder / "machines").iterdir() if one.is_dir()}
        assert folders == {one["properties"]["vmId"] for one in machines.values()}
        self.compare_parts(client, machines)
        self.compare_networks(client, machines)
        compare_files(self.cloud)
        assert sorted(one.name for one in (self.folder / "images").iterdir()) == self.images

    def state_of(self, client: Client, berth: Berth, machines: dict[str, Any]) -> str:
        if berth.name not in machines:
            return ABSENT
        view = client.ask("GET", f"{berth.path(VM, berth.name)}/instanceView").raise_for_status().json()
        (power,) = [one["code"] for one in view["statuses"] if one["code"].startswith("PowerState/")]
        return str(power).removeprefix("PowerState/")

    def compare_parts(self, client: Client, machines: dict[str, Any]) -> None:
        """Whatever a machine has is its own, and has gone with it."""
        for berth in self.berths:
            vm = machines.get(berth.name)
            there = {kind: {one["name"]: one for one in client.list(kind)} for kind in berth.parts}
            disks = there["Microsoft.Compute/disks"]
            users = {name: disks[name].get("managedBy") for name in (berth.system, berth.extra) if name}
            assert set(users.values()) == {vm and vm["id"]}, users
            found = {kind: there[kind].get(name) for kind, name in berth.parts.items()}
            if vm:
                assert all(found.values()), found
                assert found[NIC]["properties"]["virtualMachine"]["id"] == vm["id"]
            elif not berth.ready:
                assert not any(found.values()), found

    def compare_networks(self, client: Client, machines: dict[str, Any]) -> None:
        """A network has a namespace from its first guest on, with a name server and its guests' taps."""
        store = Store.at(self.folder / "cloud.sqlite")
        numbers = {one.id.name: int(one.hidden["number"]) for one in store.list(type_name=VNET)}
        store.close()
        slot = remembered(self.folder / "network")
        assert slot is not None
        names = {network: slot.namespace(number) for network, number in numbers.items()}
        there = traces(self.programs, self.folder / "network")
        assert set(there.namespaces) <= set(names.values())
        assert {slot.link(slot.network(one)) for one in there.namespaces} == set(there.links)
        for berth in self.berths:
            taps = set[str]()
            if berth.state in (RUNNING, STOPPED):
                nic = ResourceId.parse(client.root + berth.path(NIC, berth.parts[NIC]))
                taps = {short(nic, "t")}
                assert names[f"sea{berth.number}"] in there.namespaces
            name = names.get(f"sea{berth.number}", "")
            if name in there.namespaces:
                links = self.programs.ask("link", "show", namespace=name)
                assert {one["ifname"] for one in links if one["ifname"].startswith("t")} == taps, berth
                assert len(servers_of(name)) == 1

    def leave_running(self) -> None:
        """Have a machine that runs, whatever came before."""
        first = self.berths[0]
        course = {ABSENT: ["create"], STOPPED: ["start"], DEALLOCATED: ["start"], RUNNING: []}[first.state]
        possible = first.sail(Client(self.cloud), course)
        self.judge([possible, *({one.state} for one in self.berths[1:])])
        assert machines_of(self.cloud)


FIRST: list[tuple[str, ...]] = [("create",), ("create", "deallocate"), ()]
"""How the machines begin."""


def servers_of(namespace: str) -> list[int]:
    """Give the name servers that run in a network namespace."""
    found, wanted = [], (NAMESPACES / namespace).stat().st_ino
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if (one / "comm").read_text().strip() == "dnsmasq" and (one / "ns/net").stat().st_ino == wanted:
                found.append(int(one.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


def weather(state: Path, tools: Path, kills: int, seed: int) -> None:
    """Have a fleet live through so many kills, and then end the cloud while a machine runs."""
    (state / "cloud").mkdir(parents=True, mode=0o700)
    (state / "cloud" / "limits.json").write_text(json.dumps(LIMITS))
    with CloudProcess(state) as cloud:
        fleet = Fleet(cloud, tools, seed)
        for _ in range(kills):
            fleet.storm()
        fleet.leave_running()
        cloud.down()
        assert traces_of(cloud) == []
        assert machines_of(cloud) == []
        network = cloud.state / "cloud" / "network"
        assert traces(fleet.programs, network) == Traces((), (), (), (), ())
        slot = remembered(network)
        assert slot is not None
        assert f"{NAMESPACES}/{slot.namespaces}" not in Path("/proc/self/mounts").read_text("utf-8")


def test_killed_a_few_times(tmp_path: Path, tools: Path, rotating_seed: int) -> None:
    weather(tmp_path / "state", tools, 3, rotating_seed)


@pytest.mark.long
def test_killed_twenty_times(tmp_path: Path, tools: Path, rotating_seed: int, long_run: LongRun) -> None:
    for number in long_run.left("machines-killed", 4):
        print(f"part {number}")
        weather(tmp_path / str(number), tools, 5, rotating_seed + 1 + number)
