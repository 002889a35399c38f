"""Microsoft.Compute/galleries/images/versions: files that never change, in the regions that they name."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from bluejacket.cloud.arm.account import LOCATIONS
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import DELETE, Call, Cloud, Job, Kind, record
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.disks import DISKS, SNAPSHOTS, gib_of
from bluejacket.cloud.compute.documents import (
    moment,
    need,
    need_location,
    now,
    reference,
    spelled,
    unchanged,
)
from bluejacket.cloud.compute.ephemeral import refuse_copy
from bluejacket.cloud.compute.galleries import VERBS
from bluejacket.cloud.compute.images import seal
from bluejacket.cloud.compute.keep import drop_images
from bluejacket.cloud.compute.limits import VMS
from bluejacket.cloud.compute.source import IMAGES, VERSIONS, region_name
from bluejacket.machine.volumes import image_file

_STORAGE = "galleryImageVersion.properties.storageProfile"
_SOURCES = ("source", "osDiskImage.source", "dataDiskImages")
_VERSION = re.compile(r"(0|[1-9]\d{0,9})\.(0|[1-9]\d{0,9})\.(0|[1-9]\d{0,9})")


class Versions(Kind):
    """One version of an image: files that never change, in the regions that it names."""

    type = VERSIONS
    verbs = VERBS
    versions = ("2026-03-03", "2024-03-03", "2023-07-03")

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record: what it is made of never changes, where it is and until when may."""
        found = record(call, old)
        found.properties = spelled(found.properties)
        need_location(found, self.type)
        if not _VERSION.fullmatch(found.id.name):
            raise invalid(
                f"The entity name 'galleryImageVersionName' is invalid according to its validation rule: "
                f"'{found.id.name}'. Use MajorVersion.MinorVersion.Patch.",
                "galleryImageVersionName",
            )
        publishing = dict(old.properties["publishingProfile"]) if old else {"publishedDate": now()}
        publishing |= found.properties.get("publishingProfile") or {}
        _fill_publishing(publishing, found.location)
        if old is not None:
            given = found.properties.get("storageProfile") or {}
            unchanged(_sources(old.properties["storageProfile"]), _sources(given), _SOURCES, _STORAGE)
            _check_regions_kept(old, publishing)
            found.properties = old.properties | found.properties
            found.properties["storageProfile"] = old.properties["storageProfile"]
        else:
            self._plan(cloud, found)
        found.properties["publishingProfile"] = publishing
        found.properties["safetyProfile"] = (
            {"allowDeletionOfReplicatedLocations": True}
            | ((old.properties.get("safetyProfile") if old else None) or {})
            | (found.properties.get("safetyProfile") or {})
            | {"reportedForPolicyViolation": False}
        )
        return found

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse to delete, before its end of life, a version that is protected until then."""
        end = resource.properties["publishingProfile"].get("endOfLifeDate")
        protected = resource.properties["safetyProfile"].get("blockDeletionBeforeEndOfLife")
        if protected and end and moment(end, "endOfLifeDate") > datetime.now(UTC):
            raise CloudError(
                409,
                "OperationNotAllowed",
                f"The gallery image version {resource.id.name} cannot be deleted before its end of life "
                f"({end}), because blockDeletionBeforeEndOfLife is true in its safetyProfile.",
            )

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Copy the source into files that never change again; or drop them."""
        if job.verb == DELETE:
            drop_images(cloud, without=resource.id)
            return None
        for disk, file in resource.hidden.get("copies", {}).items():
            seal(cloud, resource, ResourceId.parse(disk), str(file))
        return None

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document; `$expand=ReplicationStatus` adds the state in each region."""
        found = resource.document(self.type)
        if "replicationstatus" in call.query.get("$expand", "").lower():
            done = resource.state == "Succeeded"
            failed = resource.state == "Failed"
            found["properties"]["replicationStatus"] = {
                "aggregatedState": "Completed" if done else "Failed" if failed else "InProgress",
                "summary": [
                    {
                        "region": region["name"],
                        "state": "Completed" if done else "Failed" if failed else "Replicating",
                        "details": "",
                        "progress": 100 if done else 0,
                    }
                    for region in resource.properties["publishingProfile"]["targetRegions"]
                ],
            }
        return found

    def _plan(self, cloud: Cloud, found: Resource) -> None:
        """Decide what is copied from where, and into which files."""
        storage = found.properties.get("storageProfile")
        if not isinstance(storage, dict):
            raise invalid(
                "Required parameter 'galleryImageVersion.properties.storageProfile' is missing (null).",
                "galleryImageVersion.properties.storageProfile",
            )
        definition = need(cloud, found.id.parent, found.id)
        source = storage.get("source") or {}
        named = source.get("id") or source.get("virtualMachineId")
        if named is None:
            disk = need(
                cloud, reference(((storage.get("osDiskImage") or {}).get("source")), "source"), found.id
            )
            self._from_disks(cloud, found, disk, storage.get("dataDiskImages") or [])
            return
        origin = need(cloud, ResourceId.parse(str(named)), found.id)
        kind = origin.id.type.lower()
        if kind == VMS.lower():
            self._from_machine(cloud, found, origin, definition)
        elif kind in (IMAGES.lower(), VERSIONS.lower()):
            found.hidden |= {
                key: origin.hidden[key]
                for key in ("file", "gib", "data", "certificate")
                if key in origin.hidden
            }
        elif kind in (DISKS.lower(), SNAPSHOTS.lower()):
            self._from_disks(cloud, found, origin, [])
        else:
            raise invalid(f"'{named}' cannot be the source of an image version.", "storageProfile.source")
        storage["osDiskImage"] = {"sizeInGB": found.hidden["gib"], "hostCaching": "ReadWrite"}
        if found.hidden.get("data"):
            storage["dataDiskImages"] = [
                {"lun": int(lun), "sizeInGB": gib, "hostCaching": "None"}
                for lun, (_, gib) in sorted(found.hidden["data"].items())
            ]

    def _from_machine(self, cloud: Cloud, found: Resource, vm: Resource, definition: Resource) -> None:
        specialized = definition.properties["osState"] == "Specialized"
        if bool(vm.hidden.get("generalized")) == specialized:
            state = "generalized" if specialized else "not generalized"
            raise CloudError(
                400,
                "InvalidParameter",
                f"The VM {vm.id.name} is {state}, and the image definition {definition.id.name} is for "
                f"{definition.properties['osState'].lower()} images.",
                target="galleryImageVersion.properties.storageProfile.source",
            )
        storage = vm.properties["storageProfile"]
        system = need(cloud, ResourceId.parse(storage["osDisk"]["managedDisk"]["id"]), found.id)
        data = [
            {"lun": disk["lun"], "source": {"id": disk["managedDisk"]["id"]}}
            for disk in storage.get("dataDisks") or []
        ]
        self._from_disks(cloud, found, system, data)

    def _from_disks(
        self, cloud: Cloud, found: Resource, system: Resource, data: list[dict[str, Any]]
    ) -> None:
        refuse_copy(cloud, system)
        hidden: dict[str, Any] = {"file": image_file(str(uuid4())), "gib": gib_of(system), "data": {}}
        hidden["copies"] = {system.id.text: hidden["file"]}
        hidden["certificate"] = system.hidden.get("certificate", "")
        for one in data:
            disk = need(cloud, reference(one.get("source"), "dataDiskImages.source"), found.id)
            file = image_file(str(uuid4()))
            hidden["data"][str(one["lun"])] = [file, gib_of(disk)]
            hidden["copies"][disk.id.text] = file
        found.hidden |= hidden
        storage = found.properties["storageProfile"]
        storage.setdefault("osDiskImage", {})["sizeInGB"] = gib_of(system)


def _sources(storage: dict[str, Any]) -> dict[str, Any]:
    """Give what a version is made of, by ids: clients send back the rest as they understood it."""

    def named(one: dict[str, Any]) -> str:
        found = (one.get("source") or {}) if "source" in one else {}
        return str(found.get("id") or found.get("virtualMachineId") or "").lower()

    disks = {one.get("lun"): named(one) for one in storage.get("dataDiskImages") or []}
    system = named(storage.get("osDiskImage") or {})
    known = {"source": named(storage), "osDiskImage.source": system, "dataDiskImages": disks}
    return {name: value for name, value in known.items() if value}


def _check_regions_kept(old: Resource, publishing: dict[str, Any]) -> None:
    """Refuse to take a version out of a region when its safety profile does not allow that."""
    safety = old.properties.get("safetyProfile") or {}
    before = {region_name(one) for one in old.properties["publishingProfile"]["targetRegions"]}
    gone = before - {region_name(one) for one in publishing["targetRegions"]}
    if gone and safety.get("allowDeletionOfReplicatedLocations") is False:
        raise CloudError(
            409,
            "OperationNotAllowed",
            f"The gallery image version {old.id.name} cannot be removed from {', '.join(sorted(gone))}, "
            "because allowDeletionOfReplicatedLocations is false in its safetyProfile.",
        )


def _fill_publishing(publishing: dict[str, Any], location: str) -> None:
    """Fill in the defaults: the version's own region, one replica, standard storage.

    Raises CloudError for a region that there is not, and for what is no date.
    """
    if publishing.get("endOfLifeDate"):
        end = moment(publishing["endOfLifeDate"], "endOfLifeDate")
        publishing["endOfLifeDate"] = end.isoformat(timespec="seconds")
    publishing.setdefault("replicaCount", 1)
    publishing.setdefault("excludeFromLatest", False)
    publishing.setdefault("storageAccountType", "Standard_LRS")
    regions = publishing.get("targetRegions") or [{"name": location}]
    publishing["targetRegions"] = [
        {
            "regionalReplicaCount": publishing["replicaCount"],
            "storageAccountType": publishing["storageAccountType"],
            **{key: value for key, value in region.items() if value is not None},
        }
        for region in regions
    ]
    unknown = [one["name"] for one in publishing["targetRegions"] if region_name(one) not in LOCATIONS]
    if unknown:
        what = (
            f"The target region '{unknown[0]}' is not available for gallery image versions. List of "
            f"available regions is '{','.join(LOCATIONS)}'."
        )
        raise invalid(what, "galleryImageVersion.properties.publishingProfile.targetRegions")
