"""Ephemeral system disks: they last as long as a machine stays where it is, and no copy of them is made.

Source: Microsoft Learn, "Ephemeral OS disks for Azure VMs" and "Frequently asked questions" about them: no
deallocation, no snapshot, no image; what redeploys or resizes the machine begins it anew from its image.
"""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Cloud
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.sizes import Size

_PLACES = ("CacheDisk", "ResourceDisk", "NvmeDisk")
_SETTINGS = "diffDiskSettings"


def is_ephemeral(vm: Resource) -> bool:
    """True for a machine whose system disk is ephemeral."""
    return _SETTINGS in vm.properties["storageProfile"]["osDisk"]


def has_moved(vm: Resource) -> bool:
    """True when an ephemeral system disk is lost, as its machine was last started as another size."""
    size = vm.properties["hardwareProfile"]["vmSize"]
    return is_ephemeral(vm) and vm.hidden.get("started_size") not in (None, size)


def keep_settings(before: dict[str, Any], asked: dict[str, Any]) -> None:
    """Refuse to make a system disk ephemeral, or another kind of ephemeral, once it is there."""
    given = {key: str(one).lower() for key, one in (asked.get(_SETTINGS) or {}).items()}
    known = {key: str(one).lower() for key, one in (before.get(_SETTINGS) or {}).items()}
    if any(known.get(key) != one for key, one in given.items()):
        what = "Changing property 'osDisk.diffDiskSettings' is not allowed."
        raise CloudError(409, "PropertyChangeNotAllowed", what, target="osDisk.diffDiskSettings")


def checked_settings(vm: Resource, system: dict[str, Any], size: Size) -> None:
    """Check a new machine's system disk, which is to be ephemeral, and fill in what follows from that.

    `system` is the record's `osDisk` as asked for, before its defaults. Raises CloudError.
    """
    settings = dict(system[_SETTINGS])
    if str(settings.get("option", "")).lower() != "local":
        what = f"The value '{settings.get('option')}' of parameter 'diffDiskSettings.option' is invalid."
        raise invalid(what, "osDisk.diffDiskSettings.option")
    place = str(settings.get("placement") or "ResourceDisk")
    known = {one.lower(): one for one in _PLACES}
    if place.lower() not in known:
        what = f"The value '{place}' of parameter 'diffDiskSettings.placement' is invalid."
        raise invalid(what, "osDisk.diffDiskSettings.placement")
    system[_SETTINGS] = {"option": "Local", "placement": known[place.lower()]}
    for name, only in (("createOption", "FromImage"), ("caching", "ReadOnly"), ("deleteOption", "Delete")):
        if system.setdefault(name, only) != only:
            what = f"An ephemeral OS disk can only have '{only}' as 'osDisk.{name}', not '{system[name]}'."
            raise invalid(what, f"osDisk.{name}")
    if not size.temporary_mib:
        what = f"Ephemeral OS disks are not supported for the VM size {size.name}: it has no temporary disk."
        raise CloudError(409, "NotSupported", what, target="osDisk.diffDiskSettings")
    spot = str(vm.properties.get("priority", "")).lower() == "spot"
    if spot and str(vm.properties.get("evictionPolicy", "Deallocate")).lower() != "delete":
        what = "The eviction policy of a Spot VM with an ephemeral OS disk can only be 'Delete'."
        raise invalid(what, "evictionPolicy")


def check_room(system: dict[str, Any], size: Size) -> None:
    """Raise CloudError when the size's temporary disk has no room for an ephemeral system disk."""
    room = size.temporary_mib // 1024
    if _SETTINGS in system and int(system["diskSizeGB"]) > room:
        raise CloudError(
            409,
            "NotSupported",
            f"OS disk of Ephemeral VM with size greater than {room} GB is not allowed for VM size "
            f"{size.name} when the DiffDiskPlacement is {system[_SETTINGS]['placement']}. Please refer to "
            "https://aka.ms/Ephemeral for more details.",
            target="osDisk.diskSizeGB",
        )


def refuse_deallocation(vm: Resource) -> None:
    """Raise CloudError for a machine that would lose its system disk with its place."""
    if is_ephemeral(vm):
        what = "Operation 'deallocate' is not supported for VMs or VM Scale Set instances using an ephemeral"
        raise CloudError(409, "OperationNotAllowed", f"{what} OS disk.")


def refuse_copy(cloud: Cloud, disk: Resource) -> None:
    """Raise CloudError when a disk is a machine's ephemeral one: nothing is ever copied from that."""
    user = cloud.resources.get(ResourceId.parse(disk.top["managedBy"])) if disk.top.get("managedBy") else None
    if user is None or user.id.type.lower() != "microsoft.compute/virtualmachines" or not is_ephemeral(user):
        return
    system = ResourceId.parse(user.properties["storageProfile"]["osDisk"]["managedDisk"]["id"])
    if system == disk.id:
        what = f"The disk '{disk.id.name}' is the ephemeral OS disk of VM '{user.id.name}'"
        raise CloudError(409, "OperationNotAllowed", f"{what}, and cannot be read or copied.")
