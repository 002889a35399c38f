"""Locks: `Microsoft.Authorization/locks` on a subscription, a group or a resource, and what they forbid.

Source: Microsoft, "Lock your resources to protect your infrastructure": CanNotDelete lets everything but a
DELETE pass, ReadOnly lets only reading pass; both hold for all that is below their scope.
"""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import (
    DELETE,
    GET,
    LIST,
    PUT,
    Call,
    Cloud,
    Grade,
    Kind,
    Resources,
    Verb,
    record,
)
from bluejacket.cloud.arm.resource import Resource

TYPE = "Microsoft.Authorization/locks"
_LEVELS = {level.lower(): level for level in ("CanNotDelete", "ReadOnly")}


class Locks(Kind):
    """A lock; its own scope never forbids to take it away."""

    type = TYPE
    verbs = {  # noqa: RUF012
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL),
        DELETE: Verb(Grade.REAL),
    }
    versions = ("2020-05-01", "2016-09-01")
    states = False
    paged = False

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the lock; raises CloudError for a level that there is not."""
        found = record(call, old)
        level = str(found.properties.get("level", ""))
        if level.lower() not in _LEVELS:
            known = ", ".join(_LEVELS.values())
            raise invalid(f"The lock level '{level}' is not valid. The levels are {known}.", "level")
        kept = {"level": _LEVELS[level.lower()]}
        kept |= {key: found.properties[key] for key in ("notes", "owners") if key in found.properties}
        found.properties, found.location, found.tags = kept, "", {}
        return found

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the lock as Azure shows it: without an etag and without tags."""
        return {
            "id": resource.id.text,
            "type": self.type,
            "name": resource.id.name,
            "properties": dict(resource.properties),
        }

    def listed(self, cloud: Cloud, found: Any, call: Call) -> list[dict[str, Any]]:
        """Give the locks at a scope, above it and below it, unless `$filter=atScope()` leaves those out."""
        scope = scope_of(call.id)
        above_only = "atscope()" in call.query.get("$filter", "").lower()
        every = cloud.resources.list(type_name=TYPE)
        chosen = [
            one
            for one in every
            if _within(scope, scope_of(one.id)) or (not above_only and _within(scope_of(one.id), scope))
        ]
        return [self.shown(cloud, one, call) for one in chosen]


def scope_of(resource_id: ResourceId) -> str:
    """Give, in lower case, what an extension resource or a list of them hangs on."""
    if resource_id.scope:
        return resource_id.scope.lower()
    group = f"/resourcegroups/{resource_id.group}" if resource_id.group else ""
    return f"/subscriptions/{resource_id.subscription}{group}".lower()


def check_locks(resources: Resources, resource_id: ResourceId, verb: str) -> None:
    """Raise CloudError (409 ScopeLocked) when a lock forbids `verb`: "put", "patch", "delete", an action.

    A DELETE takes all that is below with it, so a lock there forbids it as well.
    """
    if resource_id.type.lower() == TYPE.lower():
        return
    locked = [
        one
        for one in resources.list(type_name=TYPE)
        if (verb == DELETE or one.properties.get("level") == "ReadOnly")
        and (
            _within(resource_id.key, scope_of(one.id))
            or (verb == DELETE and _within(scope_of(one.id), resource_id.key))
        )
    ]
    if locked:
        what = "delete" if verb == DELETE else "write"
        scopes = ", ".join(f"'{_spelled(one.id)}'" for one in locked)
        raise CloudError(
            409,
            "ScopeLocked",
            f"The scope '{resource_id}' cannot perform {what} operation because following scope(s) are "
            f"locked: {scopes}. Please remove the lock and try again.",
        )


def _within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(outer + "/")


def _spelled(resource_id: ResourceId) -> str:
    group = f"/resourceGroups/{resource_id.group}" if resource_id.group else ""
    return resource_id.scope or f"/subscriptions/{resource_id.subscription}{group}"
