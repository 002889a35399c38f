"""What a disk's request has to say, before any file is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from armcloud import ArmCloud
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.disks import Disks, Snapshots

EMPTY = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4}


@pytest.fixture
def arm(tmp_path: Path) -> ArmCloud:
    found = ArmCloud(tmp_path, [Disks(), Snapshots()])
    found.group()
    return found


def refused(arm: ArmCloud, body: dict[str, Any], name: str = "disks/one") -> tuple[int, str, str]:
    """Ask for a disk that cannot be; gives the status, the code and the target."""
    told = arm.put(
        f"g1/Microsoft.Compute/{name}", {"location": "eastus"} | body, query={"api-version": "2025-01-02"}
    )
    error = told.json()["error"]
    return told.status_code, error["code"], error.get("target", "")


@pytest.mark.parametrize(
    ("body", "name", "expected"),
    [
        ({"properties": EMPTY, "sku": {"name": "Fast"}}, "disks/one", (400, "InvalidParameter", "sku.name")),
        (
            {"properties": EMPTY, "sku": {"name": "UltraSSD_LRS"}},
            "snapshots/one",
            (400, "InvalidParameter", "sku.name"),
        ),
        ({"properties": EMPTY}, "snapshots/one", (400, "OperationNotAllowed", "")),
        (
            {"properties": {"creationData": {"createOption": "Empty"}}},
            "disks/one",
            (400, "InvalidParameter", "diskSizeGB"),
        ),
        ({"properties": EMPTY | {"diskSizeGB": 65537}}, "disks/one", (400, "InvalidParameter", "diskSizeGB")),
        ({"properties": {"diskSizeGB": 4}}, "disks/one", (400, "InvalidParameter", "creationData")),
    ],
)
def test_what_cannot_be_made(
    arm: ArmCloud, body: dict[str, Any], name: str, expected: tuple[int, str, str]
) -> None:
    assert refused(arm, body, name) == expected


def test_a_copy_keeps_who_vouches_for_its_boot_loader(arm: ArmCloud) -> None:
    place = f"{arm.root}/resourceGroups/g1/providers/Microsoft.Compute"
    system = Resource(
        ResourceId.parse(f"{place}/disks/system"),
        properties={"diskSizeGB": 8, "osType": "Linux", "uniqueId": "u"},
        hidden={"file": "disks/x.qcow2", "certificate": "PEM"},
    )
    arm.cloud.resources.put(system)
    data = {"createOption": "Copy", "sourceResourceId": system.id.text}
    found = Resource(ResourceId.parse(f"{place}/snapshots/then"))
    least, kept = Snapshots()._begin(arm.cloud, found, data, "Copy")
    assert (least, kept) == (8, {"osType": "Linux"})
    assert found.hidden["certificate"] == "PEM"
    assert data["sourceUniqueId"] == "u"
