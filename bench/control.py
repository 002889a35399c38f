"""Ask a control plane that has much to keep: a page of a list, a get and a put, by HTTPS, one at a time.

    .venv/bin/python bench/control.py [--machines 1000 10000] [--asked 300] [--work DIR]

Each machine's worth is four records: virtual machine, network interface, disk and public IP address, spread
over ten groups; they are written straight into the database (no guest is started), in the shape that the
cloud itself gave to the first of each. The cloud is the whole one, with every room's kinds, in one process
of its own; the client is another one that keeps its connection. Measured at the client: the list of all
machines, interfaces, disks and addresses page by page, a get of one of each drawn by chance, and a put of an
address, an interface and a disk that is there already, with its tags changed.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import random
import shutil
import ssl
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import httpx

from bluejacket.cli.entry import GARBAGE
from bluejacket.cloud import daemon
from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.ca import HOSTS, Authority
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.store import Store, _row, references
from bluejacket.cloud.arm.tables import REFERENCES, RESOURCES
from bluejacket.cloud.arm.tokens import Tokens
from bluejacket.cloud.up import Grounds, assemble
from bluejacket.machine.process import Process
from bluejacket.report import SILENT
from bluejacket.tools import Sandbox

TARGET_S = 0.02
GROUPS = 10
NETWORK, COMPUTE = "Microsoft.Network", "Microsoft.Compute"
LISTED = (
    f"{COMPUTE}/virtualMachines",
    f"{NETWORK}/networkInterfaces",
    f"{COMPUTE}/disks",
    f"{NETWORK}/publicIPAddresses",
)
VERSION = "2024-11-01"


def main() -> None:
    """Measure and print a table; status 1 when the target is missed."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--machines", type=int, nargs="+", default=[1000, 10_000])
    words.add_argument("--asked", type=int, default=300)
    words.add_argument("--work", type=Path, default=Path("build/bench-control"))
    arguments = words.parse_args()
    worst = 0.0
    for machines in arguments.machines:
        state = arguments.work.absolute() / str(machines)
        shutil.rmtree(state, ignore_errors=True)
        worst = max(worst, measure(state, machines, arguments.asked))
    print(f"the slowest kind's 99th percentile: {worst * 1000:.1f} ms (target {TARGET_S * 1000:.0f})")
    sys.exit(0 if worst < TARGET_S else 1)


def measure(state: Path, machines: int, asked: int) -> float:
    """Print the figures of a cloud of so many machines; gives the worst 99th percentile in seconds."""
    sock = daemon.listen(None)
    port = sock.getsockname()[1]
    sock.close()
    base = f"https://localhost:{port}"
    account = Account.of(state / "account.json")
    authority = Authority(state / "ca")
    tokens = Tokens(state / "token-key.pem", account.tenant, base)
    server = multiprocessing.get_context("spawn").Process(target=be_cloud, args=(state, port))
    server.start()
    try:
        context = ssl.create_default_context(cafile=str(authority.file))
        token = tokens.issue(account.object_id, account.client_id, base + "/", owner=True)
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(
            base_url=base, verify=context, headers=headers, trust_env=False, timeout=120
        ) as client:
            wait(client)
            began = time.perf_counter()
            made = fill(client, state, account, machines)
            print(
                f"{machines} machines: {sum(map(len, made.values()))} records written "
                f"{time.perf_counter() - began:6.1f} s",
                flush=True,
            )
            assert server.pid is not None
            process = Process.of(server.pid)
            return tell(client, process, account, made, asked)
    finally:
        server.terminate()
        server.join(20)


def be_cloud(state: Path, port: int) -> None:
    """Be the cloud, until SIGTERM; nothing of it starts a guest or a network."""
    gc.set_threshold(GARBAGE)  # as every process of the program
    box = Sandbox(state / "no-tools", state / "logs")
    made = assemble(Grounds(state, state / "no-tools", box), f"https://localhost:{port}", SILENT)
    issued = made.authority.issue(HOSTS)
    daemon.serve(made.app, daemon.listen(port), issued.certificate, issued.key)


def wait(client: httpx.Client) -> None:
    """Wait until the cloud answers."""
    for _ in range(300):
        try:
            if client.get("/metadata/endpoints").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise SystemExit("the cloud did not come up")


