"""Resource Manager over HTTP, with two kinds of its own: disks at once, machines in their own time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import sleep
from typing import Any, ClassVar

import pytest

from armcloud import BASE, ArmCloud
from bluejacket.cloud.arm.endpoint import Asked, Endpoint, Reply
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.kind import Call, Cloud, Grade, Job, Kind, Verb, record
from bluejacket.cloud.arm.resource import Resource

REAL, STORED = Grade.REAL, Grade.STORED
DISK, VM = "g1/Microsoft.Compute/disks/d1", "g1/Microsoft.Compute/virtualMachines/vm1"


class Disks(Kind):
    type: ClassVar[str] = "Microsoft.Compute/disks"
    verbs: ClassVar[Mapping[str, Verb]] = {
        "get": Verb(STORED),
        "list": Verb(STORED),
        "put": Verb(STORED, created=202),
        "patch": Verb(STORED),
        "delete": Verb(STORED),
        "endgetaccess": Verb(Grade.REFUSED, note="nobody gets in here"),
    }

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        if any(
            one.properties.get("disk") == resource.id.name
            for one in cloud.resources.list(type_name=Machines.type)
        ):
            raise CloudError(409, "OperationNotAllowed", "The disk is in use.")


class Machines(Kind):
    type: ClassVar[str] = "Microsoft.Compute/virtualMachines"
    verbs: ClassVar[Mapping[str, Verb]] = {
        "get": Verb(REAL),
        "list": Verb(REAL),
        "put": Verb(REAL, long=True),
        "patch": Verb(REAL, long=True),
        "delete": Verb(REAL, long=True),
        "start": Verb(REAL, long=True),
        "runcommand": Verb(REAL, long=True),
        "generalize": Verb(REAL),
        "instanceview": Verb(REAL, method="GET"),
        "upgrades/cancel": Verb(REAL, done=204),
        "validate": Verb(REAL, free=True),
    }

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.seen: list[tuple[str, str]] = []

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        if call.body.get("properties", {}).get("size") == "huge":
            raise invalid("The size is too large.", "vmSize")
        return record(call, old)

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        assert self.go.wait(10)
        self.seen.append((job.verb, resource.id.name))
        if resource.properties.get("fails"):
            raise CloudError(409, "AllocationFailed", "There is no room.", details=[invalid("Too small.")])
        if resource.properties.get("bug") and job.verb == "put":
            raise ZeroDivisionError("secret words")
        if job.verb == "runcommand":
            return {"value": [{"message": job.payload["script"]}]}
        if job.verb == "instanceview":
            return {"statuses": [{"code": "PowerState/running"}]}
        return None


class Parts(Kind):
    type: ClassVar[str] = "Microsoft.Compute/virtualMachines/extensions"
    verbs: ClassVar[Mapping[str, Verb]] = {name: Verb(REAL) for name in ("get", "list", "put", "delete")}


def sizes(cloud: Cloud, asked: Asked) -> Any:
    if asked.parts["location"] == "moon":
        return Reply({"none": True}, 404)
    return [{"name": "small", "where": asked.parts["location"], "top": asked.query.get("$top")}]


ENDPOINTS = [
    Endpoint(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/vmSizes",
        STORED,
        sizes,
        "Microsoft.Compute/locations/vmSizes/read",
    )
]


@pytest.fixture
def machines() -> Machines:
    return Machines()


@pytest.fixture
def arm(tmp_path: Path, machines: Machines, database: str) -> Iterator[ArmCloud]:
    made = ArmCloud(tmp_path, [Disks(), machines, Parts()], ENDPOINTS, url=database)
    made.group()
    yield made
    made.store.close()


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_group_comes_and_goes(arm: ArmCloud) -> None:
    assert arm.put("g1", {"location": "East US", "tags": {"a": "1"}}).status_code == 200
    found = arm.get("/subscriptions/" + arm.account.subscription + "/resourcegroups/G1/").json()
    assert found == {
        "id": f"{arm.root}/resourceGroups/g1",
        "name": "g1",
        "type": "Microsoft.Resources/resourceGroups",
        "location": "eastus",
        "tags": {"a": "1"},
        "properties": {"provisioningState": "Succeeded"},
    }
    assert arm.ask("HEAD", "g1").status_code == 204
    assert [one["name"] for one in arm.get(arm.root + "/resourceGroups").json()["value"]] == ["g1"]
    gone = arm.ask("DELETE", "g1")
    assert gone.status_code == 202
    assert "Azure-AsyncOperation" not in gone.headers
    assert arm.poll(gone.headers["Location"]).status_code == 200
    assert arm.ask("HEAD", "g1").status_code == 404
    assert error(arm.get("g1")) == (404, "ResourceGroupNotFound")
    assert error(arm.ask("DELETE", "g1")) == (404, "ResourceGroupNotFound")


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("g1", {"location": "westus2"}, (409, "InvalidResourceGroupLocation")),
        ("g2", {}, (400, "LocationRequired")),
        ("g2", {"location": "atlantis"}, (400, "LocationNotAvailableForResourceGroup")),
        ("g$2", {"location": "eastus"}, (400, "InvalidResourceGroup")),
        ("g.", {"location": "eastus"}, (400, "InvalidResourceGroup")),
        ("x" * 91, {"location": "eastus"}, (400, "InvalidResourceGroup")),
    ],
)
def test_a_group_that_cannot_be(arm: ArmCloud, name: str, body: Any, expected: Any) -> None:
    assert error(arm.put(name, body)) == expected


def test_groups_by_tag(arm: ArmCloud) -> None:
    arm.put("g2", {"location": "eastus", "tags": {"Team": "red"}})
    query = {"$filter": "tagName eq 'team' and tagValue eq 'red'"}
    found = arm.get(arm.root + "/resourceGroups", query=query).json()["value"]
    assert [one["name"] for one in found] == ["g2"]


def test_a_record_is_stored_and_says_so(arm: ArmCloud) -> None:
    made = arm.put(
        DISK, {"location": "eastus", "properties": {"diskSizeGB": 4, "none": None}, "sku": {"name": "x"}}
    )
    assert made.status_code == 202
    assert made.headers["x-bluejacket-grade"] == "stored"
    found = arm.get(DISK.upper().replace("G1/", "g1/")).json()
    assert found["name"] == "d1"
    assert found["type"] == "Microsoft.Compute/disks"
    assert found["properties"] == {"diskSizeGB": 4, "provisioningState": "Succeeded"}
    assert found["sku"] == {"name": "x"}
    assert arm.put(DISK, {"location": "eastus", "properties": {}}).status_code == 200
    patched = arm.ask("PATCH", DISK, {"tags": {"a": "b"}})
    assert (patched.status_code, patched.json()["tags"]) == (200, {"a": "b"})
    assert arm.ask("DELETE", DISK).status_code == 200
    assert arm.ask("DELETE", DISK).status_code == 204
    assert error(arm.get(DISK)) == (404, "ResourceNotFound")


def test_a_long_operation_is_polled(arm: ArmCloud, machines: Machines) -> None:
    machines.go.clear()
    begun = arm.put(VM, {"location": "eastus"})
    assert begun.status_code == 201
    assert begun.json()["properties"]["provisioningState"] == "Creating"
    assert "x-bluejacket-grade" not in begun.headers
    where = begun.headers["Azure-AsyncOperation"]
    assert where.startswith(BASE + arm.root + "/providers/Microsoft.Compute/locations/eastus/operations/")
    status = arm.get(where.removeprefix(BASE).partition("?")[0])
    assert status.json()["status"] == "InProgress"
    assert (status.headers["Retry-After"], status.headers["retry-after-ms"]) == ("1", "200")
    machines.go.set()
    ended = arm.poll(where)
    assert ended.json()["status"] == "Succeeded"
    assert ended.json()["startTime"] < ended.json()["endTime"]
    assert "Retry-After" not in ended.headers
    assert arm.get(VM).json()["properties"]["provisioningState"] == "Succeeded"


def test_an_action_answers_at_its_location(arm: ArmCloud) -> None:
    arm.poll(arm.put(VM, {"location": "eastus"}).headers["Azure-AsyncOperation"])
    begun = arm.ask("POST", VM + "/runCommand", {"script": "true"})
    assert (begun.status_code, begun.content) == (202, b"")
    expected = {"value": [{"message": "true"}]}
    assert arm.poll(begun.headers["Azure-AsyncOperation"]).json()["properties"]["output"] == expected
    last = arm.poll(begun.headers["Location"])
    assert (last.status_code, last.json()) == (200, expected)
    started = arm.ask("POST", VM + "/start")
    assert arm.poll(started.headers["Location"]).status_code == 200


def test_actions_at_once_by_get_and_of_two_words(arm: ArmCloud) -> None:
    arm.poll(arm.put(VM, {"location": "eastus"}).headers["Azure-AsyncOperation"])
    assert arm.ask("POST", VM + "/generalize").status_code == 200
    assert arm.get(VM + "/instanceView").json() == {"statuses": [{"code": "PowerState/running"}]}
    assert arm.ask("POST", VM + "/upgrades/cancel").status_code == 204
    assert arm.ask("POST", VM.replace("vm1", "not-there") + "/validate", {}).status_code == 200
    assert error(arm.ask("POST", VM.replace("vm1", "not-there") + "/start")) == (404, "ResourceNotFound")
    assert error(arm.ask("POST", VM + "/fly")) == (404, "InvalidResourceType")


def test_a_failure_is_told_asynchronously(arm: ArmCloud) -> None:
    begun = arm.put(VM, {"location": "eastus", "properties": {"fails": True}})
    assert begun.status_code == 201
    told = arm.poll(begun.headers["Azure-AsyncOperation"]).json()
    assert (told["status"], told["error"]["code"]) == ("Failed", "AllocationFailed")
    assert told["error"]["details"][0]["code"] == "InvalidParameter"
    assert arm.get(VM).json()["properties"]["provisioningState"] == "Failed"


def test_a_bug_tells_the_client_nothing_of_itself(arm: ArmCloud) -> None:
    begun = arm.put(VM, {"location": "eastus", "properties": {"bug": True}})
    told = arm.poll(begun.headers["Azure-AsyncOperation"])
    assert told.json()["error"]["code"] == "InternalServerError"
    assert "secret words" not in told.text


def test_what_is_refused_at_once(arm: ArmCloud) -> None:
    refused = arm.put(VM, {"location": "eastus", "properties": {"size": "huge"}})
    assert error(refused) == (400, "InvalidParameter")
    assert refused.json()["error"]["target"] == "vmSize"
    assert error(arm.get(VM)) == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("method", "where", "expected"),
    [
        ("GET", "g9/Microsoft.Compute/disks/d1", (404, "ResourceGroupNotFound")),
        ("GET", "g9/Microsoft.Compute/disks", (404, "ResourceGroupNotFound")),
        ("PUT", "g9/Microsoft.Compute/disks/d1", (404, "ResourceGroupNotFound")),
        ("PUT", VM + "/extensions/e1", (404, "ParentResourceNotFound")),
        ("GET", VM + "/extensions/e1", (404, "ParentResourceNotFound")),
        ("GET", VM + "/extensions", (404, "ResourceNotFound")),
        ("GET", "g1/Microsoft.Compute/unicorns/u", (404, "InvalidResourceType")),
        ("GET", "g1/Contoso.Farm/cows/c", (404, "InvalidResourceNamespace")),
        ("GET", "/subscriptions/other/resourceGroups", (404, "SubscriptionNotFound")),
        ("GET", "/nothing", (404, "InvalidResourceType")),
        ("PUT", "g1/Microsoft.Compute/disks", (405, "MethodNotAllowed")),
        ("POST", "g1/Microsoft.Compute/disks/d1", (405, "MethodNotAllowed")),
        ("PATCH", VM + "/extensions/e1", (405, "MethodNotAllowed")),
        ("POST", DISK + "/endGetAccess", (409, "OperationNotAllowed")),
    ],
)
def test_errors_have_azures_shape(arm: ArmCloud, method: str, where: str, expected: Any) -> None:
    assert error(arm.ask(method, where, {} if method != "GET" else None)) == expected


def test_bodies_that_are_none(arm: ArmCloud) -> None:
    headers = {"Authorization": f"Bearer {arm.token}", "Content-Type": "application/json"}
    for content in (b"{", b"[1]", b"\xff\xfe", b'{"a":' * 5000):
        got = arm.http.put(arm.path(DISK) + "?api-version=1", content=content, headers=headers)
        assert error(got) == (400, "InvalidRequestContent"), content[:10]
    large = b'{"a": "' + b"x" * (5 << 20) + b'"}'
    got = arm.http.put(arm.path(DISK) + "?api-version=1", content=large, headers=headers)
    assert error(got) == (413, "RequestContentTooLarge")


def test_a_version_is_needed_but_any_will_do(arm: ArmCloud) -> None:
    headers = {"Authorization": f"Bearer {arm.token}"}
    assert error(arm.http.get(arm.path("g1"), headers=headers)) == (400, "MissingApiVersionParameter")
    for version in ("2015-06-15", "2026-04-01", "2031-01-01-preview"):
        assert arm.get("g1", query={"api-version": version}).status_code == 200


def test_slashes_and_case(arm: ArmCloud) -> None:
    path = arm.path(DISK)[1:].replace("/", "//").replace("resourceGroups", "RESOURCEGROUPS")
    assert arm.put(f"/{path}/", {"location": "eastus"}).status_code == 202
    assert arm.get(DISK).status_code == 200


def test_every_answer_can_be_traced(arm: ArmCloud) -> None:
    correlation = "0f0f0f0f-1111-2222-3333-444444444444"
    got = arm.get("g1", headers={"x-ms-correlation-request-id": correlation, "x-ms-client-request-id": "c"})
    assert got.headers["x-ms-correlation-request-id"] == correlation
    assert got.headers["x-ms-client-request-id"] == "c"
    assert got.headers["x-ms-request-id"] != arm.get("g1").headers["x-ms-request-id"]


def test_a_list_comes_in_pages(arm: ArmCloud) -> None:
    for at in range(7):
        arm.put(f"g1/Microsoft.Compute/disks/d{at}", {"location": "eastus"})
    names, url, pages = [], arm.root + "/providers/Microsoft.Compute/disks", 0
    query = {"$top": "3"}
    while url:
        got = arm.get(url, query=query).json()
        names += [one["name"] for one in got["value"]]
        url, _, rest = got.get("nextLink", "").removeprefix(BASE).partition("?")
        query = dict(pair.split("=") for pair in rest.split("&") if pair)
        query = {key.replace("%24", "$"): value for key, value in query.items()}
        pages += 1
    assert (names, pages) == ([f"d{at}" for at in range(7)], 3)
    bad = arm.root + "/providers/Microsoft.Compute/disks"
    assert error(arm.get(bad, query={"$skiptoken": "!"})) == (400, "InvalidSkipToken")
    assert error(arm.get(bad, query={"$top": "0"})) == (400, "InvalidParameter")


def test_lists_know_their_scope(arm: ArmCloud) -> None:
    arm.group("g2")
    arm.put("g2/Microsoft.Compute/disks/d2", {"location": "eastus"})
    arm.put(DISK, {"location": "eastus"})
    arm.poll(arm.put(VM, {"location": "eastus"}).headers["Azure-AsyncOperation"])
    arm.put(VM + "/extensions/e1", {"location": "eastus"})
    whole = arm.get(arm.root + "/providers/Microsoft.Compute/disks").json()["value"]
    assert [one["name"] for one in whole] == ["d1", "d2"]
    assert [one["name"] for one in arm.get("g2/Microsoft.Compute/disks").json()["value"]] == ["d2"]
    assert [one["name"] for one in arm.get(VM + "/extensions").json()["value"]] == ["e1"]
    assert arm.get("g2/Microsoft.Compute/virtualMachines").json() == {"value": []}


def test_an_endpoint_answers_as_it_likes(arm: ArmCloud) -> None:
    where = arm.root + "/providers/microsoft.compute/LOCATIONS/{}/vmsizes"
    got = arm.get(where.format("eastus"), query={"$TOP": "1"})
    assert got.json() == [{"name": "small", "where": "eastus", "top": "1"}]
    assert got.headers["x-bluejacket-grade"] == "stored"
    assert arm.get(where.format("moon")).status_code == 404


def test_etags_guard_a_record(arm: ArmCloud) -> None:
    first = arm.put(DISK, {"location": "eastus"}, headers={"If-None-Match": "*"})
    assert first.status_code == 202
    etag = first.json()["etag"]
    again = arm.put(DISK, {"location": "eastus"}, headers={"If-None-Match": "*"})
    assert error(again) == (412, "PreconditionFailed")
    assert arm.put(DISK, {"location": "eastus"}, headers={"If-Match": etag}).status_code == 200
    assert error(arm.put(DISK, {"location": "eastus"}, headers={"If-Match": etag})) == (
        412,
        "PreconditionFailed",
    )
    assert error(arm.ask("DELETE", DISK, headers={"If-Match": etag})) == (412, "PreconditionFailed")


def test_a_deleted_group_takes_its_contents_in_order(arm: ArmCloud, machines: Machines) -> None:
    arm.put(DISK, {"location": "eastus"})
    arm.poll(
        arm.put(VM, {"location": "eastus", "properties": {"disk": "d1"}}).headers["Azure-AsyncOperation"]
    )
    assert error(arm.ask("DELETE", DISK)) == (409, "OperationNotAllowed")
    machines.go.clear()
    begun = arm.ask("DELETE", "g1")
    sleep(0.05)
    assert arm.get("g1").json()["properties"]["provisioningState"] == "Deleting"
    assert error(arm.put("g1/Microsoft.Compute/disks/d9", {})) == (409, "ResourceGroupBeingDeleted")
    machines.go.set()
    assert arm.poll(begun.headers["Location"]).status_code == 200
    assert ("delete", "vm1") in machines.seen
    assert set(arm.store.count()) <= {"microsoft.resources/resourcegroups"}


def test_work_on_one_resource_is_done_in_order(arm: ArmCloud, machines: Machines) -> None:
    machines.go.clear()
    first = arm.put(VM, {"location": "eastus"})
    others = [arm.ask("POST", VM + "/start") for _ in range(3)]
    last = arm.ask("DELETE", VM)
    machines.go.set()
    assert arm.poll(last.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"
    assert machines.seen == [("put", "vm1"), *[("start", "vm1")] * 3, ("delete", "vm1")]
    assert all(
        arm.poll(o.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded" for o in [first, *others]
    )
