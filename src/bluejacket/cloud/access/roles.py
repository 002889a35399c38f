"""Who may do what: role assignments, from the resource up to the subscription."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from bluejacket.cloud.access.builtin import BUILT_IN, BuiltIn, Permission
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller, Resources
from bluejacket.cloud.arm.resource import Resource

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
DEFINITIONS = "Microsoft.Authorization/roleDefinitions"
_OWNER = Permission(("*",))


def matches(pattern: str, action: str) -> bool:
    """Tell whether a permission's pattern covers an action; `*` is any number of any characters.

    Source: Microsoft, "Understand Azure role definitions", Actions.
    """
    return _compiled(pattern.lower()).fullmatch(action.lower()) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def allows(permission: Permission, action: str, data: bool = False) -> bool:
    """Tell whether one permission allows an action: what it names, without what it takes away."""
    named = permission.data_actions if data else permission.actions
    taken = permission.not_data_actions if data else permission.not_actions
    return any(matches(one, action) for one in named) and not any(matches(one, action) for one in taken)


def scope_of(assignment: ResourceId) -> str:
    """Give the scope that an extension resource hangs on, without a slash at its end."""
    if assignment.scope:
        return assignment.scope
    group = f"/resourceGroups/{assignment.group}" if assignment.group else ""
    return f"/subscriptions/{assignment.subscription}{group}"


def covers(outer: str, inner: str) -> bool:
    """Tell whether a scope is another one or holds it."""
    outer, inner = outer.lower().rstrip("/"), inner.lower().rstrip("/")
    return inner == outer or inner.startswith(outer + "/")


def permissions_of(definition: Resource) -> list[Permission]:
    """Give the permissions of a custom role's record."""
    return [
        Permission(
            tuple(one.get("actions") or ()),
            tuple(one.get("notActions") or ()),
            tuple(one.get("dataActions") or ()),
            tuple(one.get("notDataActions") or ()),
        )
        for one in definition.properties.get("permissions") or ()
    ]


class Roles:
    """Judges requests by the role assignments that are kept."""

    def __init__(self, resources: Resources, subscription: str) -> None:
        self._resources = resources
        self._subscription = subscription
        self._built_in = {one.id: [one.permission] for one in BUILT_IN}

    def allowed(self, caller: Caller, action: str, scope: ResourceId | str, data: bool = False) -> bool:
        """Tell whether the caller may do `action` at `scope`.

        The owner of the subscription may do all actions, and as in Azure no data action without a role.
        """
        return any(allows(one, action, data) for one in self.permissions(caller, scope))

    def check(self, caller: Caller, action: str, scope: ResourceId | str, data: bool = False) -> None:
        """Raise CloudError (403 AuthorizationFailed) when the caller may not."""
        if not self.allowed(caller, action, scope, data):
            raise CloudError(
                403,
                "AuthorizationFailed",
                f"The client '{caller.client_id or caller.object_id}' with object id '{caller.object_id}' "
                f"does not have authorization to perform action '{action}' over scope '{scope}' or the scope "
                "is invalid. If access was recently granted, please refresh your credentials.",
            )

    def permissions(self, caller: Caller, scope: ResourceId | str) -> Iterator[Permission]:
        """Give all permissions of the caller at a scope, one for each role that reaches it."""
        if caller.owner:
            yield _OWNER
        for assignment in self.assignments(at=scope):
            if str(assignment.properties.get("principalId", "")).lower() == caller.object_id.lower():
                yield from self._role(str(assignment.properties.get("roleDefinitionId", "")))

    def assignments(self, *, at: ResourceId | str = "") -> Sequence[Resource]:
        """Give all role assignments, or those that reach the scope `at`."""
        found = self._resources.list(type_name=ASSIGNMENTS)
        return [one for one in found if covers(scope_of(one.id), str(at))] if at else found

    def definition(self, role_id: str) -> bool:
        """Tell whether a role definition's id names a role that is there."""
        return bool(self._role(role_id))

    def _role(self, role_id: str) -> list[Permission]:
        name = role_id.rstrip("/").rpartition("/")[2].lower()
        if name in self._built_in:
            return self._built_in[name]
        for found in self._resources.list(type_name=DEFINITIONS):  # a custom one is kept where it was made
            if found.id.name.lower() == name:
                return permissions_of(found)
        return []


def definition_id(subscription: str, name: str) -> ResourceId:
    """Give the id under which a role definition is kept, whatever scope it was made at."""
    return ResourceId(subscription, "", "Microsoft.Authorization", ("roleDefinitions",), (name,))


def built_in_document(subscription: str, role: BuiltIn) -> dict[str, Any]:
    """Give the document of a built-in role."""
    return {
        "id": definition_id(subscription, role.id).text,
        "type": DEFINITIONS,
        "name": role.id,
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": role.description,
            "assignableScopes": ["/"],
            "permissions": [role.permission.document()],
            "createdOn": "2015-02-02T21:55:09.8806423Z",
            "updatedOn": "2021-11-11T20:13:28.6061853Z",
            "createdBy": None,
            "updatedBy": None,
        },
    }
