"""What image versions promise: which is latest where, what of them may change, how long they stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from armcloud import ArmCloud
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.documents import moment
from bluejacket.cloud.compute.galleries import Definitions, Galleries
from bluejacket.cloud.compute.galleryversions import Versions
from bluejacket.cloud.compute.source import base_of, latest_version

DISK = "/subscriptions/s/resourceGroups/g1/providers/Microsoft.Compute/disks/system"


class Cabinet:
    """A gallery with one definition, whose versions are records without files."""

    def __init__(self, folder: Path) -> None:
        self.arm = ArmCloud(folder, [Galleries(), Definitions(), Versions()])
        self.arm.group()
        self.place = f"{self.arm.root}/resourceGroups/g1/providers/Microsoft.Compute/galleries/shelf"
        self.put("", {})
        identifier = {"publisher": "me", "offer": "web", "sku": "4"}
        self.put("/images/web", {"identifier": identifier, "osType": "Linux", "osState": "Generalized"})
        self.definition = ResourceId.parse(f"{self.place}/images/web")

    def put(self, where: str, properties: dict[str, Any]) -> None:
        made = self.ask("PUT", where, properties)
        assert made.status_code in (200, 201, 202), made.text
        self.arm.poll(made.headers["azure-asyncoperation"])

    def ask(self, method: str, where: str, properties: dict[str, Any] | None = None) -> Any:
        body = None if properties is None else {"location": "eastus", "properties": properties}
        return self.arm.ask(method, self.place + where, body, query={"api-version": "2024-03-03"})

    def keep(self, name: str, publishing: dict[str, Any], **properties: Any) -> str:
        """Keep a version as if its files had been copied already."""
        regions = {"targetRegions": [{"name": "eastus"}, {"name": "West US 2"}]}
        one = Resource(
            ResourceId.parse(f"{self.place}/images/web/versions/{name}"),
            location="eastus",
            properties={
                "provisioningState": "Succeeded",
                "publishingProfile": regions | publishing,
                "safetyProfile": {},
                "storageProfile": {"source": {"id": DISK}, "osDiskImage": {"sizeInGB": 8}},
                **properties,
            },
            hidden={"file": f"images/{name}.qcow2", "gib": 8, "certificate": f"vouched {name}"},
        )
        self.arm.cloud.resources.put(one)
        return f"/images/web/versions/{name}"

    def latest(self, region: str) -> str:
        found = latest_version(self.arm.cloud, self.definition, region)
        return found.id.name if found else ""


@pytest.fixture
def cabinet(tmp_path: Path) -> Cabinet:
    return Cabinet(tmp_path)


def test_latest_is_the_highest_by_number_that_is_not_excluded(cabinet: Cabinet) -> None:
    assert cabinet.latest("eastus") == ""
    cabinet.keep("1.9.0", {})
    cabinet.keep("1.10.0", {})
    cabinet.keep("2.0.0", {"excludeFromLatest": True})
    assert cabinet.latest("eastus") == "1.10.0"


def test_a_version_can_be_excluded_in_one_region(cabinet: Cabinet) -> None:
    cabinet.keep("1.0.0", {})
    cabinet.keep(
        "2.0.0", {"targetRegions": [{"name": "eastus"}, {"name": "westus2", "excludeFromLatest": True}]}
    )
    assert (cabinet.latest("eastus"), cabinet.latest("westus2")) == ("2.0.0", "1.0.0")


def test_a_version_is_only_where_it_was_replicated_to(cabinet: Cabinet) -> None:
    where = cabinet.keep("1.0.0", {})
    reference = {"id": cabinet.place + where}
    base = base_of(cabinet.arm.cloud, reference, "westus2")
    assert (base.file, base.certificate) == ("images/1.0.0.qcow2", "vouched 1.0.0")
    with pytest.raises(CloudError, match="is not available in westeurope region") as told:
        base_of(cabinet.arm.cloud, reference, "westeurope")
    assert told.value.code == "GalleryImageNotFound"


def test_a_version_is_updated_with_the_document_that_a_client_understood(cabinet: Cabinet) -> None:
    where = cabinet.keep("1.0.0", {})
    shown = cabinet.ask("GET", where).json()["properties"]
    shown["storageProfile"]["osDiskImage"] = {"hostCaching": "ReadWrite", "source": {}}
    shown["publishingProfile"]["excludeFromLatest"] = True
    done = cabinet.ask("PUT", where, shown)
    assert done.status_code == 200, done.text
    assert cabinet.ask("GET", where).json()["properties"]["storageProfile"]["osDiskImage"] == {"sizeInGB": 8}
    shown["storageProfile"]["source"]["id"] = f"{DISK}2"
    told = cabinet.ask("PUT", where, shown)
    assert (told.status_code, told.json()["error"]["code"]) == (409, "PropertyChangeNotAllowed")


@pytest.mark.parametrize(("end", "blocked"), [("2001-01-01T00:00:00Z", True), ("2100-01-01", False)])
def test_a_version_can_be_deleted_after_its_end_of_life_or_unprotected(
    cabinet: Cabinet, end: str, blocked: bool
) -> None:
    safety = {"blockDeletionBeforeEndOfLife": blocked}
    where = cabinet.keep("1.0.0", {"endOfLifeDate": end}, safetyProfile=safety)
    kept = cabinet.arm.cloud.resources.need(ResourceId.parse(cabinet.place + where))
    Versions().removable(cabinet.arm.cloud, kept)


def test_a_protected_version_stays_until_its_end_of_life(cabinet: Cabinet) -> None:
    safety = {"blockDeletionBeforeEndOfLife": True}
    where = cabinet.keep("1.0.0", {"endOfLifeDate": "2100-01-01"}, safetyProfile=safety)
    told = cabinet.ask("DELETE", where)
    assert told.status_code == 409
    assert "before its end of life" in told.json()["error"]["message"]


def test_regions_are_known_ones_and_go_only_when_they_may(cabinet: Cabinet) -> None:
    where = cabinet.keep("1.0.0", {}, safetyProfile={"allowDeletionOfReplicatedLocations": False})
    given = {"publishingProfile": {"targetRegions": [{"name": "eastus"}]}}
    told = cabinet.ask("PUT", where, given)
    assert told.status_code == 409
    assert "cannot be removed from westus2" in told.json()["error"]["message"]
    given["publishingProfile"]["targetRegions"] += [{"name": "atlantis"}, {"name": "westus2"}]
    told = cabinet.ask("PUT", where, given)
    assert (told.status_code, told.json()["error"]["code"]) == (400, "InvalidParameter")


def test_dates_without_a_zone_are_utc() -> None:
    assert moment("2030-01-02", "x") == moment("2030-01-02T01:00:00+01:00", "x")
    with pytest.raises(CloudError, match="The value 'soon' of parameter 'x' is invalid"):
        moment("soon", "x")
