"""A cloud of records and services alone: the real store and kinds, without server, guests and networks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Call, Caller, Job, Kind, KindTable
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.store import Store
from bluejacket.report import SILENT, Report

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
OWNER = Caller("aaaaaaaa-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000002", "owner", True)
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/Harbour"
Service = TypeVar("Service")


class RecordCloud:
    """What a kind may use, each verb done at once."""

    subscription = SUBSCRIPTION
    tenant = TENANT

    def __init__(self, state: Path, kinds: Iterable[Kind], base: str = "https://localhost:8443") -> None:
        self.state = state
        self.base = base
        self.resources = Store.at(state / "cloud.sqlite")
        self.kinds = KindTable(kinds)
        self.report: Report = SILENT
        self.services: dict[type, object] = {}

    def service(self, kind: type[Service]) -> Service:
        found = self.services[kind]
        assert isinstance(found, kind)
        return found

    def put(self, resource_id: ResourceId, body: dict[str, Any], caller: Caller = OWNER) -> Resource:
        kind, old = self.kinds.need(resource_id), self.resources.get(resource_id)
        made = kind.checked(self, Call(resource_id, caller, body), old)
        made.properties.setdefault("provisioningState", "Succeeded")
        made = self.resources.put(made)
        kind.work(self, Job("1", "put", resource_id, caller), made)
        return self.resources.need(made.id)

    def patch(self, resource_id: ResourceId, body: dict[str, Any], caller: Caller = OWNER) -> Resource:
        kind, old = self.kinds.need(resource_id), self.resources.need(resource_id)
        made = self.resources.put(kind.patched(self, Call(resource_id, caller, body), old))
        kind.work(self, Job("1", "patch", resource_id, caller), made)
        return self.resources.need(made.id)

    def delete(self, resource_id: ResourceId, caller: Caller = OWNER) -> None:
        found = self.resources.get(resource_id)
        if found is not None:
            kind = self.kinds.need(resource_id)
            kind.removable(self, found)
            kind.work(self, Job("1", "delete", resource_id, caller), found)
            self.resources.delete(resource_id)

    def action(self, resource_id: ResourceId, name: str, body: dict[str, Any], caller: Caller = OWNER) -> Any:
        kind, found = self.kinds.need(resource_id), self.resources.need(resource_id)
        payload = kind.act(self, Call(resource_id, caller, body), found, name)
        return kind.work(self, Job("1", name, resource_id, caller, payload), found)

    def list(self, text: str, caller: Caller = OWNER, **query: str) -> list[dict[str, Any]]:
        call = Call(ResourceId.parse(text), caller, query={f"${key}": value for key, value in query.items()})
        return list(self.kinds.need(call.id).listed(self, (), call))
