"""Managed identities: that of a resource itself, and those that users make and assign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bluejacket.cloud.access.principals import GRAPH, MANAGED, Principal, Principals, stable_id
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Resources
from bluejacket.cloud.arm.resource import Resource

USER_ASSIGNED = "Microsoft.ManagedIdentity/userAssignedIdentities"
_SYSTEM, _USER = "systemassigned", "userassigned"


@dataclass(frozen=True, slots=True)
class HostIdentities:
    """The identities that a machine may take: its own, or None, and the user-assigned ones by id."""

    resource: str
    system: Principal | None
    users: tuple[Principal, ...] = ()


class Identities:
    """Makes, finds and forgets managed identities."""

    def __init__(self, resources: Resources, principals: Principals, subscription: str) -> None:
        self._resources = resources
        self._principals = principals
        self._subscription = subscription

    def assign(
        self, resource_id: ResourceId, instance: str, wanted: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        """Give the `identity` that a resource shows, after its principals are made.

        `instance` tells a resource from a later one of the same name: a VM's vmId, by which `of_vm` finds
        its identities. `wanted` is the document's `identity`, or None. Doing it again changes nothing.
        Raises CloudError for an unknown type or a user-assigned identity that is not there.
        """
        words = {word.strip().lower() for word in str((wanted or {}).get("type") or "None").split(",")}
        if words - {_SYSTEM, _USER, "none"}:
            raise invalid(f"The identity type '{(wanted or {}).get('type')}' is not valid.", "identity.type")
        named = (wanted or {}).get("userAssignedIdentities") or {}
        users = [self._user(text) for text in named] if _USER in words else []
        if _USER in words and not users:
            raise invalid("The identity ids must not be null or empty for 'UserAssigned' identity type.")
        shown: dict[str, Any] = {}
        system = None
        if _SYSTEM in words:
            system = self._system(resource_id, instance)
            shown |= {"principalId": system.object_id, "tenantId": self._principals.tenant}
        else:
            self._principals.remove(self._object_id(resource_id, instance))
        if users:
            shown["userAssignedIdentities"] = {
                one.resource: {"principalId": one.object_id, "clientId": one.client_id} for one in users
            }
        host = Resource(self._host(instance))
        host.properties = {
            "resource": resource_id.text,
            "system": system.object_id if system else "",
            "users": [one.object_id for one in users],
        }
        if not shown:
            self._resources.delete(host.id)
            return None
        self._resources.put(host)
        kinds = (["SystemAssigned"] if system else []) + (["UserAssigned"] if users else [])
        return {"type": ", ".join(kinds), **shown}

    def release(self, resource_id: ResourceId, instance: str) -> None:
        """Forget the identity of a resource that goes; the user-assigned ones stay."""
        self._principals.remove(self._object_id(resource_id, instance))
        self._resources.delete(self._host(instance))

    def of_vm(self, vm_id: str) -> HostIdentities | None:
        """Give what the machine of this vmId may be, or None when it has no identity."""
        found = self._resources.get(self._host(vm_id))
        if found is None:
            return None
        users = [self._principals.get(one) for one in found.properties["users"]]
        return HostIdentities(
            str(found.properties["resource"]),
            self._principals.get(str(found.properties["system"])),
            tuple(one for one in users if one is not None),
        )

    def user_assigned(self, resource_id: ResourceId, made: str) -> Principal:
        """Give the principal of a user-assigned identity; `made` is a word that its record keeps."""
        object_id = stable_id(resource_id.key, made, "object")
        return self._principals.get(object_id) or self._principals.write(
            Principal(
                object_id,
                stable_id(resource_id.key, made, "client"),
                resource_id.name,
                MANAGED,
                resource_id.text,
            )
        )

    def forget_user_assigned(self, resource: Resource) -> None:
        """Forget the principal of a user-assigned identity that goes."""
        self._principals.remove(str(resource.properties.get("principalId", "")))

    def _system(self, resource_id: ResourceId, instance: str) -> Principal:
        object_id = self._object_id(resource_id, instance)
        return self._principals.get(object_id) or self._principals.write(
            Principal(
                object_id,
                stable_id(resource_id.key, instance, "client"),
                resource_id.name,
                MANAGED,
                resource_id.text,
            )
        )

    def _user(self, text: str) -> Principal:
        resource_id = ResourceId.parse(text)
        record = self._resources.get(resource_id)
        if record is None or resource_id.type.lower() != USER_ASSIGNED.lower():
            what = f"Resource '{text}' was not found."
            raise CloudError(400, "FailedIdentityOperation", f"Identity operation failed. {what}")
        return self._principals.need(str(record.properties["principalId"]))

    def _object_id(self, resource_id: ResourceId, instance: str) -> str:
        return stable_id(resource_id.key, instance, "object")

    def _host(self, instance: str) -> ResourceId:
        return ResourceId(self._subscription, "", GRAPH, ("hosts",), (instance.lower(),))
