"""What the page shows of a cloud's records."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bluejacket.cloud.arm.cloud import LocalCloud
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Cloud
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.limits import VMS
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.compute.source import DEFINITIONS, VERSIONS
from bluejacket.cloud.compute.vmview import power_state

GROUPS = "Microsoft.Resources/resourceGroups"
LOG_PIECE = 1 << 16  # bytes of a console's log that go out at once; the first time these are its last ones
# A terminal's control sequences (ECMA-48, 5.4 and 5.6) say nothing on a page; neither do single controls.
_CONTROLS = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]"
    rb"|[\x00-\x08\x0b-\x1f\x7f]"
)
_UNFINISHED = re.compile(  # of a control sequence, or of a letter in UTF-8
    rb"(?:\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]{0,512}\x1b?|[ -/]*)"
    rb"|[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"
)
Action = tuple[str, str, bool, str]


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine. `power` is running, stopped, deallocated or starting."""

    id: ResourceId
    name: str
    group: str
    path: str
    power: str
    state: str
    size: str
    image: str
    address: str
    user: str
    vm_id: str

    @property
    def actions(self) -> Sequence[Action]:
        """What can be done to it: the action, its name, whether now, and what is asked before."""
        settled = self.state in ("Succeeded", "Failed")
        on = self.power == "running"
        return (
            ("start", "Start", settled and not on, ""),
            ("restart", "Restart", settled and on, f"Restart {self.name}?"),
            ("powerOff", "Stop", settled and on, f"Stop {self.name}?"),
            ("deallocate", "Deallocate", settled and self.power != "deallocated", f"Deallocate {self.name}?"),
        )


@dataclass(frozen=True, slots=True)
class Group:
    """A resource group and its machines."""

    name: str
    location: str
    resources: int
    machines: Sequence[Machine]


@dataclass(frozen=True, slots=True)
class Image:
    """What a machine can be made of: `reference` is the `imageReference`, and `id` names it in a form."""

    name: str
    version: str
    reference: Mapping[str, str]

    @property
    def id(self) -> str:
        """The reference in one line."""
        return json.dumps(dict(self.reference), sort_keys=True)


def groups(cloud: Cloud) -> list[Group]:
    """Give all resource groups with their machines."""
    found = []
    addresses = _addresses(cloud)
    for group in cloud.resources.list(type_name=GROUPS):
        inside = cloud.resources.list(subscription=cloud.subscription, group=group.id.group)
        machines = [machine(cloud, one, addresses) for one in inside if one.id.type.lower() == VMS.lower()]
        parts = [one for one in inside if one.id.provider and len(one.id.names) == 1 and not one.id.scope]
        found.append(Group(group.id.group, group.location, len(parts), machines))
    return found


def need_machine(cloud: Cloud, group: str, name: str) -> Machine:
    """Give one machine; raises CloudError 404."""
    vm_id = ResourceId(cloud.subscription, group).sibling(VMS, name)
    return machine(cloud, cloud.resources.need(vm_id), _addresses(cloud))


def machine(cloud: Cloud, vm: Resource, addresses: Mapping[str, str]) -> Machine:
    """Give a machine as the page shows it."""
    kept = vm.properties
    nics = [one["id"] for one in (kept.get("networkProfile") or {}).get("networkInterfaces") or ()]
    found = [addresses[nic.lower()] for nic in nics if nic.lower() in addresses]
    return Machine(
        id=vm.id,
        name=vm.id.name,
        group=vm.id.group,
        path=f"/page/machines/{vm.id.group}/{vm.id.name}",
        power=power_state(cloud, vm),
        state=vm.state,
        size=str((kept.get("hardwareProfile") or {}).get("vmSize", "")),
        image=image_name((kept.get("storageProfile") or {}).get("imageReference") or {}),
        address=found[0] if found else "",
        user=str((kept.get("osProfile") or {}).get("adminUsername", "")),
        vm_id=str(kept.get("vmId", "")),
    )


