"""What this cloud has not: it is declared, refused with its reason, and never kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from armcloud import ArmCloud
from bluejacket.cloud.arm.coverage import covered
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.compute import refused
from bluejacket.cloud.compute.galleries import Galleries
from bluejacket.cloud.compute.refused import refuse_properties

SETS = "g1/Microsoft.Compute/virtualMachineScaleSets"


@pytest.fixture
def arm(tmp_path: Path) -> ArmCloud:
    made = ArmCloud(tmp_path, [Galleries(), *refused.KINDS], refused.ENDPOINTS)
    made.group()
    return made


@pytest.mark.parametrize(
    ("method", "where"),
    [
        ("PUT", f"{SETS}/s"), ("PATCH", f"{SETS}/s"), ("GET", f"{SETS}/s"), ("GET", SETS),
        ("DELETE", f"{SETS}/s"), ("POST", f"{SETS}/s/restart"), ("POST", f"{SETS}/s/delete"),
        ("POST", f"{SETS}/s/rollingUpgrades/cancel"), ("GET", f"{SETS}/s/rollingUpgrades/latest"),
        ("GET", f"{SETS}/s/instanceView"), ("GET", f"{SETS}/s/networkInterfaces"),
        ("GET", f"{SETS}/s/virtualMachines"), ("POST", f"{SETS}/s/virtualMachines/0/runCommand"),
        ("PUT", "g1/Microsoft.Compute/hostGroups/h"), ("PUT", "g1/Microsoft.Compute/diskEncryptionSets/d"),
        ("GET", "/subscriptions/{s}/providers/Microsoft.Compute/locations/eastus/sharedGalleries"),
        ("GET", "/subscriptions/{s}/providers/Microsoft.Compute/locations/eastus/communityGalleries/c"),
    ],
)  # fmt: skip
def test_what_is_not_served_is_refused_with_its_reason(arm: ArmCloud, method: str, where: str) -> None:
    path = where.replace("{s}", arm.account.subscription)
    answer = arm.ask(method, path, {"location": "eastus"} if method != "GET" else None)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "OperationNotAllowed")
    assert "not available" in error["message"]
    assert ": " in error["message"], "the reason"


def test_all_of_it_is_declared() -> None:
    rows = covered(refused.KINDS, refused.ENDPOINTS)
    assert all(row.note for row in rows)
    assert {row.grade for row in rows} == {"refused", "stored"}
    assert {row.type for row in rows if row.grade == "stored"} == {refused.ENDPOINTS[-1].path}


@pytest.mark.parametrize(
    "properties",
    [
        {"applicationProfile": {"galleryApplications": [{"packageReferenceId": "/x"}]}},
        {"virtualMachineScaleSet": {"id": "/x"}},
        {"host": {"id": "/x"}},
        {"securityProfile": {"encryptionAtHost": True}},
        {"additionalCapabilities": {"hibernationEnabled": True}},
    ],
)
def test_a_machine_cannot_have_what_none_has(properties: dict[str, Any]) -> None:
    with pytest.raises(CloudError, match="OperationNotAllowed"):
        refuse_properties(properties)


def test_a_machine_may_say_that_it_does_not_want_it() -> None:
    refuse_properties({"applicationProfile": {"galleryApplications": []}, "host": None})
    refuse_properties({"additionalCapabilities": {"ultraSSDEnabled": False}, "securityProfile": {}})


@pytest.mark.parametrize(
    "asked",
    [
        {"properties": {"softDeletePolicy": {"isSoftDeleteEnabled": True}}},
        {"properties": {"sharingProfile": {"permissions": "Community"}}},
        {"identity": {"type": "SystemAssigned"}},
    ],
)
def test_a_gallery_takes_nothing_that_it_would_not_do(arm: ArmCloud, asked: dict[str, Any]) -> None:
    answer = arm.put("g1/Microsoft.Compute/galleries/shelf", {"location": "eastus", **asked})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "OperationNotAllowed")
    assert arm.get("g1/Microsoft.Compute/galleries/shelf").status_code == 404


def test_nothing_of_a_gallery_is_deleted_softly(arm: ArmCloud) -> None:
    place = "g1/Microsoft.Compute/galleries/shelf"
    soft = f"{place}/softDeletedArtifactTypes/images/artifacts/web/versions"
    assert arm.get(soft).status_code == 404
    arm.poll(arm.put(place, {"location": "eastus"}).headers["azure-asyncoperation"])
    assert arm.get(soft).json() == {"value": []}
    shared = arm.ask("POST", f"{place}/share", {"operationType": "Add"})
    assert (shared.status_code, shared.json()["error"]["code"]) == (409, "OperationNotAllowed")
