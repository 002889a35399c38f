"""Microsoft.Authorization/roleAssignments, and the lists of permissions and denials beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from bluejacket.cloud.access.definitions import asked_terms, role_id, same_role
from bluejacket.cloud.access.principals import USER, Principals
from bluejacket.cloud.access.roles import ASSIGNMENTS, Roles, covers, scope_of
from bluejacket.cloud.arm.endpoint import Asked
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.kind import DELETE, GET, LIST, PUT, Call, Cloud, Grade, Kind, Verb, record
from bluejacket.cloud.arm.resource import Resource

_TYPES = ("ServicePrincipal", "User", "Group", "ForeignGroup", "Device")
_CHOICES = ("principalid", "assignedto()")


class RoleAssignments(Kind):
    """Who has which role where. The server and the vaults judge every request by them."""

    type = ASSIGNMENTS
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL, created=201),
        DELETE: Verb(Grade.REAL, done=204),  # with 200 the SDK wants the document
    }
    versions = ("2022-04-01", "2020-04-01-preview", "2018-01-01-preview", "2015-07-01")
    states = False
    paged = False

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record; a principal has a role at a scope once, and an assignment never changes them."""
        made = record(call, old)
        asked = made.properties
        _guid(call.id.name, "InvalidRoleAssignmentId", "The role assignment ID")
        principal = _guid(str(asked.get("principalId") or ""), "InvalidPrincipalId", "The principal ID")
        role = str(asked.get("roleDefinitionId") or "")
        if not role or not cloud.service(Roles).definition(role):
            what = f"The specified role definition with ID '{role.rpartition('/')[2]}' does not exist."
            raise CloudError(404, "RoleDefinitionDoesNotExist", what)
        if asked.get("condition"):
            what = "Conditions of role assignments are not evaluated here, and therefore refused."
            raise invalid(what, "properties.condition", "ConditionNotSupported")
        scope = scope_of(call.id)
        now = datetime.now(UTC).isoformat()
        made.properties = {
            "roleDefinitionId": role_id(cloud.subscription, role),
            "principalId": principal,
            "principalType": _principal_type(cloud, principal, asked.get("principalType")),
            "scope": scope,
            "condition": None,
            "conditionVersion": None,
            "description": asked.get("description"),
            "delegatedManagedIdentityResourceId": None,
            "createdOn": old.properties["createdOn"] if old else now,
            "updatedOn": now,
            "createdBy": old.properties["createdBy"] if old else call.caller.object_id,
            "updatedBy": call.caller.object_id,
        }
        if old is not None and not _same(old, made):
            what = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise CloudError(409, "RoleAssignmentUpdateNotPermitted", what)
        for other in cloud.service(Roles).assignments() if old is None else ():
            if scope_of(other.id).lower() == scope.lower() and _same(other, made):
                what = "The role assignment already exists. The ID of the conflicting role assignment is"
                plain = other.id.name.replace("-", "")
                raise CloudError(409, "RoleAssignmentExists", f"{what} {plain}.")
        return made

    def listed(self, cloud: Cloud, found: Sequence[Resource], call: Call) -> Iterable[dict[str, Any]]:
        """Give the assignments at, above and below the scope; with `atScope()` none below it."""
        wanted = asked_terms(call)
        scope = scope_of(call.id)
        principal = next((wanted[key].lower() for key in _CHOICES if key in wanted), "")
        for one in cloud.service(Roles).assignments():
            at = scope_of(one.id)
            below = "atscope()" not in wanted and covers(scope, at)
            if (covers(at, scope) or below) and principal in ("", one.properties["principalId"].lower()):
                yield self.shown(cloud, one, call)


def permissions(cloud: Cloud, asked: Asked) -> Any:
    """Give what the caller may do at a scope: one row for each role that reaches it."""
    rows = cloud.service(Roles).permissions(asked.caller, f"/{asked.parts['scope'].strip('/')}")
    return {"value": [one.document() for one in rows]}


def denials(_cloud: Cloud, _asked: Asked) -> Any:
    """Give the deny assignments: they are made by Azure's own services alone, so there are none."""
    return {"value": []}


def _same(one: Resource, other: Resource) -> bool:
    first, second = one.properties, other.properties
    return first["principalId"].lower() == second["principalId"].lower() and same_role(
        first["roleDefinitionId"], second["roleDefinitionId"]
    )


def _guid(text: str, code: str, what: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise invalid(f"{what} '{text}' is not valid. {what} must be a GUID.", code=code) from None


def _principal_type(cloud: Cloud, principal: str, asked: Any) -> str:
    """Give the type; who names one vouches for the principal, as in Azure, where it may be still unknown."""
    if asked:
        for one in _TYPES:
            if str(asked).lower() == one.lower():
                return one
        raise invalid(f"The principal type '{asked}' is not valid.", "properties.principalType")
    principals = cloud.service(Principals)
    found = principals.get(principal)
    if found is None:
        what = f"Principal {principal.replace('-', '')} does not exist in the directory {principals.tenant}."
        more = (
            "Check that you have the correct principal ID. If you are creating this principal and then "
            "immediately assigning a role, this error might be related to a replication delay. In this case, "
            "set the role assignment principalType property to a value, such as ServicePrincipal, User, or "
            "Group. See https://aka.ms/docs-principaltype"
        )
        raise CloudError(400, "PrincipalNotFound", f"{what} {more}")
    return "User" if found.type == USER else "ServicePrincipal"
