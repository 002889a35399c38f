"""A deletion that is asked for while something else is under way at the same resource."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from armcloud import ArmCloud
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import DELETE, GET, PUT, SYSTEM, Cloud, Grade, Job, Kind, Verb
from bluejacket.cloud.arm.resource import Resource

BOAT = "g1/Microsoft.Compute/virtualMachines/boat"


class Boats(Kind):
    """Its writes and deletions last until they are let go."""

    type: ClassVar[str] = "Microsoft.Compute/virtualMachines"
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL, long=True),
        DELETE: Verb(Grade.REAL, long=True),
    }

    def __init__(self) -> None:
        self.may = {PUT: threading.Event(), DELETE: threading.Event()}

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        assert self.may[job.verb].wait(10)
        if resource.properties.get("sinks"):
            raise CloudError(409, "Conflict", "It is not to be.")


@pytest.mark.parametrize("sinks", [False, True])
def test_a_write_that_ends_leaves_it_deleting(tmp_path: Path, sinks: bool) -> None:
    boats = Boats()
    arm = ArmCloud(tmp_path, [boats])
    arm.group()
    written = arm.put(BOAT, {"location": "eastus", "properties": {"sinks": sinks}})
    deleted = arm.ask("DELETE", BOAT)
    boats.may[PUT].set()
    arm.poll(written.headers["Azure-AsyncOperation"])
    assert arm.get(BOAT).json()["properties"]["provisioningState"] == "Deleting"
    boats.may[DELETE].set()
    arm.poll(deleted.headers["Azure-AsyncOperation"])
    assert arm.get(BOAT).status_code == (200 if sinks else 404)
    if sinks:  # its deletion failed, and it says so
        assert arm.get(BOAT).json()["properties"]["provisioningState"] == "Failed"


def test_two_deletions_at_once_are_both_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boats = Boats()
    for one in boats.may.values():
        one.set()
    arm = ArmCloud(tmp_path, [boats])
    arm.group()
    arm.poll(arm.put(BOAT, {"location": "eastus"}).headers["Azure-AsyncOperation"])
    boat, add = ResourceId.parse(arm.path(BOAT)), arm.cloud.operations.add

    def overtaken(operation: Any) -> None:
        add(operation)
        arm.store.delete(boat)  # as the end of another deletion does

    monkeypatch.setattr(arm.cloud.operations, "add", overtaken)
    arm.cloud.delete(boat, SYSTEM)
    assert arm.store.get(boat) is None
    assert arm.cloud.operations.unfinished() == []
