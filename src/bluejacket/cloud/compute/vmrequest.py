"""What a PUT of a virtual machine asks for: checked, filled in, and with its secrets put away."""

from __future__ import annotations

import re
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Call, Cloud, merge, record
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.disks import DISKS
from bluejacket.cloud.compute.documents import (
    need,
    need_location,
    now,
    reference,
    spelled,
    unchanged,
    whole,
)
from bluejacket.cloud.compute.ephemeral import check_room, checked_settings, keep_settings
from bluejacket.cloud.compute.limits import VMS, check_quota
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.compute.refused import refuse_properties
from bluejacket.cloud.compute.sizes import Size, need_size
from bluejacket.cloud.compute.source import Base, base_of
from bluejacket.cloud.compute.vmprofile import os_profile, security_profile, user_data, without_password

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_])?")
_FIXED_PROFILE = ("computerName", "adminUsername", "customData", "adminPassword")


def checked(cloud: Cloud, call: Call, old: Resource | None) -> Resource:
    """Give the record that a PUT asks for; raises CloudError."""
    found = record(call, old)
    found.properties = spelled(found.properties)
    refuse_properties(found.properties)
    need_location(found, VMS)
    if old is None and not _NAME.fullmatch(found.id.name):
        raise CloudError(
            400,
            "InvalidParameter",
            f"Virtual machine name '{found.id.name}' is invalid: 1 to 64 letters, digits, '.', '_' and '-'.",
            target="vmName",
        )
    if old is not None:
        _update(found, old)
    size = _size(cloud, found)
    _networks(cloud, found)
    if old is None:
        found.properties["vmId"] = str(uuid4())
        found.properties["timeCreated"] = now()
        base = _system_disk(cloud, found, size)
        os_profile(found, base)
        security_profile(found, base)
    user_data(found)
    _data_disks(cloud, found, old, size)
    return found


def disk_name(vm: Resource, role: str) -> str:
    """Give the name of a disk that was not named; it is the same whenever it is asked for."""
    number = uuid5(UUID(str(vm.properties["vmId"])), role).hex
    return f"{vm.id.name}_{role}_{number}"


def platform_image(location: str, plan: object, version: str) -> str:
    """Give the id under which a disk names the marketplace's image that it began as."""
    publisher, offer, sku = str(plan).split(":")
    return (
        f"/Subscriptions/{UUID(int=0)}/Providers/Microsoft.Compute/Locations/{location}/Publishers/{publisher}"
        f"/ArtifactTypes/VMImage/Offers/{offer}/Skus/{sku}/Versions/{version}"
    )


def _update(found: Resource, old: Resource) -> None:
    """Keep what the document does not say, and refuse what cannot be changed on a machine that is there."""
    new, was = found.properties, old.properties
    if found.location != old.location:
        raise CloudError(
            409,
            "InvalidResourceLocation",
            f"The resource '{old.id.name}' already exists in location '{old.location}' in resource group "
            f"'{old.id.group}'. A resource with the same name cannot be created in location "
            f"'{found.location}'. Please select a new resource name.",
        )
    profile = new.get("osProfile") or {}
    if without_password(was.get("osProfile") or {}):
        profile.pop("adminPassword", None)
    hidden = {key: old.hidden[key] for key in ("customData", "adminPassword") if key in old.hidden}
    unchanged((was.get("osProfile") or {}) | hidden, profile, _FIXED_PROFILE, "osProfile")
    for name in _FIXED_PROFILE[2:]:
        if profile.pop(name, None) is not None and name not in hidden:
            what = f"Changing property 'osProfile.{name}' is not allowed."
            raise CloudError(409, "PropertyChangeNotAllowed", what, target=f"osProfile.{name}")
    linux = profile.get("linuxConfiguration") or {}
    unchanged((was.get("osProfile") or {}).get("linuxConfiguration") or {}, linux, ("ssh",), "osProfile")
    storage, before = new.get("storageProfile") or {}, was["storageProfile"]
    image = dict(before.get("imageReference") or {})
    unchanged(
        image,
        storage.get("imageReference") or {},
        ("id", "publisher", "offer", "sku", "version"),
        "imageReference",
    )
    system = storage.get("osDisk") or {}
    unchanged(before["osDisk"], system, ("name", "createOption", "osType"), "osDisk")
    keep_settings(before["osDisk"], system)
    for name in ("availabilitySet", "vmId", "priority"):
        unchanged(was, new, (name,))
    unchanged(old.top, found.top, ("zones", "plan"))
    found.properties = was | new
    found.properties["osProfile"] = {**(was.get("osProfile") or {}), **profile}
    if not found.properties["osProfile"]:
        del found.properties["osProfile"]
    found.properties["storageProfile"] = before | storage
    found.properties["storageProfile"]["osDisk"] = merge(before["osDisk"], system)
    if image:
        found.properties["storageProfile"]["imageReference"] = image
    found.top = {key: old.top[key] for key in ("zones", "identity", "plan") if key in old.top} | found.top


