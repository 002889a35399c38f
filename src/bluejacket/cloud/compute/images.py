"""Microsoft.Compute/images: a generalized machine, or a disk or snapshot, from which machines are made."""

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
from bluejacket.cloud.compute.disks import DISKS, SNAPSHOTS, gib_of, user_of
from bluejacket.cloud.compute.documents import need, need_location, reference, spelled, unchanged
from bluejacket.cloud.compute.ephemeral import refuse_copy
from bluejacket.cloud.compute.keep import drop_images
from bluejacket.cloud.compute.machines import CloudMachines, file_of
from bluejacket.cloud.compute.source import IMAGES
from bluejacket.machine.volumes import disk_file, image_file


class Images(Kind):
    """A managed image."""

    type = IMAGES
    verbs: ClassVar = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL, long=True),
        PATCH: Verb(Grade.STORED),
        DELETE: Verb(Grade.REAL, long=True),
    }
    versions = ("2024-11-01", "2024-07-01")

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record; its source has to be there, and a machine generalized."""
        found = record(call, old)
        found.properties = spelled(found.properties)
        need_location(found, self.type)
        if old is not None:
            unchanged(
                old.properties,
                found.properties,
                ("sourceVirtualMachine", "storageProfile", "hyperVGeneration"),
            )
            found.properties = old.properties | found.properties
            return found
        found.hidden = {"file": image_file(str(uuid4()))}
        found.properties.setdefault("hyperVGeneration", "V2")
        if "sourceVirtualMachine" in found.properties:
            self._from_machine(cloud, found)
        else:
            self._from_disk(cloud, found)
        return found

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Copy the source's disks into image files that never change again."""
        if job.verb == DELETE:
            drop_images(cloud, without=resource.id)
        elif job.verb == PUT:
            storage = resource.properties["storageProfile"]
            seal(cloud, resource, _source_of(storage["osDisk"]), str(resource.hidden["file"]))
            for disk in storage.get("dataDisks") or []:
                seal(cloud, resource, _source_of(disk), resource.hidden["data"][str(disk["lun"])][0])
        return None

    def _from_machine(self, cloud: Cloud, found: Resource) -> None:
        vm = need(
            cloud, reference(found.properties["sourceVirtualMachine"], "sourceVirtualMachine"), found.id
        )
        if not vm.hidden.get("generalized"):
            raise CloudError(
                409,
                "OperationNotAllowed",
                f"The Image {found.id.name} cannot be created: the VM {vm.id.name} is not generalized.",
            )
        storage = vm.properties["storageProfile"]
        system = storage["osDisk"]
        found.properties["storageProfile"] = {
            "osDisk": {
                "osType": "Linux",
                "osState": "Generalized",
                "managedDisk": {"id": system["managedDisk"]["id"]},
                "caching": system.get("caching", "ReadWrite"),
                "storageAccountType": "Standard_LRS",
            },
            "dataDisks": [
                {"lun": disk["lun"], "managedDisk": {"id": disk["managedDisk"]["id"]}, "caching": "None"}
                for disk in storage.get("dataDisks") or []
            ],
            "zoneResilient": False,
        }
        self._measure(cloud, found)

    def _from_disk(self, cloud: Cloud, found: Resource) -> None:
        system = (found.properties.get("storageProfile") or {}).get("osDisk")
        if not isinstance(system, dict):
            raise invalid("Required parameter 'storageProfile.osDisk' is missing (null).", "storageProfile")
        if system.get("blobUri"):
            raise CloudError(400, "OperationNotAllowed", "Images from blobs are not available in this cloud.")
        system.setdefault("osState", "Generalized")
        self._measure(cloud, found)

    def _measure(self, cloud: Cloud, found: Resource) -> None:
        """Note each source's size, and name the files of data disks."""
        storage = found.properties["storageProfile"]
        source = need(cloud, _source_of(storage["osDisk"]), found.id)
        refuse_copy(cloud, source)
        found.hidden |= {"gib": gib_of(source), "data": {}}
        found.hidden["certificate"] = source.hidden.get("certificate", "")
        storage["osDisk"].setdefault("diskSizeGB", gib_of(source))
        found.hidden["specialized"] = storage["osDisk"].get("osState") == "Specialized"
        for disk in storage.get("dataDisks") or []:
            data = need(cloud, _source_of(disk), found.id)
            disk.setdefault("diskSizeGB", gib_of(data))
            found.hidden["data"][str(disk["lun"])] = [image_file(str(uuid4())), gib_of(data)]


def seal(cloud: Cloud, user: Resource, source: ResourceId, target: str) -> None:
    """Copy a disk or snapshot, as it is now, into the image file `target`; once only."""
    machines = cloud.service(CloudMachines)
    if machines.volumes.path(target).exists():
        return
    disk = need(cloud, source, user.id)
    number = target.removeprefix("images/").removesuffix(".qcow2")
    copy = disk_file(f"image-{number}")
    machines.copy_disk(cloud, user_of(cloud, disk), file_of(cloud, source), copy)
    with machines.files:
        machines.volumes.seal(copy, number)


def _source_of(disk: dict[str, Any]) -> ResourceId:
    for name, kind in (("managedDisk", DISKS), ("snapshot", SNAPSHOTS)):
        if name in disk:
            found = reference(disk[name], name)
            if found.type.lower() != kind.lower():
                raise invalid(f"'{found}' is no {kind}.", name)
            return found
    raise invalid("Required parameter 'managedDisk' is missing (null).", "managedDisk")
