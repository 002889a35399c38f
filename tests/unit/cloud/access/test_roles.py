"""A caller may do what an assignment at or above the resource says, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.cloud.access import ENDPOINTS, KINDS
from bluejacket.cloud.access.builtin import BUILT_IN, Permission
from bluejacket.cloud.access.principals import Principals
from bluejacket.cloud.access.roles import Roles, allows, covers, matches
from bluejacket.cloud.arm.endpoint import Asked, EndpointTable
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller
from recordcloud import GROUP, OWNER, SUBSCRIPTION, TENANT, RecordCloud

READER, CONTRIBUTOR = "acdd72a7-3385-48ef-bd42-f606fba81ae7", "b24988ac-6180-42a0-ab88-20f7382dd24c"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/Dory"
SOMEBODY = Caller("bbbbbbbb-0000-0000-0000-000000000001", "bbbbbbbb-0000-0000-0000-000000000002", "somebody")
WORDS = st.lists(
    st.sampled_from(["Microsoft.Compute", "disks", "read", "write", "x"]), min_size=1, max_size=4
)


@pytest.fixture
def cloud(tmp_path: Path) -> RecordCloud:
    found = RecordCloud(tmp_path, KINDS)
    found.services[Principals] = Principals(found.resources, SUBSCRIPTION, TENANT)
    found.services[Roles] = Roles(found.resources, SUBSCRIPTION)
    return found


def assign(cloud: RecordCloud, scope: str, role: str, who: Caller = SOMEBODY, name: str = "") -> ResourceId:
    found = ResourceId.parse(f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name or uuid4()}")
    role = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    body = {"roleDefinitionId": role, "principalId": who.object_id, "principalType": "ServicePrincipal"}
    return cloud.put(found, {"properties": body}).id


@given(WORDS)
def test_an_action_matches_itself_everything_and_its_beginning(words: list[str]) -> None:
    action = "/".join(words)
    assert matches(action, action.upper())
    assert matches("*", action)
    assert matches(f"{words[0]}*", action)
    assert not matches(f"{action}/*", action)
    assert not matches(action, f"{action}/more")


@given(WORDS, WORDS)
def test_matching_agrees_with_a_plain_search(pattern: list[str], action: list[str]) -> None:
    """The oracle tries every length that a star can have."""

    def fits(left: str, right: str) -> bool:
        if not left:
            return not right
        if left[0] == "*":
            return any(fits(left[1:], right[at:]) for at in range(len(right) + 1))
        return bool(right) and left[0] == right[0] and fits(left[1:], right[1:])

    one = "/".join("*" if word == "x" else word for word in pattern)
    other = "/".join(action)
    assert matches(one, other) == fits(one.lower(), other.lower())


@given(st.lists(WORDS, max_size=3), st.lists(WORDS, max_size=3), WORDS)
def test_what_is_taken_away_is_never_allowed(
    named: list[list[str]], taken: list[list[str]], asked: list[str]
) -> None:
    action = "/".join(asked)
    names, without = tuple(map("/".join, named)), tuple(map("/".join, taken))
    permission = Permission(names, without)
    assert allows(permission, action) == (action in names and action not in without)
    assert not allows(permission, action, data=True)
    assert not allows(Permission(("*",), (action,)), action)


@given(WORDS, WORDS)
def test_a_scope_holds_itself_and_what_is_below(outer: list[str], more: list[str]) -> None:
    scope = "/subscriptions/s/" + "/".join(outer)
    assert covers(scope.upper(), scope)
    assert covers(scope, f"{scope}/{'/'.join(more)}")
    assert not covers(scope, scope + "x")
    assert not covers(f"{scope}/{'/'.join(more)}", scope)


def test_nobody_may_do_anything_without_a_role(cloud: RecordCloud) -> None:
    roles = cloud.service(Roles)
    assert not roles.allowed(SOMEBODY, "Microsoft.Compute/virtualMachines/read", VM)
    with pytest.raises(CloudError) as found:
        roles.check(SOMEBODY, "Microsoft.Compute/virtualMachines/read", VM)
    assert found.value.status == 403
    assert found.value.message.startswith(
        f"The client '{SOMEBODY.client_id}' with object id '{SOMEBODY.object_id}' does not have "
        "authorization "
        f"to perform action 'Microsoft.Compute/virtualMachines/read' over scope '{VM}'"
    )


@pytest.mark.parametrize("scope", [f"/subscriptions/{SUBSCRIPTION}", GROUP, GROUP.lower(), VM])
def test_a_role_reaches_what_is_below_its_scope(cloud: RecordCloud, scope: str) -> None:
    assigned = assign(cloud, scope, READER)
    roles = cloud.service(Roles)
    assert roles.allowed(SOMEBODY, "Microsoft.Compute/virtualMachines/read", ResourceId.parse(VM))
    assert not roles.allowed(SOMEBODY, "Microsoft.Compute/virtualMachines/write", VM)
    assert not roles.allowed(OWNER.__class__("x"), "Microsoft.Compute/virtualMachines/read", VM)
    cloud.delete(assigned)
    assert not roles.allowed(SOMEBODY, "Microsoft.Compute/virtualMachines/read", VM)


def test_a_role_does_not_reach_beside_or_above_its_scope(cloud: RecordCloud) -> None:
    assign(cloud, VM, CONTRIBUTOR)
    roles = cloud.service(Roles)
    assert roles.allowed(SOMEBODY, "Microsoft.Compute/virtualMachines/write", VM)
    for scope in (GROUP, f"{VM}2", GROUP + "2"):
        assert not roles.allowed(SOMEBODY, "Microsoft.Compute/virtualMachines/write", scope)


def test_a_contributor_gives_nobody_a_role_and_an_owner_reads_no_secret(cloud: RecordCloud) -> None:
    assign(cloud, GROUP, CONTRIBUTOR)
    roles = cloud.service(Roles)
    assert not roles.allowed(SOMEBODY, "Microsoft.Authorization/roleAssignments/write", GROUP)
    assert roles.allowed(OWNER, "Microsoft.Authorization/roleAssignments/write", GROUP)
    assert not roles.allowed(OWNER, "Microsoft.KeyVault/vaults/secrets/getSecret/action", GROUP, data=True)


def test_an_assignment_is_made_once_and_never_turned(cloud: RecordCloud) -> None:
    first = assign(cloud, GROUP, READER)
    assert assign(cloud, GROUP, READER, name=first.name) == first
    with pytest.raises(CloudError, match="RoleAssignmentExists"):
        assign(cloud, GROUP, READER)
    with pytest.raises(CloudError, match="RoleAssignmentUpdateNotPermitted"):
        assign(cloud, GROUP, CONTRIBUTOR, name=first.name)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"principalId": "nobody"}, "InvalidPrincipalId"),
        ({"principalId": str(uuid4())}, "PrincipalNotFound"),
        ({"roleDefinitionId": str(uuid4())}, "RoleDefinitionDoesNotExist"),
        ({"principalType": "Robot"}, "InvalidParameter"),
        ({"principalType": "User", "condition": "true"}, "ConditionNotSupported"),
    ],
)
def test_a_bad_assignment_is_refused(cloud: RecordCloud, change: dict[str, str], code: str) -> None:
    found = ResourceId.parse(f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}")
    body = {"roleDefinitionId": READER, "principalId": str(uuid4())} | change
    with pytest.raises(CloudError) as error:
        cloud.put(found, {"properties": body})
    assert error.value.code == code


def test_lists_look_up_and_down(cloud: RecordCloud) -> None:
    above, here, below = (assign(cloud, one, READER) for one in (f"/subscriptions/{SUBSCRIPTION}", GROUP, VM))
    other = assign(cloud, f"{GROUP}2", READER, Caller(str(uuid4())))
    path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"

    def names(**query: str) -> set[str]:
        return {one["name"] for one in cloud.list(path, **query)}

    assert names() == {above.name, here.name, below.name}
    assert names(filter="atScope()") == {above.name, here.name}
    assert names(filter=f"atScope() and assignedTo('{SOMEBODY.object_id}')") == {above.name, here.name}
    everything = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments"
    assert other.name in {one["name"] for one in cloud.list(everything)}
    assert not names(filter="principalId eq 'x'")
    with pytest.raises(CloudError, match="UnsupportedFilter"):
        names(filter="a lt b")


def test_own_roles_count_and_go_only_when_nobody_has_them(cloud: RecordCloud) -> None:
    name = str(uuid4())
    role = ResourceId.parse(f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions/{name}")
    permissions = [
        {"actions": ["Microsoft.Compute/virtualMachines/*/action"], "notActions": ["*/delete/action"]}
    ]
    body = {"roleName": "Switch", "permissions": permissions, "assignableScopes": [GROUP]}
    cloud.put(role, {"properties": body})
    assigned = assign(cloud, GROUP, name)
    roles = cloud.service(Roles)
    assert roles.allowed(SOMEBODY, "Microsoft.Compute/virtualMachines/start/action", VM)
    assert not roles.allowed(SOMEBODY, "Microsoft.Compute/virtualMachines/delete/action", VM)
    with pytest.raises(CloudError, match="RoleDefinitionHasAssignments"):
        cloud.delete(role)
    cloud.delete(assigned)
    cloud.delete(role)
    with pytest.raises(CloudError, match="RoleDefinitionIsBuiltIn"):
        cloud.put(
            ResourceId.parse(
                str(role.parent) + f"/providers/Microsoft.Authorization/roleDefinitions/{READER}"
            ),
            {},
        )


def test_built_in_roles_are_found_by_name_and_id(cloud: RecordCloud) -> None:
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
    assert len(cloud.list(path)) == len(BUILT_IN)
    (found,) = cloud.list(path, filter="roleName eq 'Key Vault Secrets User'")
    assert found["name"] == "4633458b-17de-408a-b874-0445c86b69e6"
    endpoint, parts = EndpointTable(ENDPOINTS).find("GET", f"{path}/{found['name']}") or pytest.fail(
        "no endpoint"
    )
    assert endpoint.answer(cloud, Asked(path, parts, OWNER)) == found
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one.id) for one in BUILT_IN)
    assert len({one.id for one in BUILT_IN}) == len({one.name for one in BUILT_IN}) == len(BUILT_IN)