def _size(cloud: Cloud, found: Resource) -> Size:
    name = (found.properties.get("hardwareProfile") or {}).get("vmSize") or "Standard_D2s_v5"
    size = need_size(str(name), found.location)
    found.properties["hardwareProfile"] = {
        **(found.properties.get("hardwareProfile") or {}),
        "vmSize": size.name,
    }
    if found.hidden.get("power") != "deallocated":
        check_quota(cloud.resources, cloud.service(CloudMachines).limits, found.id, found.location, size)
    return size


def _networks(cloud: Cloud, found: Resource) -> None:
    listed = (found.properties.get("networkProfile") or {}).get("networkInterfaces")
    if not listed:
        raise CloudError(
            400,
            "InvalidParameter",
            "Virtual Machine must have at least one network interface.",
            target="networkProfile",
        )
    for at, one in enumerate(listed):
        nic = need(cloud, reference(one, "networkProfile.networkInterfaces"), found.id)
        user = (nic.properties.get("virtualMachine") or {}).get("id")
        if user and ResourceId.parse(user) != found.id:
            raise CloudError(
                409,
                "NicInUse",
                f"Network Interface {nic.id} is used by existing resource {user}. In order to delete the "
                "network interface, it must be dissociated from the resource. To learn more, see "
                "aka.ms/deletenic.",
            )
        one.setdefault("properties", {}).setdefault("primary", at == 0)


def _system_disk(cloud: Cloud, found: Resource, size: Size) -> Base | None:
    """Check the system disk of a new machine, and give the image that it is to begin as."""
    storage = found.properties.get("storageProfile")
    if not isinstance(storage, dict):
        raise invalid("Required parameter 'storageProfile' is missing (null).", "storageProfile")
    system = storage.setdefault("osDisk", {"createOption": "FromImage"})
    if "diffDiskSettings" in system:
        checked_settings(found, system, size)
    option = system.get("createOption")
    system.setdefault("osType", "Linux")
    system.setdefault("caching", "ReadWrite")
    system.setdefault("deleteOption", "Detach")
    if option == "Attach":
        disk = need(cloud, reference(system.get("managedDisk"), "osDisk.managedDisk"), found.id)
        _free(disk, found)
        system["name"] = disk.id.name
        found.hidden["certificate"] = disk.hidden.get("certificate", "")
        return None
    if option != "FromImage":
        raise invalid(
            f"The value '{option}' of parameter 'osDisk.createOption' is invalid.", "osDisk.createOption"
        )
    if not isinstance(storage.get("imageReference"), dict):
        raise invalid("Required parameter 'imageReference' is missing (null).", "imageReference")
    base = base_of(cloud, storage["imageReference"], found.location)
    if base.certificate:
        found.hidden["certificate"] = base.certificate
    if base.exact_version:
        storage["imageReference"]["exactVersion"] = base.exact_version
    system.setdefault("diskSizeGB", base.gib)
    if whole(system["diskSizeGB"], "osDisk.diskSizeGB", 1, 4095) < base.gib:
        raise invalid(
            f"The specified disk size {system['diskSizeGB']} GB is smaller than the size of the "
            f"corresponding disk in the VM image: {base.gib} GB. This is not allowed. Please "
            "choose equal or greater size or do not specify an explicit size.",
            "osDisk.diskSizeGB",
        )
    check_room(system, size)
    _name_disk(found, system, "OsDisk_1")
    if "dataDisks" not in storage:
        storage["dataDisks"] = [{"lun": lun, "createOption": "FromImage"} for lun in sorted(base.data)]
    return base


