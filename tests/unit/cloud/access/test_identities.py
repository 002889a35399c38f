"""Principals keep digests, machines have identities, and a later machine of a name is somebody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bluejacket.cloud.access import KINDS
from bluejacket.cloud.access.graph import Graph
from bluejacket.cloud.access.identities import Identities
from bluejacket.cloud.access.principals import Principals
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller
from recordcloud import GROUP, OWNER, SUBSCRIPTION, TENANT, RecordCloud

VM = ResourceId.parse(f"{GROUP}/providers/Microsoft.Compute/virtualMachines/Dory")
USER = ResourceId.parse(f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Crew")


@pytest.fixture
def cloud(tmp_path: Path) -> RecordCloud:
    found = RecordCloud(tmp_path, KINDS)
    principals = Principals(found.resources, SUBSCRIPTION, TENANT)
    found.services[Principals] = principals
    found.services[Identities] = Identities(found.resources, principals, SUBSCRIPTION)
    return found


def test_a_secret_is_checked_and_kept_nowhere(cloud: RecordCloud, tmp_path: Path) -> None:
    principals = cloud.service(Principals)
    made = principals.add("crane")
    secret = principals.credentials.add_secret(made.client_id, "applications", {})["secretText"]
    assert principals.check(made.client_id.upper(), secret) == Caller(made.object_id, made.client_id, "crane")
    assert principals.check(made.client_id, secret + "x") is None
    assert principals.check("nobody", secret) is None
    assert principals.check("", "") is None
    assert all(secret.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    second = principals.credentials.add_secret(made.client_id, "servicePrincipals", {})["secretText"]
    assert principals.check(made.client_id, secret)
    assert principals.check(made.client_id, second)
    assert principals.remove(made.object_id)
    assert principals.check(made.client_id, secret) is None


def test_a_machine_has_one_identity_as_long_as_it_lives(cloud: RecordCloud) -> None:
    identities = cloud.service(Identities)
    shown = identities.assign(VM, "vm-1", {"type": "SystemAssigned"})
    assert shown == identities.assign(VM, "vm-1", {"type": "systemassigned"})
    assert shown is not None
    assert shown["tenantId"] == TENANT
    host = identities.of_vm("VM-1")
    assert host is not None
    assert host.system is not None
    assert host.system.object_id == shown["principalId"]
    identities.release(VM, "vm-1")
    assert identities.of_vm("vm-1") is None
    assert cloud.service(Principals).get(shown["principalId"]) is None
    later = identities.assign(VM, "vm-2", {"type": "SystemAssigned"})
    assert later is not None
    assert later["principalId"] != shown["principalId"]


def test_a_machine_takes_identities_that_users_made(cloud: RecordCloud) -> None:
    identities = cloud.service(Identities)
    made = cloud.put(USER, {"location": "eastus"})
    asked = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {USER.text.lower(): {}}}
    shown = identities.assign(VM, "vm-1", asked)
    assert shown is not None
    assert shown["type"] == "SystemAssigned, UserAssigned"
    assert shown["userAssignedIdentities"] == {
        USER.text: {"principalId": made.properties["principalId"], "clientId": made.properties["clientId"]}
    }
    host = identities.of_vm("vm-1")
    assert host is not None
    assert [one.client_id for one in host.users] == [made.properties["clientId"]]
    assert host.system is not None
    assert (host.resource, host.system.resource, host.users[0].resource) == (VM.text, VM.text, USER.text)
    assert identities.assign(VM, "vm-1", None) is None
    assert identities.of_vm("vm-1") is None
    assert cloud.service(Principals).get(made.properties["principalId"]) is not None
    cloud.delete(USER)
    with pytest.raises(CloudError, match="FailedIdentityOperation"):
        identities.assign(VM, "vm-1", asked)
    assert cloud.put(USER, {"location": "eastus"}).properties != made.properties


@pytest.mark.parametrize("asked", [{"type": "Magic"}, {"type": "UserAssigned"}])
def test_an_identity_that_cannot_be_is_refused(cloud: RecordCloud, asked: dict[str, str]) -> None:
    with pytest.raises(CloudError):
        cloud.service(Identities).assign(VM, "vm-1", asked)


def test_graph_answers_what_the_client_asks(cloud: RecordCloud) -> None:
    principals = cloud.service(Principals)
    graph = Graph(principals)

    def ask(
        method: str, path: str, body: object = None, text: str = "", who: Caller = OWNER
    ) -> tuple[int, dict]:  # type: ignore[type-arg]
        query = {"$filter": text} if text else {}
        return graph.answer(method, f"v1.0/{path}", query, json.dumps(body or {}).encode(), who)

    status, application = ask("POST", "applications", {"displayName": "crane"})
    assert status == 201
    _, principal = ask("POST", "servicePrincipals", {"appId": application["appId"]})
    _, password = ask("POST", f"applications/{application['id']}/addPassword")
    caller = principals.check(application["appId"], password["secretText"])
    assert caller is not None
    assert caller.object_id == principal["id"]
    for text in (
        f"servicePrincipalNames/any(c:c eq '{application['appId']}')",
        f"appId eq '{application['appId']}'",
        "startswith(displayName,'cra')",
    ):
        assert ask("GET", "servicePrincipals", text=text)[1]["value"] == [principal]
    assert ask("GET", "servicePrincipals", text="displayName eq 'x'")[1] == {"value": []}
    ids = {"ids": [principal["id"], "unknown"], "types": ["servicePrincipal"]}
    assert ask("POST", "directoryObjects/getByIds", ids)[1]["value"] == [principal]
    assert ask("GET", "users", text="userPrincipalName eq 'x'") == (200, {"value": []})
    assert ask("GET", "servicePrincipals/nobody")[0] == 404
    assert ask("GET", "servicePrincipals", text="magic eq 'x'")[0] == 400
    assert ask("POST", "applications", {"displayName": "x"}, who=caller)[0] == 403
    for wrong in ("soon", {"endDateTime": "soon"}, 7):
        status, told = ask(
            "POST", f"applications/{application['id']}/addPassword", {"passwordCredential": wrong}
        )
        assert status == (400 if isinstance(wrong, dict) else 200), told
    assert ask("PATCH", f"applications/{application['id']}", {"keyCredentials": "none"})[0] == 400
    assert ask("PATCH", f"applications/{application['id']}", {"web": {}})[0] == 400
    status, told = ask("POST", "applications/nobody/addPassword")
    assert (status, "nobody" in told["error"]["message"]) == (404, True)
    broken = {"displayName": "half", "keyCredentials": [{"key": "AAAA"}]}
    assert ask("POST", "applications", broken)[0] == 400
    assert ask("GET", "applications", text="displayName eq 'half'")[1] == {"value": []}
    assert ask("DELETE", f"applications/{application['id']}")[0] == 204
    assert principals.check(application["appId"], password["secretText"]) is None
