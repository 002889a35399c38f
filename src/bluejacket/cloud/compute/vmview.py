"""A virtual machine as clients see it: its document, and its instance view."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Call, Cloud
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.limits import VMS
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.guest.agents import Agents

EXTENSIONS = f"{VMS}/extensions"
_SHOWN = {
    "running": "VM running",
    "stopped": "VM stopped",
    "deallocated": "VM deallocated",
    "starting": "VM starting",
}


def document(
    cloud: Cloud, vm: Resource, call: Call, parts: Sequence[Resource] | None = None
) -> dict[str, Any]:
    """Give the document, with what `$expand` asks for; `parts` are the extensions where they are known."""
    found = vm.document(VMS)
    properties = found["properties"]
    wanted = call.query.get("$expand", "").lower()
    if "instanceview" in wanted or call.query.get("statusonly", "").lower() == "true":
        properties["instanceView"] = instance_view(cloud, vm)
    if "userdata" in wanted and vm.hidden.get("userData"):
        properties["userData"] = vm.hidden["userData"]
    if parts is None:
        parts = cloud.resources.list(type_name=EXTENSIONS, parent=vm.id)
    if parts:
        found["resources"] = [one.document(EXTENSIONS) for one in parts]
    return found


def power_state(cloud: Cloud, vm: Resource) -> str:
    """Give how the machine is, from its process: running, stopped, deallocated or starting."""
    if cloud.service(CloudMachines).running(vm):
        return "running"
    if vm.hidden.get("power") == "deallocated":
        return "deallocated"
    return "starting" if vm.state == "Creating" else "stopped"


def instance_view(cloud: Cloud, vm: Resource) -> dict[str, Any]:
    """Give what the machine is doing now."""
    power = power_state(cloud, vm)
    statuses = [provisioning_status(vm)]
    if vm.hidden.get("generalized"):
        statuses.append(_status("OSState/generalized", "VM generalized"))
    statuses.append(_status(f"PowerState/{power}", _SHOWN[power]))
    profile = vm.properties.get("osProfile") or {}
    found: dict[str, Any] = {
        "computerName": profile.get("computerName", vm.id.name),
        "hyperVGeneration": "V2",
        "bootDiagnostics": {},
        "disks": [_disk(cloud, one) for one in _disks(vm)],
        "extensions": [
            {
                "name": one.id.name,
                "type": f"{one.properties['publisher']}.{one.properties['type']}",
                "typeHandlerVersion": one.properties.get("typeHandlerVersion", "1.0"),
                "statuses": (one.hidden.get("view") or {}).get("statuses") or [provisioning_status(one)],
            }
            for one in cloud.resources.list(type_name=EXTENSIONS, parent=vm.id)
        ],
        "statuses": statuses,
    }
    if power == "running":
        found["osName"] = "Linux"
        found["vmAgent"] = _agent(cloud, vm)
    if "patchStatus" in vm.hidden:
        found["patchStatus"] = vm.hidden["patchStatus"]
    return found


def provisioning_status(one: Resource) -> dict[str, Any]:
    """Give how far a resource is, as a status."""
    state = one.state.lower()
    words = {"succeeded": "Provisioning succeeded", "failed": "Provisioning failed"}
    level = "Error" if state == "failed" else "Info"
    shown = words.get(state, one.state)
    found = _status(f"ProvisioningState/{state}", shown, level)
    return found | ({"time": one.changed} if one.changed else {})


def need_running(cloud: Cloud, vm: Resource) -> None:
    """Raise CloudError when nobody can be asked inside the machine."""
    if not cloud.service(CloudMachines).running(vm):
        raise CloudError(
            409,
            "OperationNotAllowed",
            "Cannot modify extensions in the VM when the VM is not running.",
        )


def _agent(cloud: Cloud, vm: Resource) -> dict[str, Any]:
    version = cloud.service(Agents).version(str(vm.properties["vmId"]))
    code, shown, message = (
        ("ProvisioningState/succeeded", "Ready", "Guest Agent is running")
        if version
        else ("ProvisioningState/Unavailable", "Not Ready", "VM status blob is found but not yet populated.")
    )
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "vmAgentVersion": version or "Unknown",
        "extensionHandlers": [],
        "statuses": [
            {"code": code, "level": "Info", "displayStatus": shown, "message": message, "time": time}
        ],
    }


def _disks(vm: Resource) -> list[dict[str, Any]]:
    storage = vm.properties["storageProfile"]
    return [storage["osDisk"], *(storage.get("dataDisks") or [])]


def _disk(cloud: Cloud, one: dict[str, Any]) -> dict[str, Any]:
    disk = cloud.resources.get(ResourceId.parse(one["managedDisk"]["id"]))
    return {"name": one.get("name", ""), "statuses": [provisioning_status(disk)] if disk else []}


def _status(code: str, shown: str, level: str = "Info") -> dict[str, Any]:
    return {"code": code, "level": level, "displayStatus": shown}