def fill(client: httpx.Client, state: Path, account: Account, machines: int) -> dict[str, list[str]]:
    """Make the groups and networks by requests, all else in the database; gives the ids by type."""
    root = f"/subscriptions/{account.subscription}/resourceGroups"
    for at in range(GROUPS):
        put(client, f"{root}/g{at}", {"location": "eastus"})
        space = {"addressPrefixes": ["10.0.0.0/8"]}
        body = {
            "addressSpace": space,
            "subnets": [{"name": "s", "properties": {"addressPrefix": "10.0.0.0/16"}}],
        }
        put(client, f"{root}/g{at}/providers/{NETWORK}/virtualNetworks/v", located(body))
    address, card = (
        f"{root}/g0/providers/{NETWORK}/publicIPAddresses/first",
        f"{root}/g0/providers/{NETWORK}/networkInterfaces/first",
    )
    put(client, address, located({"publicIPAllocationMethod": "Static"}) | {"sku": {"name": "Standard"}})
    subnet = {"id": f"{root}/g0/providers/{NETWORK}/virtualNetworks/v/subnets/s"}
    configuration = {
        "name": "ipconfig1",
        "properties": {"subnet": subnet, "publicIPAddress": {"id": address}},
    }
    put(client, card, located({"ipConfigurations": [configuration]}))
    store = Store.at(state / "cloud.sqlite")
    first = {name: store.need(ResourceId.parse(name)) for name in (address, card)}
    rows, uses, made = [], list[dict[str, str]](), {name: list[str]() for name in LISTED}
    for at in range(machines):
        for resource in records(root, at, first[address], first[card]):
            made[resource.id.type].append(resource.id.text)
            rows.append(_row(resource))
            uses += [{"target": one, "source": resource.id.key} for one in references(resource)]
    with store.writing() as connection:
        connection.execute(RESOURCES.insert(), rows)
        connection.execute(REFERENCES.insert(), uses)
    store.close()
    return made


def records(root: str, at: int, address: Resource, card: Resource) -> Iterator[Resource]:
    """Give the four records of a machine, like those that a PUT had made."""
    group, name = f"{root}/g{at % GROUPS}/providers", f"vm{at:05}"
    vm, nic = f"{group}/{COMPUTE}/virtualMachines/{name}", f"{group}/{NETWORK}/networkInterfaces/{name}"
    public, disk = f"{group}/{NETWORK}/publicIPAddresses/{name}", f"{group}/{COMPUTE}/disks/{name}"
    number = at // GROUPS + 300
    private = f"10.0.{number // 250}.{number % 250 + 4}"
    spelled = json.dumps(card.properties).replace("networkInterfaces/first", f"networkInterfaces/{name}")
    spelled = spelled.replace("publicIPAddresses/first", f"publicIPAddresses/{name}")
    properties = json.loads(spelled.replace("/g0/", f"/g{at % GROUPS}/"))
    properties["ipConfigurations"][0]["properties"]["privateIPAddress"] = private
    mac = f"00-0D-3A-{at >> 16:02X}-{at >> 8 & 255:02X}-{at & 255:02X}"
    more: dict[str, Any] = {"macAddress": mac, "virtualMachine": {"id": vm}}
    yield replace(card, id=ResourceId.parse(nic), properties=properties | more, tags={})
    given = address.properties | {"ipAddress": f"127.20.{at // 250}.{at % 250}"}
    yield replace(address, id=ResourceId.parse(public), properties=given, tags={})
    stamp: dict[str, Any] = {
        "created": card.created,
        "changed": card.changed,
        "etag": card.etag,
        "location": "eastus",
    }
    size = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4, "diskState": "Attached"}
    done = {"provisioningState": "Succeeded"}
    yield Resource(
        ResourceId.parse(disk),
        properties=size | {"uniqueId": str(uuid5(UUID(int=1), name)), "timeCreated": card.created} | done,
        top={"sku": {"name": "Premium_LRS"}, "managedBy": vm},
        hidden={"file": f"{name}.qcow2"},
        **stamp,
    )
    yield Resource(
        ResourceId.parse(vm), properties=machine(name, nic, disk), hidden={"power": "deallocated"}, **stamp
    )


