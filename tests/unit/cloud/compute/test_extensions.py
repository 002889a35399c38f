"""What is done for an extension, what is only kept and says so, and what nobody publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from armcloud import ArmCloud
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.extensions import Extensions
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.tools import Sandbox

GRADE = "x-bluejacket-grade"
ATTESTATION = ("Microsoft.Azure.Security.LinuxAttestation", "GuestAttestation")


class Machine:
    """A machine's record, which does not run, and its extensions."""

    def __init__(self, folder: Path) -> None:
        self.arm = ArmCloud(folder, [Extensions()])
        self.arm.cloud.provide(CloudMachines(folder / "cloud", Sandbox(folder, folder / "logs")))
        self.arm.group()
        self.place = f"{self.arm.root}/resourceGroups/g1/providers/Microsoft.Compute/virtualMachines/web"
        there = Resource(ResourceId.parse(self.place), location="eastus", properties={"vmId": "1-2"})
        self.arm.cloud.resources.put(there)

    def ask(self, method: str, name: str = "", body: Any = None, **query: str) -> Any:
        where = f"{self.place}/extensions" + (f"/{name}" if name else "")
        return self.arm.ask(method, where, body, query={"api-version": "2024-11-01", **query})

    def put(self, name: str, publisher: str, kind: str) -> Any:
        about = {"publisher": publisher, "type": kind, "typeHandlerVersion": "1.0"}
        settings = {"settings": {"commandToExecute": "true"}}
        return self.ask("PUT", name, {"location": "eastus", "properties": about | settings})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_an_extension_for_which_nothing_is_done_says_so(machine: Machine) -> None:
    begun = machine.put("watch", *ATTESTATION)
    assert (begun.status_code, begun.headers[GRADE]) == (201, "stored")
    assert machine.arm.poll(begun.headers["azure-asyncoperation"]).json()["status"] == "Succeeded"
    got = machine.ask("GET", "watch", **{"$expand": "instanceView"})
    assert got.headers[GRADE] == "stored"
    (status,) = got.json()["properties"]["instanceView"]["statuses"]
    assert "does nothing for it" in status["message"]
    assert machine.ask("GET").headers[GRADE] == "stored", (
        "a list says so when one of its records is only kept"
    )
    gone = machine.ask("DELETE", "watch")
    assert gone.headers[GRADE] == "stored"
    machine.arm.poll(gone.headers["location"])
    assert GRADE not in machine.ask("GET").headers


def test_an_extension_that_is_real_wants_a_machine_that_runs(machine: Machine) -> None:
    answer = machine.put("script", "Microsoft.Azure.Extensions", "CustomScript")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "OperationNotAllowed")
    assert machine.ask("GET").json()["value"] == []


@pytest.mark.parametrize(
    ("publisher", "kind"), [("Nobody", "CustomScript"), ("Microsoft.Azure.Extensions", "DockerExtension")]
)
def test_an_extension_that_nobody_publishes(machine: Machine, publisher: str, kind: str) -> None:
    error = machine.put("other", publisher, kind)
    assert (error.status_code, error.json()["error"]["code"]) == (404, "ArtifactNotFound")
    assert f"publisher '{publisher}' and type '{kind}'" in error.json()["error"]["message"]
