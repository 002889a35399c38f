"""Microsoft.Authorization/roleDefinitions: the built-in roles, and a team's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from bluejacket.cloud.access.builtin import BUILT_IN
from bluejacket.cloud.access.filters import terms
from bluejacket.cloud.access.roles import (
    DEFINITIONS,
    Roles,
    built_in_document,
    covers,
    definition_id,
    scope_of,
)
from bluejacket.cloud.arm.endpoint import Asked
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import DELETE, GET, LIST, PUT, Call, Cloud, Grade, Kind, Verb, record
from bluejacket.cloud.arm.resource import Resource

_CUSTOM = "CustomRole"
_LISTS = ("actions", "notActions", "dataActions", "notDataActions")


class RoleDefinitions(Kind):
    """A team's own roles, and among them the built-in ones, which nobody can change."""

    type = DEFINITIONS
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL, created=201, done=201),
        DELETE: Verb(Grade.REAL, done=204),
    }
    versions = ("2022-05-01-preview", "2022-04-01", "2018-01-01-preview")
    states = False
    paged = False

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record of a custom role; names are unique."""
        if _is_built_in(call.id.name):
            raise CloudError(403, "RoleDefinitionIsBuiltIn", "A built-in role cannot be changed.")
        made = record(call, old)
        asked = made.properties
        name = str(asked.get("roleName") or "").strip()
        if not name:
            raise invalid(
                "The role definition's name must not be empty.", code="RoleDefinitionNameNullOrEmpty"
            )
        for other in cloud.resources.list(type_name=DEFINITIONS):
            if other.properties.get("roleName") == name and other.id.name.lower() != call.id.name.lower():
                what = f"A custom role with the same name already exists in this directory. Name: '{name}'."
                raise CloudError(409, "RoleDefinitionWithSameNameExists", what)
        scopes = asked.get("assignableScopes") or [scope_of(call.id)]
        if not all(
            isinstance(scope, str) and covers(f"/subscriptions/{cloud.subscription}", scope)
            for scope in scopes
        ):
            raise invalid(
                "An assignable scope is not below this subscription.", code="LinkedInvalidPropertyId"
            )
        now = datetime.now(UTC).isoformat()
        made.properties = {
            "roleName": name,
            "type": _CUSTOM,
            "description": str(asked.get("description") or ""),
            "assignableScopes": list(scopes),
            "permissions": [_permission(one) for one in asked.get("permissions") or ()],
            "createdOn": old.properties["createdOn"] if old else now,
            "updatedOn": now,
            "createdBy": old.properties["createdBy"] if old else call.caller.object_id,
            "updatedBy": call.caller.object_id,
        }
        return made

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse for one that is assigned."""
        for one in cloud.service(Roles).assignments():
            if _name(str(one.properties["roleDefinitionId"])) == resource.id.name.lower():
                what = "There are existing role assignments referencing role."
                raise CloudError(400, "RoleDefinitionHasAssignments", what)

    def listed(self, cloud: Cloud, found: Sequence[Resource], call: Call) -> Iterable[dict[str, Any]]:
        """Give all roles that can be assigned at the scope; `roleName eq` and `type eq` choose."""
        wanted = asked_terms(call)
        scope = scope_of(call.id)
        documents = [built_in_document(cloud.subscription, one) for one in BUILT_IN]
        documents += [one.document(self.type) for one in cloud.resources.list(type_name=DEFINITIONS)]
        for shown in documents:
            properties = shown["properties"]
            there = any(covers(at, scope) or covers(scope, at) for at in properties["assignableScopes"])
            if (
                there
                and wanted.get("rolename", properties["roleName"]).lower() == properties["roleName"].lower()
                and wanted.get("type", properties["type"]).lower() == properties["type"].lower()
            ):
                yield shown


def one_definition(cloud: Cloud, asked: Asked) -> Any:
    """Give a role by its name, whatever scope it is asked for at; raises CloudError 404."""
    name = asked.parts["name"].lower()
    for built_in in BUILT_IN:
        if built_in.id == name:
            return built_in_document(cloud.subscription, built_in)
    for kept in cloud.resources.list(type_name=DEFINITIONS):
        if kept.id.name.lower() == name:
            return kept.document(DEFINITIONS)
    what = f"The specified role definition with ID '{name}' does not exist."
    raise CloudError(404, "RoleDefinitionDoesNotExist", what)


def asked_terms(call: Call) -> dict[str, str]:
    """Give what the request's `$filter` asks for; raises CloudError 400 for a filter that we do not know."""
    try:
        return dict(terms(call.query.get("$filter", "")))
    except ValueError as error:
        raise invalid(f"The filter '{error}' is not supported.", "$filter", "UnsupportedFilter") from None


def _permission(asked: Any) -> dict[str, list[str]]:
    if not isinstance(asked, dict):
        raise invalid("A permission is an object.", "properties.permissions")
    found = {key: [str(one) for one in asked.get(key) or ()] for key in _LISTS}
    for action in [one for key in _LISTS for one in found[key]]:
        if action != "*" and "/" not in action:
            what = f"'{action}' does not match any of the actions supported by the providers."
            raise invalid(what, code="InvalidActionOrNotAction")
    return found


def _is_built_in(name: str) -> bool:
    return any(one.id == name.lower() for one in BUILT_IN)


def _name(role_id: str) -> str:
    return role_id.rstrip("/").rpartition("/")[2].lower()


def same_role(one: str, other: str) -> bool:
    """Tell whether two ids mean the same role definition."""
    return _name(one) == _name(other)


def role_id(subscription: str, asked: str) -> str:
    """Give the id of a role definition as Azure gives it back: at the subscription."""
    return definition_id(
        subscription, ResourceId.parse(asked).name if "subscriptions" in asked else _name(asked)
    ).text
