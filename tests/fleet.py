"""Machines of a cloud that is killed: what they are asked, and what they may be afterwards.

A machine is specialized, with an empty disk: it runs until it is stopped, and nobody waits for its guest. It
has a virtual network, a card and a public address of its own; card, address and data disk go with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from killing import Client

NETWORK, COMPUTE = "Microsoft.Network", "Microsoft.Compute"
VM, DISK = f"{COMPUTE}/virtualMachines", f"{COMPUTE}/disks"
VNET, NIC, ADDRESS = (
    f"{NETWORK}/virtualNetworks",
    f"{NETWORK}/networkInterfaces",
    f"{NETWORK}/publicIPAddresses",
)
ABSENT, RUNNING, STOPPED, DEALLOCATED = "absent", "running", "stopped", "deallocated"

COURSES: Mapping[str, Sequence[tuple[str, ...]]] = {
    ABSENT: [("create",), ("create", "delete"), ("create", "deallocate"), ("create", "cut"), ("scrap",)],
    RUNNING: [
        ("delete",),
        ("deallocate",),
        ("powerOff",),
        ("cut",),
        ("restart",),
        ("snapshot",),
        ("powerOff", "delete"),
        ("deallocate", "start"),
        ("cut", "start", "delete"),
    ],
    STOPPED: [("start",), ("delete",), ("deallocate",), ("start", "delete"), ("deallocate", "start")],
    DEALLOCATED: [("start",), ("delete",), ("start", "cut"), ("start", "delete")],
}
"""What may be asked of a machine, one thing right after the other, by how it is."""

_AFTER = {
    "create": RUNNING,
    "start": RUNNING,
    "restart": RUNNING,
    "snapshot": RUNNING,
    "powerOff": STOPPED,
    "cut": STOPPED,
    "deallocate": DEALLOCATED,
    "delete": ABSENT,
    "scrap": ABSENT,
}
Request = tuple[str, str, Any]


@dataclass
class Berth:
    """A place for one machine after the other. `state` is how the last one is known to be.

    `ready` tells that a card and an address may be there although no machine is.
    """

    group: str
    number: int
    extra: str = ""  # the name of a further disk, to be attached
    state: str = ABSENT
    ready: bool = False
    snapshots: int = 0

    @property
    def name(self) -> str:
        return f"m{self.number}"

    @property
    def parts(self) -> dict[str, str]:
        """Give what belongs to the machine and goes with it, names by types."""
        return {NIC: f"card{self.number}", ADDRESS: f"door{self.number}", DISK: f"hold{self.number}"}

    @property
    def system(self) -> str:
        return f"keel{self.number}"

    def draw(self, chance: Random) -> tuple[str, ...]:
        return chance.choice(COURSES[self.state])

    def sail(self, client: Client, course: Sequence[str]) -> set[str]:
        """Ask for one thing after the other, also of a cloud that dies meanwhile.

        Gives how the machine may be when all has ended: what was answered is done in any case.
        """
        at = self.state
        for word in course:
            *before, last = self._requests(client, word)
            self.ready |= word == "create"
            try:
                for request in before:
                    client.ask(*request).raise_for_status()
            except httpx.TransportError:
                return {at}
            method, path, body = last
            query = {"skipShutdown": "true"} if word == "cut" else {}
            try:
                client.ask(method, path, body, **query).raise_for_status()
            except httpx.TransportError:
                return {at, _AFTER[word]}
            at = _AFTER[word]
            self.ready &= word not in ("create", "scrap")
        return {at}

    def path(self, type_name: str, name: str) -> str:
        return f"/resourceGroups/{self.group}/providers/{type_name}/{name}"

    def disk(self, name: str, data: dict[str, Any]) -> Request:
        size = {} if "imageReference" in data else {"diskSizeGB": 1}
        return ("PUT", self.path(DISK, name), located({"creationData": data, "osType": "Linux"} | size))

    def _requests(self, client: Client, word: str) -> list[Request]:
        """Give what has to be asked for first, and then what the word means."""
        machine = self.path(VM, self.name)
        match word:
            case "create":
                return [*self._surroundings(client), ("PUT", machine, self._machine(client))]
            case "delete":
                return [("DELETE", machine, None)]
            case "scrap":  # the network, too, if nothing is in it any more
                unused = [("DELETE", self.path(one, self.parts[one]), None) for one in (NIC, ADDRESS)]
                return [*unused, ("DELETE", self.path(VNET, f"sea{self.number}"), None)]
            case "snapshot":
                self.snapshots += 1
                source = client.root + self.path(DISK, self.system)
                properties = {"creationData": {"createOption": "Copy", "sourceResourceId": source}}
                name = f"log{self.number}-{self.snapshots}"
                return [("PUT", self.path(f"{COMPUTE}/snapshots", name), located(properties))]
            case _:
                return [("POST", f"{machine}/{'powerOff' if word == 'cut' else word}", None)]

    def _surroundings(self, client: Client) -> list[Request]:
        prefix = f"10.{self.number}.0.0"
        subnets = [{"name": "deck", "properties": {"addressPrefix": f"{prefix}/24"}}]
        space = {"addressSpace": {"addressPrefixes": [f"{prefix}/16"]}, "subnets": subnets}
        address = located({"publicIPAllocationMethod": "Static"}) | {"sku": {"name": "Standard"}}
        properties = {
            "subnet": {"id": client.root + self.path(VNET, f"sea{self.number}") + "/subnets/deck"},
            "publicIPAddress": {
                "id": client.root + self.path(ADDRESS, self.parts[ADDRESS]),
                "properties": {"deleteOption": "Delete"},
            },
        }
        card = located({"ipConfigurations": [{"name": "first", "properties": properties}]})
        return [
            ("PUT", self.path(VNET, f"sea{self.number}"), located(space)),
            ("PUT", self.path(ADDRESS, self.parts[ADDRESS]), address),
            ("PUT", self.path(NIC, self.parts[NIC]), card),
        ]

    def _machine(self, client: Client) -> dict[str, Any]:
        def there(name: str) -> dict[str, str]:
            return {"id": client.root + self.path(DISK, name)}

        system = {"createOption": "Attach", "osType": "Linux", "managedDisk": there(self.system)}
        made = {"lun": 0, "name": self.parts[DISK], "createOption": "Empty", "diskSizeGB": 1}
        disks: list[dict[str, Any]] = [made | {"deleteOption": "Delete"}]
        if self.extra:
            disks.append({"lun": 1, "createOption": "Attach", "managedDisk": there(self.extra)})
        card = {"id": client.root + self.path(NIC, self.parts[NIC]), "properties": {"deleteOption": "Delete"}}
        properties = {
            "hardwareProfile": {"vmSize": "Standard_B1ls"},
            "storageProfile": {"osDisk": system, "dataDisks": disks},
            "networkProfile": {"networkInterfaces": [card]},
        }
        return located(properties)


def located(properties: dict[str, Any]) -> dict[str, Any]:
    return {"location": "eastus", "properties": properties}
