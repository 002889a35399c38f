"""Microsoft.Compute/disks and snapshots: files of `Volumes`, which machines use and addresses give away."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid4

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import (
    DELETE,
    GET,
    LIST,
    PATCH,
    PUT,
    Call,
    Cloud,
    Grade,
    Job,
    Kind,
    Verb,
    record,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.documents import (
    GIB,
    need,
    need_location,
    now,
    size_in_gib,
    spelled,
    unchanged,
    whole,
)
from bluejacket.cloud.compute.ephemeral import refuse_copy
from bluejacket.cloud.compute.keep import drop_halves, drop_images
from bluejacket.cloud.compute.machines import CloudMachines, file_of
from bluejacket.cloud.compute.source import base_of
from bluejacket.machine.volumes import disk_file

DISKS, SNAPSHOTS = "Microsoft.Compute/disks", "Microsoft.Compute/snapshots"
_LARGEST_GIB = 65536
_SKUS = ("Standard_LRS", "StandardSSD_LRS", "Premium_LRS", "UltraSSD_LRS", "PremiumV2_LRS")
_ZONAL_SKUS = ("StandardSSD_ZRS", "Premium_ZRS")
_REFUSED = "is not available in this cloud: its disks begin empty, as copies, or from an image"


class _Volume(Kind):
    """What disks and snapshots have in common."""

    verbs: ClassVar = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL, long=True, created=202),
        PATCH: Verb(Grade.REAL, long=True, created=202),
        DELETE: Verb(Grade.REAL, long=True),
        "begingetaccess": Verb(Grade.REAL, long=True),
        "endgetaccess": Verb(Grade.REAL, long=True),
    }
    versions = ("2025-01-02", "2024-03-02", "2023-10-02", "2023-04-02")
    options: ClassVar[tuple[str, ...]] = ()
    skus: ClassVar[tuple[str, ...]] = (*_SKUS, *_ZONAL_SKUS)

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record; the file is named here and made by `work`."""
        found = record(call, old)
        found.properties = spelled(found.properties)
        need_location(found, self.type)
        found.top.setdefault("sku", (old and old.top.get("sku")) or {"name": "Standard_LRS"})
        name = str(found.top["sku"].get("name") or "Standard_LRS")
        if name not in self.skus:
            known = ",".join(self.skus)
            what = f"The value '{name}' of parameter 'sku.name' is invalid. Supported values are: {known}."
            raise invalid(what, "sku.name")
        found.top["sku"] = {"name": name, "tier": name.split("_")[0].removesuffix("SSD").removesuffix("V2")}
        if old is not None:
            unchanged(old.properties, found.properties, ("osType", "hyperVGeneration"))
            kept = dict(old.properties)
            kept["creationData"] = self._kept_data(old, found)
            given = {key: one for key, one in found.properties.items() if key != "creationData"}
            found.properties = kept | given
            found.top = old.top | found.top
        else:
            found.hidden = {"file": disk_file(str(uuid4()))}
            found.properties = self._new(cloud, found)
        self._check_size(found, old)
        return found

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Make the file, or make it as large as it shall be; grant and revoke access; remove it."""
        machines = cloud.service(CloudMachines)
        if job.verb == "begingetaccess":
            return self._grant(cloud, job, resource)
        if job.verb == "endgetaccess":
            cloud.resources.change(resource.id, _revoke)
            return None
        if job.verb == DELETE:
            machines.remove_disk(str(resource.hidden["file"]))
            drop_images(cloud, without=resource.id)
            return None
        self._make(cloud, machines, resource)
        return None

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse to delete what a machine uses, or what is being read by an address."""
        what = self.type.rpartition("/")[2][:-1].capitalize()
        if resource.top.get("managedBy"):
            name = ResourceId.parse(resource.top["managedBy"]).name
            raise CloudError(
                409, "OperationNotAllowed", f"{what} {resource.id.name} is attached to VM {name}."
            )
        if resource.hidden.get("grant"):
            raise CloudError(
                409,
                "OperationNotAllowed",
                "There is an active shared access signature outstanding for "
                f"{what.lower()} {resource.id.name}. Call EndGetAccess on the {what.lower()} before "
                "attempting this operation.",
            )

    def act(self, cloud: Cloud, call: Call, resource: Resource, action: str) -> dict[str, Any]:
        """Check a grant: reading only, for a time that is said."""
        if action == "begingetaccess":
            if str(call.body.get("access", "Read")).lower() != "read":
                raise invalid("Only the access 'Read' can be granted in this cloud.", "access")
            refuse_copy(cloud, resource)
            limit = whole(call.body.get("durationInSeconds"), "durationInSeconds", 1, 0xFFFFFFFF)
            return {"durationInSeconds": limit}
        return {}

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document, with the state that follows from who uses it."""
        found = resource.document(self.type)
        state = "Attached" if resource.top.get("managedBy") else "Unattached"
        found["properties"]["diskState"] = "ActiveSAS" if resource.hidden.get("grant") else state
        return found

    def _kept_data(self, old: Resource, new: Resource) -> Any:
        """Give what the disk began as, which never changes."""
        data = dict(old.properties.get("creationData") or {})
        given = dict(new.properties.get("creationData") or {})
        unchanged(data, given, ("createOption", "sourceResourceId"), "creationData")
        return data

    def _new(self, cloud: Cloud, found: Resource) -> dict[str, Any]:
        data = found.properties.get("creationData")
        if not isinstance(data, dict) or not data.get("createOption"):
            raise invalid("Required parameter 'creationData' is missing (null).", "creationData")
        option = str(data["createOption"])
        if option not in self.options:
            raise CloudError(400, "OperationNotAllowed", f"The create option '{option}' {_REFUSED}.")
        least, more = self._begin(cloud, found, data, option)
        gib = found.properties.get("diskSizeGB", least or None)
        if gib is None:
            raise invalid("Required parameter 'diskSizeGB' is missing (null).", "diskSizeGB")
        number = whole(gib, "diskSizeGB", 1, _LARGEST_GIB)
        if number < least:
            raise _too_small(number, least)
        defaults = {
            "diskIOPSReadWrite": 500,
            "diskMBpsReadWrite": 60,
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            "networkAccessPolicy": "AllowAll",
            "publicNetworkAccess": "Enabled",
            "timeCreated": now(),
            "uniqueId": str(uuid4()),
        }
        return defaults | more | found.properties | {"diskSizeGB": number}

    def _begin(
        self, cloud: Cloud, found: Resource, data: dict[str, Any], option: str
    ) -> tuple[int, dict[str, Any]]:
        """Give the least size in GiB, and properties that come with the beginning."""
        if option == "Empty":
            return 0, {}
        if option == "FromImage":
            wanted = data.get("imageReference") or data.get("galleryImageReference")
            if not isinstance(wanted, dict):
                raise invalid("Required parameter 'creationData.imageReference' is missing (null).")
            base = base_of(cloud, wanted, found.location)
            found.hidden["base"], gib = base.file, base.gib
            found.hidden["certificate"] = base.certificate
            if "lun" in wanted:
                lun = whole(wanted["lun"], "imageReference.lun", 0, 63)
                if lun not in base.data:
                    raise invalid(f"The image has no data disk at LUN {lun}.", "imageReference.lun")
                found.hidden["base"], gib = base.data[lun]
                return gib, {}
            return gib, {"osType": "Linux", "hyperVGeneration": base.generation}
        source = need(cloud, ResourceId.parse(str(data.get("sourceResourceId") or "")), found.id)
        if source.id.type.lower() not in (DISKS.lower(), SNAPSHOTS.lower()):
            raise invalid(f"'{source.id}' is no disk and no snapshot.", "creationData.sourceResourceId")
        refuse_copy(cloud, source)
        both = ("osType", "hyperVGeneration")
        kept: dict[str, Any] = {key: source.properties[key] for key in both if key in source.properties}
        found.hidden["certificate"] = source.hidden.get("certificate", "")
        data["sourceUniqueId"] = source.properties.get("uniqueId")
        return int(source.properties.get("diskSizeGB", 1)), kept

    def _check_size(self, found: Resource, old: Resource | None) -> None:
        number = whole(found.properties["diskSizeGB"], "diskSizeGB", 1, _LARGEST_GIB)
        if old is not None and number < int(old.properties["diskSizeGB"]):
            raise _too_small(number, int(old.properties["diskSizeGB"]))
        found.properties["diskSizeGB"] = number
        found.properties["diskSizeBytes"] = number * GIB

    def _make(self, cloud: Cloud, machines: CloudMachines, resource: Resource) -> None:
        file = str(resource.hidden["file"])
        data, size = resource.properties["creationData"], int(resource.properties["diskSizeBytes"])
        if machines.volumes.path(file).exists():
            machines.grow(cloud, user_of(cloud, resource), file, size)
            return
        if data["createOption"] == "Empty":
            machines.volumes.create(file, size)
        elif data["createOption"] == "FromImage":
            machines.volumes.overlay(file, str(resource.hidden["base"]), size)
        else:
            source = need(cloud, ResourceId.parse(data["sourceResourceId"]), resource.id)
            machines.copy_disk(cloud, user_of(cloud, source), file_of(cloud, source.id), file)
            machines.grow(cloud, None, file, size)

    def _grant(self, cloud: Cloud, job: Job, resource: Resource) -> dict[str, Any]:
        if user_of(cloud, resource) is not None and cloud.service(CloudMachines).running(
            cloud.resources.need(ResourceId.parse(resource.top["managedBy"]))
        ):
            raise CloudError(
                409,
                "OperationNotAllowed",
                f"Disk {resource.id.name} is attached to a running VM. Stop the VM before access is granted.",
            )
        grant = str(resource.hidden.get("grant") or job.name)
        cloud.resources.change(resource.id, lambda one: one.hidden.update(grant=grant))
        downloads = cloud.service(CloudMachines).downloads
        limit = float(job.payload["durationInSeconds"])
        return {"accessSAS": downloads.disk_bytes(cloud.base, resource.id, limit, grant)}


class Disks(_Volume):
    """A managed disk."""

    type = DISKS
    options = ("Empty", "Copy", "FromImage", "Restore")

    def settle(self, cloud: Cloud) -> None:
        """Remove what was never finished: whoever was making it makes it again."""
        drop_halves(cloud)


class Snapshots(_Volume):
    """A disk as it was at one moment, also of a machine that runs."""

    type = SNAPSHOTS
    options = ("Copy", "CopyStart")
    skus = ("Standard_LRS", "Premium_LRS", "Standard_ZRS")

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document."""
        found = super().shown(cloud, resource, call)
        found["properties"].setdefault("incremental", False)
        found["properties"]["completionPercent"] = 100.0
        return found


def user_of(cloud: Cloud, disk: Resource) -> Resource | None:
    """Give the machine that a disk is attached to, or None."""
    managed = disk.top.get("managedBy")
    return cloud.resources.get(ResourceId.parse(managed)) if managed else None


def gib_of(disk: Resource) -> int:
    """Give a disk's size in GiB."""
    return size_in_gib(int(disk.properties["diskSizeBytes"]))


def _revoke(disk: Resource) -> None:
    disk.hidden.pop("grant", None)


def _too_small(number: int, least: int) -> CloudError:
    return CloudError(
        400,
        "InvalidParameter",
        f"The specified disk size {number} GB is smaller than the size of the corresponding disk or image: "
        f"{least} GB. This is not allowed. Please choose equal or greater size or do not specify an explicit "
        "size.",
        target="diskSizeGB",
    )
