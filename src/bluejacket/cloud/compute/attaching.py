"""attachDetachDataDisks: several data disks come and go at once, without the rest of a machine's document.

Source: the operation "Virtual Machines - Attach Detach Data Disks" of Azure's REST reference.
"""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Call, Cloud, Job
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute import vmlife, vmrequest
from bluejacket.cloud.compute.documents import whole

_COMING, _GOING = "dataDisksToAttach", "dataDisksToDetach"
_KEPT = ("caching", "deleteOption", "writeAcceleratorEnabled")


def accept(cloud: Cloud, call: Call, vm: Resource) -> None:
    """Check which disks come and go, and write that into the machine's record; raises CloudError."""
    disks = _after(call.body, vm.properties["storageProfile"].get("dataDisks") or [])
    asked = {"properties": {"storageProfile": {"dataDisks": disks}}, "tags": dict(vm.tags)}
    wanted = Call(call.id, call.caller, asked | {"location": vm.location})
    cloud.resources.put(vmrequest.checked(cloud, wanted, vm))


def attach(cloud: Cloud, _: Job, vm: Resource) -> dict[str, Any]:
    """Make the machine's disks those of its record, and give them."""
    vmlife.build(cloud, vm)
    storage: dict[str, Any] = cloud.resources.need(vm.id).properties["storageProfile"]
    return storage


def _after(body: dict[str, Any], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the data disks that there are to be."""
    coming, going = (body.get(name) or [] for name in (_COMING, _GOING))
    if not coming and not going:
        raise invalid(f"At least one of '{_COMING}' and '{_GOING}' has to name a disk.", _COMING)
    gone = [_disk(one, _GOING) for one in going]
    there = [ResourceId.parse(one["managedDisk"]["id"]) for one in before]
    for one in gone:
        if one not in there:
            what = f"The disk '{one}' is not attached to the machine, and cannot be detached."
            raise CloudError(400, "InvalidParameter", what, target=f"{_GOING}.diskId")
    kept = [one for one, disk in zip(before, there, strict=True) if disk not in gone]
    taken = {int(one["lun"]) for one in kept}
    for one in coming:
        free = next(number for number in range(len(taken) + 1) if number not in taken)
        lun = whole(one["lun"] if one.get("lun") is not None else free, f"{_COMING}.lun", 0, 63)
        taken.add(lun)
        disk = {"id": _disk(one, _COMING).text}
        more = {key: one[key] for key in _KEPT if one.get(key) is not None}
        kept.append({"lun": lun, "createOption": "Attach", "managedDisk": disk, **more})
    return kept


def _disk(one: Any, where: str) -> ResourceId:
    text = one.get("diskId") if isinstance(one, dict) else None
    if not text:
        raise invalid(f"Required parameter '{where}.diskId' is missing (null).", f"{where}.diskId")
    return ResourceId.parse(str(text))