def machine(name: str, nic: str, disk: str) -> dict[str, Any]:
    """Give a machine's properties as `az vm create` has them made."""
    key = {"keyData": "ssh-ed25519 " + "A" * 68, "path": "/home/azureuser/.ssh/authorized_keys"}
    system = {
        "osType": "Linux",
        "name": name,
        "createOption": "FromImage",
        "caching": "ReadWrite",
        "diskSizeGB": 4,
    }
    image = {"publisher": "Bluejacket", "offer": "bluejacket-linux-4", "sku": "4-lts", "version": "latest"}
    return {
        "vmId": str(uuid5(UUID(int=0), name)),
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "storageProfile": {
            "imageReference": image,
            "osDisk": {**system, "managedDisk": {"id": disk, "storageAccountType": "Premium_LRS"}},
            "dataDisks": [],
        },
        "osProfile": {
            "computerName": name,
            "adminUsername": "azureuser",
            "linuxConfiguration": {"disablePasswordAuthentication": True, "ssh": {"publicKeys": [key]}},
        },
        "networkProfile": {"networkInterfaces": [{"id": nic}]},
        "provisioningState": "Succeeded",
    }


def tell(
    client: httpx.Client, process: Process, account: Account, made: dict[str, list[str]], asked: int
) -> float:
    """Print median and 99th percentile of each kind of request; gives the worst of the latter."""
    chance, worst = random.Random(1), 0.0
    for type_name, ids in made.items():
        short = type_name.rpartition("/")[2]
        url = f"/subscriptions/{account.subscription}/providers/{type_name}"
        worst = max(worst, timed(process, f"list {short}", pages(client, url, asked, len(ids))))
        worst = max(
            worst,
            timed(process, f"get {short}", (ask(client, "GET", chance.choice(ids)) for _ in range(asked))),
        )
        if short != "virtualMachines":
            worst = max(worst, timed(process, f"put {short}", puts(client, ids, asked, chance)))
    return worst


def pages(client: httpx.Client, url: str, asked: int, every: int) -> Iterator[float]:
    """Walk through a list from page to page, again and again; gives the seconds of each page."""
    done = 0
    while done < asked:
        path, seen = f"{url}?api-version={VERSION}", 0
        while path and done < asked:
            began = time.perf_counter()
            answer = client.get(path)
            yield time.perf_counter() - began
            body = answer.raise_for_status().json()
            seen, done, path = seen + len(body["value"]), done + 1, body.get("nextLink", "")
        assert path or every <= seen <= every + 1, f"{url} lists {seen} of {every}"


def puts(client: httpx.Client, ids: list[str], asked: int, chance: random.Random) -> Iterator[float]:
    """Change the tags of records that are there by PUT of the whole; gives the seconds of each PUT."""
    for at in range(asked):
        chosen = chance.choice(ids)
        found = client.get(chosen, params={"api-version": VERSION}).raise_for_status().json()
        yield ask(client, "PUT", chosen, found | {"tags": {"at": str(at)}})


def ask(client: httpx.Client, method: str, path: str, body: Any = None) -> float:
    """Give the seconds of one request."""
    began = time.perf_counter()
    answer = client.request(method, path, params={"api-version": VERSION}, json=body)
    taken = time.perf_counter() - began
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return taken


def timed(process: Process, what: str, taken: Iterator[float]) -> float:
    """Print what requests took, and the processor time of the cloud; gives the 99th percentile."""
    cpu = process.cpu_seconds()
    walls = sorted(taken)
    cpu = (process.cpu_seconds() - cpu) / len(walls)
    late = walls[min(len(walls) - 1, int(len(walls) * 0.99))]
    print(
        f"  {what:23} median {statistics.median(walls) * 1000:6.1f} ms, 99 % {late * 1000:6.1f} ms; "
        f"CPU {cpu * 1000:6.1f} ms",
        flush=True,
    )
    return late


def put(client: httpx.Client, path: str, body: Any) -> None:
    """PUT, and wait until it is over."""
    ask(client, "PUT", path, body)
    for _ in range(500):
        state = client.get(path, params={"api-version": VERSION}).json()["properties"]["provisioningState"]
        if state == "Succeeded":
            return
        time.sleep(0.02)
    raise SystemExit(f"{path} did not come to be")


def located(properties: dict[str, Any]) -> dict[str, Any]:
    """Give a document in the first region."""
    return {"location": "eastus", "properties": properties}


if __name__ == "__main__":
    main()
