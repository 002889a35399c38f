"""Roles and identities as Microsoft's own clients see them; the server obeys them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient

from servedcloud import ServedCloud, served

pytestmark = pytest.mark.integration
READER, CONTRIBUTOR = "acdd72a7-3385-48ef-bd42-f606fba81ae7", "b24988ac-6180-42a0-ab88-20f7382dd24c"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCloud]:
    with served(tmp_path_factory.mktemp("cloud")) as found:
        for group in ("Harbour", "Elsewhere"):
            assert found.arm("PUT", group, {"location": "eastus"}).status_code == 201
        yield found


def client(cloud: ServedCloud, kind: Any, credential: Any = None) -> Any:
    return kind(
        credential or cloud.credential(),
        cloud.cloud.subscription,
        base_url=cloud.cloud.base,
        credential_scopes=[f"{cloud.cloud.base}/.default"],
        connection_verify=str(cloud.authority),
    )


def test_a_role_opens_what_it_names_and_nothing_else(cloud: ServedCloud) -> None:
    object_id, credential = cloud.principal("deckhand")
    token = credential.get_token(f"{cloud.cloud.base}/.default").token
    path = "Harbour/providers/Microsoft.ManagedIdentity/userAssignedIdentities/crew"

    def ask(method: str, where: str = path, body: Any = None) -> httpx.Response:
        return cloud.arm(method, where, body, token)

    refused = ask("GET")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "AuthorizationFailed"
    assert "Microsoft.ManagedIdentity/userAssignedIdentities/read" in refused.json()["error"]["message"]
    group = f"{cloud.root}/resourceGroups/Harbour"
    cloud.assign(object_id, READER, group)
    assert ask("GET").status_code == 404
    assert ask("PUT", body={"location": "eastus"}).status_code == 403
    cloud.assign(object_id, CONTRIBUTOR, group)
    assert ask("PUT", body={"location": "eastus"}).status_code == 201
    assert ask("GET", path.replace("Harbour", "Elsewhere")).status_code == 403
    body = {"properties": {"principalId": object_id, "roleDefinitionId": READER, "principalType": "User"}}
    assigned = ask("PUT", f"{group}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}", body)
    assert assigned.status_code == 403
    rows = ask("GET", f"{group}/providers/Microsoft.Authorization/permissions").json()["value"]
    assert {tuple(row["actions"]) for row in rows} == {("*/read",), ("*",)}


def test_assignments_by_the_management_client(cloud: ServedCloud) -> None:
    authorization = client(cloud, AuthorizationManagementClient)
    scope = f"{cloud.root}/resourceGroups/Harbour"
    (reader,) = authorization.role_definitions.list(scope, filter="roleName eq 'Reader'")
    assert reader.name == READER
    assert authorization.role_definitions.get(scope, READER).role_name == "Reader"
    assert authorization.role_definitions.get_by_id(reader.id).role_name == "Reader"
    object_id, _ = cloud.principal("pilot")
    wanted = {"properties": {"roleDefinitionId": reader.id, "principalId": object_id}}
    made = authorization.role_assignments.create(scope, str(uuid4()), wanted)
    assert (made.scope, made.principal_type) == (scope, "ServicePrincipal")
    with pytest.raises(ResourceExistsError, match="RoleAssignmentExists"):
        authorization.role_assignments.create(scope, str(uuid4()), wanted)
    found = authorization.role_assignments.list_for_scope(scope, filter=f"principalId eq '{object_id}'")
    assert [one.name for one in found] == [made.name]
    assert authorization.role_assignments.get_by_id(made.id).principal_id == object_id
    assert made.name in {one.name for one in authorization.role_assignments.list_for_subscription()}
    assert list(authorization.deny_assignments.list_for_scope(scope)) == []
    authorization.role_assignments.delete(scope, made.name)
    found = authorization.role_assignments.list_for_scope(scope, filter=f"principalId eq '{object_id}'")
    assert list(found) == []


def test_a_role_of_ones_own(cloud: ServedCloud) -> None:
    authorization = client(cloud, AuthorizationManagementClient)
    name = str(uuid4())
    permissions = [{"actions": ["Microsoft.ManagedIdentity/*/read"], "notActions": []}]
    properties = {"roleName": "Lookout", "assignableScopes": [cloud.root], "permissions": permissions}
    made = authorization.role_definitions.create_or_update(cloud.root, name, {"properties": properties})
    assert made.role_type == "CustomRole"
    object_id, credential = cloud.principal("lookout")
    assigned = cloud.assign(object_id, name, cloud.root)
    identities = client(cloud, ManagedServiceIdentityClient, credential)
    assert list(identities.user_assigned_identities.list_by_resource_group("Elsewhere")) == []
    with pytest.raises(HttpResponseError, match="AuthorizationFailed"):
        identities.user_assigned_identities.create_or_update("Elsewhere", "x", {"location": "eastus"})
    with pytest.raises(HttpResponseError, match="RoleDefinitionHasAssignments"):
        authorization.role_definitions.delete(cloud.root, name)
    assert cloud.arm("DELETE", assigned).status_code == 204
    authorization.role_definitions.delete(cloud.root, name)
    with pytest.raises(HttpResponseError, match="AuthorizationFailed"):
        list(identities.user_assigned_identities.list_by_resource_group("Elsewhere"))


def test_a_user_assigned_identity_is_a_principal(cloud: ServedCloud) -> None:
    identities = client(cloud, ManagedServiceIdentityClient)
    made = identities.user_assigned_identities.create_or_update("Elsewhere", "ship", {"location": "eastus"})
    again = identities.user_assigned_identities.create_or_update(
        "Elsewhere", "ship", {"location": "eastus", "tags": {"a": "b"}}
    )
    assert (again.principal_id, again.client_id) == (made.principal_id, made.client_id)
    cloud.assign(str(made.principal_id), READER, cloud.root)  # without a type: the principal is known
    graph = cloud.credential().get_token(f"{cloud.cloud.base}/graph/.default").token
    headers = {"Authorization": f"Bearer {graph}"}
    answer = cloud.http.get(f"/graph/v1.0/servicePrincipals/{made.principal_id}", headers=headers)
    assert answer.json()["servicePrincipalType"] == "ManagedIdentity"
    assert answer.json()["alternativeNames"][1] == made.id
    assert cloud.http.get("/graph/v1.0/servicePrincipals").status_code == 401
    identities.user_assigned_identities.delete("Elsewhere", "ship")
    gone = cloud.http.get(f"/graph/v1.0/servicePrincipals/{made.principal_id}", headers=headers)
    assert gone.status_code == 404