def _data_disks(cloud: Cloud, found: Resource, old: Resource | None, size: Size) -> None:
    storage = found.properties["storageProfile"]
    disks = storage.setdefault("dataDisks", [])
    if len(disks) > size.data_disks:
        raise CloudError(
            409,
            "OperationNotAllowed",
            "The maximum number of data disks allowed to be attached to a VM of this size is "
            f"{size.data_disks}.",
            target="dataDisks",
        )
    present = old.properties["storageProfile"].get("dataDisks", []) if old else []
    before = {str(one["name"]).lower(): one for one in present}
    # A template that is deployed again names no disk that it did not name the first time.
    at_lun = {one["lun"]: one for one in present}
    seen: set[int] = set()
    storage["dataDisks"] = disks = [one for one in disks if not one.get("toBeDetached")]
    for one in disks:
        lun = whole(one.get("lun"), "dataDisk.lun", 0, 63)
        if lun in seen:
            raise invalid(f"A disk at LUN {lun} already exists.", "dataDisk.lun")
        seen.add(lun)
        one |= {"lun": lun, "toBeDetached": False}
        one.setdefault("caching", "None")
        one.setdefault("deleteOption", "Detach")
        if one.get("createOption") == "Attach" and one.get("managedDisk", {}).get("id"):
            one["name"] = ResourceId.parse(one["managedDisk"]["id"]).name
        known = before.get(str(one["name"]).lower()) if one.get("name") else at_lun.get(lun)
        if known and (one.get("name") or one.get("createOption") == known["createOption"]):
            kept = ("name", "createOption", "managedDisk")
            one |= {key: known[key] for key in kept}
            continue
        _new_data_disk(cloud, found, one, lun)


def _new_data_disk(cloud: Cloud, found: Resource, one: dict[str, Any], lun: int) -> None:
    option = one.get("createOption")
    if option == "Attach":
        disk = need(cloud, reference(one.get("managedDisk"), "dataDisk.managedDisk"), found.id)
        _free(disk, found)
        one["diskSizeGB"] = disk.properties["diskSizeGB"]
    elif option in ("Empty", "FromImage"):
        if option == "Empty" and not one.get("diskSizeGB"):
            raise invalid(
                "Required parameter 'dataDisk.diskSizeGB' is missing (null).", "dataDisk.diskSizeGB"
            )
        number = uuid5(NAMESPACE_URL, f"{found.properties['vmId']}/{lun}/{uuid4()}").hex
        one.setdefault("name", f"{found.id.name}_disk{lun + 2}_{number}")
        _name_disk(found, one, "")
    else:
        raise invalid(
            f"The value '{option}' of parameter 'dataDisk.createOption' is invalid.", "dataDisk.createOption"
        )


def _name_disk(found: Resource, disk: dict[str, Any], role: str) -> None:
    if not disk.get("name"):
        disk["name"] = disk_name(found, role)
    managed = disk.setdefault("managedDisk", {})
    managed.setdefault("storageAccountType", "Standard_LRS")
    managed["id"] = found.id.sibling(DISKS, str(disk["name"])).text


def _free(disk: Resource, vm: Resource) -> None:
    user = disk.top.get("managedBy")
    if user and ResourceId.parse(user) != vm.id:
        raise CloudError(
            409,
            "AttachDiskWhileBeingDetached" if disk.state == "Updating" else "ConflictingUserInput",
            f"Disk '{disk.id.name}' cannot be attached as the disk is already owned by VM '{user}'.",
        )
    if disk.location != vm.location:
        raise CloudError(
            400, "BadRequest", f"Disk {disk.id.name} and VM {vm.id.name} are in different locations."
        )
