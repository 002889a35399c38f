"""Locks, tags, the list of resources and the log of what was done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from armcloud import ArmCloud
from bluejacket.cloud.arm.kind import Grade, Kind, Verb

REAL = Grade.REAL
DISK = "g1/Microsoft.Compute/disks/d1"
LOCKS = "/providers/Microsoft.Authorization/locks"


class Disks(Kind):
    type: ClassVar[str] = "Microsoft.Compute/disks"
    verbs: ClassVar[Mapping[str, Verb]] = {
        name: Verb(REAL) for name in ("get", "list", "put", "patch", "delete", "begingetaccess")
    }


@pytest.fixture
def arm(tmp_path: Path, database: str) -> Iterator[ArmCloud]:
    made = ArmCloud(tmp_path, [Disks()], url=database)
    made.group()
    made.put(DISK, {"location": "eastus", "tags": {"Team": "red"}})
    yield made
    made.store.close()


def lock(arm: ArmCloud, scope: str, level: str, name: str = "l1") -> Any:
    return arm.put(f"{scope}{LOCKS}/{name}", {"properties": {"level": level, "notes": "why"}})


def code(answer: Any) -> Any:
    return (
        answer.json()["error"]["code"] if answer.content and "error" in answer.json() else answer.status_code
    )


def test_a_lock_against_deletion(arm: ArmCloud) -> None:
    scope = arm.path(DISK)
    made = lock(arm, scope, "cannotdelete")
    assert made.status_code == 201
    assert made.json()["properties"] == {"level": "CanNotDelete", "notes": "why"}
    assert made.json()["id"] == f"{scope}{LOCKS}/l1"
    assert code(arm.ask("DELETE", DISK)) == "ScopeLocked"
    assert code(arm.ask("DELETE", "g1")) == "ScopeLocked", "the group would take the disk with it"
    assert arm.put(DISK, {"location": "eastus"}).status_code == 200
    assert arm.ask("POST", DISK + "/beginGetAccess").status_code == 200
    assert arm.ask("DELETE", f"{scope}{LOCKS}/l1").status_code == 200
    assert arm.ask("DELETE", DISK).status_code == 200


@pytest.mark.parametrize("scope", ["", "/resourceGroups/g1"])
def test_a_lock_against_all_changes_holds_for_all_below(arm: ArmCloud, scope: str) -> None:
    assert lock(arm, arm.root + scope, "ReadOnly").status_code == 201
    assert code(arm.put(DISK, {"location": "eastus"})) == "ScopeLocked"
    assert code(arm.ask("PATCH", DISK, {"tags": {}})) == "ScopeLocked"
    assert code(arm.ask("DELETE", DISK)) == "ScopeLocked"
    assert code(arm.ask("POST", DISK + "/beginGetAccess")) == "ScopeLocked"
    assert code(arm.put("g1/Microsoft.Compute/disks/d2", {"location": "eastus"})) == "ScopeLocked"
    tags = arm.path(DISK) + "/providers/Microsoft.Resources/tags/default"
    assert code(arm.put(tags, {"properties": {"tags": {}}})) == "ScopeLocked"
    assert arm.get(DISK).status_code == 200
    assert arm.ask("DELETE", f"{arm.root}{scope}{LOCKS}/l1").status_code == 200
    assert arm.ask("DELETE", DISK).status_code == 200


def test_locks_are_listed_where_they_hold(arm: ArmCloud) -> None:
    lock(arm, arm.root, "CanNotDelete", "sub")
    lock(arm, arm.path("g1"), "CanNotDelete", "group")
    lock(arm, arm.path(DISK), "CanNotDelete", "disk")

    def names(scope: str, **query: str) -> set[str]:
        return {one["name"] for one in arm.get(scope + LOCKS, query=query).json()["value"]}

    assert names(arm.path(DISK)) == {"sub", "group", "disk"}
    assert names(arm.root) == {"sub", "group", "disk"}
    assert names(arm.root, **{"$filter": "atScope()"}) == {"sub"}
    assert code(lock(arm, arm.path("g1"), "Sometimes")) == "InvalidParameter"
    assert (
        code(lock(arm, arm.path("g1/Microsoft.Compute/disks/none"), "ReadOnly")) == "ParentResourceNotFound"
    )


def test_tags_of_anything(arm: ArmCloud) -> None:
    for scope in (arm.root, arm.path("g1"), arm.path(DISK)):
        where = f"{scope}/providers/Microsoft.Resources/tags/default"
        made = arm.put(where, {"properties": {"tags": {"a": "1", "b": "2"}}})
        assert made.json()["properties"]["tags"] == {"a": "1", "b": "2"}

        def change(how: str, where: str = where, **tags: str) -> Any:
            body = {"operation": how, "properties": {"tags": tags}}
            return arm.ask("PATCH", where, body).json().get("properties", {}).get("tags")

        assert change("Merge", A="9", c="3") == {"a": "9", "b": "2", "c": "3"}
        assert change("Delete", B="") == {"a": "9", "c": "3"}
        assert change("Replace", x="y") == {"x": "y"}
        assert change("Shuffle", x="y") is None
        assert arm.get(where).json()["properties"]["tags"] == {"x": "y"}
        assert arm.ask("DELETE", where).status_code == 200
        assert arm.get(where).json()["properties"]["tags"] == {}
    many = {str(n): "" for n in range(51)}
    assert code(arm.put(where, {"properties": {"tags": many}})) == "TooManyTags"


def test_names_of_tags(arm: ArmCloud) -> None:
    where = f"{arm.root}/tagNames"
    assert arm.put(f"{where}/cost", {}).status_code == 201
    assert arm.put(f"{where}/cost/tagValues/low", {}).status_code == 201
    found = {one["tagName"]: one for one in arm.get(where).json()["value"]}
    assert found["Team"]["count"]["value"] == 1
    assert [one["tagValue"] for one in found["cost"]["values"]] == ["low"]
    assert code(arm.ask("DELETE", f"{where}/team")) == "TagInUse"
    assert arm.ask("DELETE", f"{where}/cost/tagValues/low").status_code == 200
    assert arm.ask("DELETE", f"{where}/cost").status_code == 200
    assert "cost" not in {one["tagName"] for one in arm.get(where).json()["value"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["d1", "d2"]),
        ("resourceType eq 'microsoft.compute/DISKS'", ["d1", "d2"]),
        ("resourceType eq 'Microsoft.Compute/virtualMachines'", []),
        ("resourceType eq 'Microsoft.Compute/disks' and name eq 'd2'", ["d2"]),
        ("name eq 'd1' or name eq 'd2'", ["d1", "d2"]),
        ("resourceGroup eq 'g1' and name ne 'd1'", ["d2"]),
        ("location eq 'westus2'", ["d2"]),
        ("tagName eq 'team' and tagValue eq 'red'", ["d1"]),
        ("tagName eq 'team'", ["d1"]),
        ("substringof('D2', name)", ["d2"]),
        ("startswith(name, 'd')", ["d1", "d2"]),
    ],
)
def test_resources_by_filter(arm: ArmCloud, text: str, expected: list[str]) -> None:
    arm.put("g1/Microsoft.Compute/disks/d2", {"location": "westus2"})
    lock(arm, arm.path(DISK), "CanNotDelete")
    query = {"$filter": text, "$expand": "provisioningState"} if text else {}
    found = arm.get(arm.root + "/resources", query=query).json()["value"]
    assert [one["name"] for one in found] == expected
    assert all(one["type"] == "Microsoft.Compute/disks" for one in found)
    assert found == arm.get("/" + arm.path("g1")[1:] + "/resources", query=query).json()["value"]


@pytest.mark.parametrize(
    "text", ["name is 'd1'", "colour eq 'red'", "name eq 'a' and name eq 'b' or name eq 'c'"]
)
def test_filters_that_are_none(arm: ArmCloud, text: str) -> None:
    assert code(arm.get(arm.root + "/resources", query={"$filter": text})) == "InvalidFilterInQueryString"


def test_what_was_done_is_told(arm: ArmCloud) -> None:
    correlation = "0f0f0f0f-1111-2222-3333-444444444444"
    arm.ask("DELETE", DISK, headers={"x-ms-correlation-request-id": correlation})
    where = f"{arm.root}/providers/Microsoft.Insights/eventtypes/management/values"

    def events(text: str, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = arm.get(where, query={"$filter": text, **query}).json()["value"]
        return found

    (one,) = events(f"eventTimestamp ge '2020-01-01T00:00:00Z' and correlationId eq '{correlation}'")
    assert one["operationName"]["value"] == "Microsoft.Compute/disks/delete"
    assert (one["caller"], one["status"]["value"]) == (arm.account.object_id, "Succeeded")
    assert one["resourceGroupName"] == "g1"
    assert len(events("resourceGroupName eq 'G1'")) == 3
    assert events("eventTimestamp ge '2050-01-01T00:00:00Z'") == []
    assert set(events("resourceGroupName eq 'g1'", **{"$select": "caller"})[0]) == {"caller"}
    assert code(arm.get(where, query={"$filter": "colour eq 'red'"})) == "BadRequest"


def test_the_subscription_and_its_providers(arm: ArmCloud) -> None:
    found = arm.get("/subscriptions").json()["value"]
    assert [one["subscriptionId"] for one in found] == [arm.account.subscription]
    assert arm.get(arm.root).json() == found[0]
    assert arm.get("/tenants").json()["value"][0]["tenantId"] == arm.account.tenant
    provider = arm.get(arm.root + "/providers/microsoft.compute").json()
    assert provider["namespace"] == "Microsoft.Compute"
    assert [one["resourceType"] for one in provider["resourceTypes"]] == ["disks"]
    assert arm.ask("POST", arm.root + "/providers/Microsoft.Compute/register").json() == provider
    assert code(arm.get(arm.root + "/providers/Contoso.Farm")) == "InvalidResourceNamespace"
    assert "eastus" in {one["name"] for one in arm.get(arm.root + "/locations").json()["value"]}
