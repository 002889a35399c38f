"""Federated credentials: kept, within Azure's bounds, and marked as kept only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from armcloud import ArmCloud
from bluejacket.cloud.access.federated import FederatedCredentials
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource

GOOD = {"issuer": "https://issuer.example", "subject": "crew", "audiences": ["api://token"]}


class Holder:
    """An identity's record and its credentials."""

    def __init__(self, folder: Path) -> None:
        self.arm = ArmCloud(folder, [FederatedCredentials()])
        self.arm.group()
        self.place = "g1/Microsoft.ManagedIdentity/userAssignedIdentities/crew"
        self.arm.cloud.resources.put(Resource(ResourceId.parse(self.arm.path(self.place))))

    def put(self, name: str, **properties: Any) -> Any:
        where = f"{self.place}/federatedIdentityCredentials/{name}"
        return self.arm.put(where, {"properties": {**GOOD, **properties}})


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    return Holder(tmp_path)


def test_one_is_kept_and_says_so(holder: Holder) -> None:
    made = holder.put("builds")
    assert (made.status_code, made.headers["x-bluejacket-grade"]) == (201, "stored")
    assert made.json()["properties"] == GOOD
    assert holder.put("builds", subject="others").status_code == 200
    (found,) = holder.arm.get(f"{holder.place}/federatedIdentityCredentials").json()["value"]
    assert found["properties"]["subject"] == "others"


@pytest.mark.parametrize(
    ("name", "properties"),
    [
        ("builds", {"issuer": ""}),
        ("builds", {"issuer": "http://issuer.example"}),
        ("builds", {"audiences": []}),
        ("builds", {"audiences": ["one", "two"]}),
        ("a", {}),
    ],
)
def test_what_azure_does_not_take(holder: Holder, name: str, properties: dict[str, Any]) -> None:
    answer = holder.put(name, **properties)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidParameter")


def test_nobody_is_trusted_twice_nor_too_many(holder: Holder) -> None:
    assert holder.put("builds").status_code == 201
    twice = holder.put("again")
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "Conflict")
    for number in range(19):
        assert holder.put(f"more{number}", subject=f"crew{number}").status_code == 201
    assert holder.put("straw", subject="camel").status_code == 400