def market(cloud: Cloud) -> list[Image]:
    """Give the marketplace's images, each with its newest version."""
    newest: dict[str, Image] = {}
    for one in cloud.service(CloudMachines).market.all():
        plan = one.plan
        reference = {"publisher": plan.publisher, "offer": plan.offer, "sku": plan.sku, "version": "latest"}
        newest[str(plan)] = Image(str(plan), one.version, reference)
    return list(newest.values())


def galleries(cloud: Cloud) -> list[Image]:
    """Give the images of galleries that have a version, each with its newest."""
    found = []
    for definition in cloud.resources.list(type_name=DEFINITIONS):
        versions = cloud.resources.list(type_name=VERSIONS, parent=definition.id)
        names = sorted((one.id.name for one in versions if one.state == "Succeeded"), key=_order)
        if names:
            gallery = definition.id.names[0]
            found.append(Image(f"{gallery}/{definition.id.name}", names[-1], {"id": definition.id.text}))
    return found


def log(cloud: Cloud, vm: Machine, start: int | None) -> tuple[str, int]:
    """Give what the console wrote from byte `start` on, and where to go on; None begins near the end."""
    file = cloud.service(CloudMachines).machine(vm.vm_id).console
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            begin = max(0, size - LOG_PIECE) if start is None else start
            if begin > size:  # the machine was started anew, and its log as well
                begin = 0
            stream.seek(begin)
            text = stream.read(LOG_PIECE)
    except FileNotFoundError:
        return "", 0
    text = _UNFINISHED.sub(b"", text)  # the rest of it comes with the next piece
    return _CONTROLS.sub(b"", text).decode("utf-8", "replace"), begin + len(text)


def seen(*what: object) -> str:
    """Give a word that changes when any of it does."""
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


def making(cloud: LocalCloud, operation: str) -> tuple[str, str]:
    """Give how far an operation is, and what went wrong (or nothing). Raises CloudError 404."""
    found = cloud.operations.get(operation)
    if found is None:
        what = f"The operation '{operation}' could not be found."
        raise CloudError(404, "OperationNotFound", what)
    return found.status, _told(found.error or {})


def _told(error: Mapping[str, Any]) -> str:
    """Give the innermost error's sentence: the outer ones only say that something failed."""
    for inner in error.get("details") or ():
        if inner.get("message"):
            return _told(inner)
    return str(error.get("message") or "")


def _addresses(cloud: Cloud) -> dict[str, str]:
    """Give the public addresses by the id of the network interface that has them."""
    found = {}
    for one in cloud.resources.list(type_name="Microsoft.Network/publicIPAddresses"):
        at = one.properties.get("ipAddress")
        where = str((one.properties.get("ipConfiguration") or {}).get("id", ""))
        if at and where:
            found[where.lower().rpartition("/ipconfigurations/")[0]] = str(at)
    for one in cloud.resources.list(type_name="Microsoft.Network/networkInterfaces"):
        for part in one.properties.get("ipConfigurations") or ():
            public = ((part.get("properties") or {}).get("publicIPAddress") or {}).get("id", "")
            if public and one.id.key not in found:
                try:
                    record = cloud.resources.get(ResourceId.parse(public))
                except CloudError:
                    continue
                if record is not None and record.properties.get("ipAddress"):
                    found[one.id.key] = str(record.properties["ipAddress"])
    return found


def image_name(reference: Mapping[str, Any]) -> str:
    """Give an image reference of a machine in few words, as a person would name it."""
    if reference.get("publisher"):
        version = reference.get("exactVersion") or reference.get("version")
        return ":".join(str(reference[key]) for key in ("publisher", "offer", "sku")) + f":{version}"
    if not reference.get("id"):
        return "a disk of its own"
    image = ResourceId.parse(str(reference["id"]))
    latest = str(reference.get("exactVersion", "")) if image.type.lower() == DEFINITIONS.lower() else ""
    return "/".join(filter(None, (*image.names, latest)))


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
