"""The running cloud: what a client's PUT, PATCH, DELETE and POST do, over HTTP or from inside.

A request is *admitted* under one lock: its caller is allowed, no lock forbids it, its kind has checked it,
and record and operation are written. Its *work* (see `work`) follows outside that lock, in the client's time
or in a thread of its own; `resume` does again what a killed cloud left.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.activity import Activity
from bluejacket.cloud.arm.auth import Access, OwnersOnly, permission
from bluejacket.cloud.arm.endpoint import EndpointTable
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import (
    DELETE,
    PATCH,
    PUT,
    Call,
    Caller,
    Grade,
    Kind,
    KindTable,
    Resources,
    Verb,
)
from bluejacket.cloud.arm.locks import check_locks
from bluejacket.cloud.arm.operations import Operation, Operations
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.store import Store, missing
from bluejacket.cloud.arm.work import STATE, Work
from bluejacket.report import Report

Service = TypeVar("Service")


@dataclass(frozen=True, slots=True)
class Match:
    """The conditions of a request on the record's etag (RFC 9110, section 13.1)."""

    etag: str = ""
    none: str = ""

    def check(self, old: Resource | None) -> None:
        """Raise CloudError 412 when the record is not as the client believes."""
        wanted = self.etag.strip().removeprefix("W/").strip('"')
        unwanted = self.none.strip().removeprefix("W/").strip('"')
        wrong = wanted and (old is None or wanted not in ("*", old.etag))
        if wrong or (unwanted and old is not None and unwanted in ("*", old.etag)):
            what = "The condition specified using HTTP conditional header(s) is not met."
            raise CloudError(412, "PreconditionFailed", what)


@dataclass(frozen=True, slots=True)
class Begun:
    """What has become of a request. `operation` is one that still runs, or None when all is done."""

    verb: Verb
    resource: Resource | None = None
    created: bool = False
    operation: Operation | None = None
    answer: Any = None


class LocalCloud:
    """Implements `kind.Cloud`."""

    def __init__(
        self,
        state: Path,
        base: str,
        account: Account,
        store: Store,
        kinds: KindTable,
        endpoints: EndpointTable,
        report: Report,
    ) -> None:
        self.state = state
        self.base = base
        self.account = account
        self.subscription = account.subscription
        self.tenant = account.tenant
        self.store = store
        self.resources: Resources = store
        self.kinds = kinds
        self.endpoints = endpoints
        self.report = report
        self.access: Access = OwnersOnly()
        self.operations = Operations(store)
        self.activity = Activity(store)
        self._services: dict[type[Any], Any] = {}
        self._admission = threading.RLock()
        self._work = Work(self, store, self.operations, self.activity)
        self.provide(self.activity)
        self.provide(account)

    def provide(self, service: object, kind: type[Any] | None = None) -> None:
        """Let `service` be found by its class, or by `kind`."""
        self._services[kind or type(service)] = service

    def service(self, kind: type[Service]) -> Service:
        """Give the one service of a class."""
        try:
            found: Service = self._services[kind]
        except KeyError:
            raise LookupError(f"this cloud has no {kind.__name__}") from None
        return found

    def allowed(self, caller: Caller, action: str, scope: ResourceId | str) -> bool:
        """Tell whether a caller has a permission at a scope."""
        return self.access.allowed(caller, action, scope)

    def put(self, resource_id: ResourceId, body: dict[str, Any], caller: Caller) -> Resource:
        """Do what a client's PUT does, and wait until it is over; raises CloudError."""
        self.begin_put(Call(resource_id, caller, body), wait=True)
        return self.store.need(resource_id)

    def delete(self, resource_id: ResourceId, caller: Caller) -> None:
        """Do what a client's DELETE does, and wait until it is over; nothing happens if it is not there."""
        self.begin_delete(Call(resource_id, caller), wait=True)

    def action(self, resource_id: ResourceId, name: str, body: dict[str, Any], caller: Caller) -> Any:
        """Do what a client's POST does, wait until it is over, and give its final answer."""
        return self.begin_action(Call(resource_id, caller, body), name, wait=True).answer

    def begin_put(
        self,
        call: Call,
        *,
        patch: bool = False,
        match: Match = Match(),
        wait: bool = False,
        correlation: str = "",
    ) -> Begun:
        """Admit a PUT or PATCH, and do its work now, or in a thread if it is long; raises CloudError."""
        kind, verb = self.verb(call.id, PATCH if patch else PUT)
        self.access.check(call.caller, permission(kind.type, PUT), call.id)
        with self._admission:
            old = self.store.get(call.id)
            if old is None:
                self.check_place(call.id, writing=True)
            check_locks(self.store, call.id, PUT)
            match.check(old)
            if patch:
                if old is None:
                    raise missing(call.id)
                new = kind.patched(self, call, old)
            else:
                new = kind.checked(self, call, old)
            new.id = old.id if old else new.id
            idle = not verb.long and type(kind).work is Kind.work
            if kind.states:
                new.properties[STATE] = "Succeeded" if idle else "Updating" if old else "Creating"
            if idle:
                written = self.store.put(new)
                self.activity.tell(
                    call.id, kind.type, PUT, "Succeeded", call.caller, correlation or _correlation()
                )
                return Begun(verb, written, old is None)
            operation = self._operation(PUT, verb, call, {}, correlation)
            self.operations.add(operation)  # before the record: one without an end is then always known
            written = self.store.put(new)
            place = self._work.place(call.id.key)
        undo = (lambda: self._work.restore(call.id, old)) if not verb.long else None
        self._work.start(operation, kind, place, wait or not verb.long, undo)
        if wait or not verb.long:
            return Begun(verb, self.store.get(call.id) or written, old is None)
        return Begun(verb, written, old is None, operation)

    def begin_delete(
        self,
        call: Call,
        *,
        match: Match = Match(),
        wait: bool = False,
        correlation: str = "",
    ) -> Begun:
        """Admit a DELETE, and do its work now, or in a thread if it is long; raises CloudError."""
        kind, verb = self.verb(call.id, DELETE)
        self.access.check(call.caller, permission(kind.type, DELETE), call.id)
        with self._admission:
            old = self.store.get(call.id)
            if old is None:
                if not call.id.provider:
                    raise missing(call.id)  # of all that may be deleted twice, a group may not
                return Begun(verb)
            check_locks(self.store, call.id, DELETE)
            match.check(old)
            kind.removable(self, old)
            operation = self._operation(DELETE, verb, call, {}, correlation)
            self.operations.add(operation)
            # What another deletion has removed just now is fine as well: then there is nothing left to do.
            self._work.mark(call.id, kind, "Deleting")
            old = self.store.get(call.id) or old
            place = self._work.place(call.id.key)
        self._work.start(operation, kind, place, wait or not verb.long)
        return Begun(verb, old, operation=None if wait or not verb.long else operation)

    def begin_action(self, call: Call, action: str, *, wait: bool = False, correlation: str = "") -> Begun:
        """Admit an action, and do its work now, or in a thread if it is long; raises CloudError."""
        kind, verb = self.verb(call.id, action.lower())
        self.access.check(call.caller, permission(kind.type, action), call.id)
        reads = verb.method == "GET"
        with self._admission:
            resource = self.store.get(call.id)
            if resource is None:
                if not verb.free:
                    self.check_place(call.id)
                    raise missing(call.id)
                resource = Resource(call.id)
            if not reads:
                check_locks(self.store, call.id, action)
            payload = kind.act(self, call, resource, action.lower())
            operation = self._operation(action.lower(), verb, call, payload, correlation)
            place = None
            if verb.long:
                self.operations.add(operation)
                place = self._work.place(call.id.key)
        if place is None:
            # Nothing has been promised to anybody yet, so it is not written down, and it waits for nobody:
            # to look at a machine that is being made has to be possible.
            answer = kind.work(self, operation.job, resource)
            if not reads:
                self._work.tell(operation, kind, "Succeeded")
            return Begun(verb, resource, answer=answer)
        self._work.start(operation, kind, place, wait)
        return Begun(verb, resource, operation=None if wait else operation, answer=operation.answer)

    def resume(self) -> int:
        """Make the world agree with the records, and begin again what had not ended. Gives how many."""
        for every in self.kinds:
            every.settle(self)
        waiting: list[tuple[Operation, Kind, object]] = []
        for operation in self.operations.unfinished():
            kind = self.kinds.find(operation.id.type)
            if kind is None:
                operation.fail(
                    CloudError(500, "OperationAbandoned", "Its resource type is no longer served.")
                )
            else:
                waiting.append((operation, kind, self._work.place(operation.id.key)))
            operation.begun += 1
            self.operations.save(operation)
        for operation, kind, place in waiting:
            self._work.start(operation, kind, place, wait=False)
        return len(waiting)

    def verb(self, resource_id: ResourceId, name: str) -> tuple[Kind, Verb]:
        """Give a resource's kind and one of its verbs; raises CloudError when it is none, or refused."""
        kind = self.kinds.need(resource_id)
        verb = kind.verbs.get(name)
        if verb is None:
            what = f"The operation '{name}' is not supported for the resource type '{kind.type}'."
            raise CloudError(405, "MethodNotAllowed", what)
        if verb.grade is Grade.REFUSED:
            what = f"The operation '{name}' is not available for the resource type '{kind.type}' here"
            raise CloudError(409, "OperationNotAllowed", f"{what}: {verb.note}." if verb.note else f"{what}.")
        return kind, verb

    def _operation(
        self, name: str, verb: Verb, call: Call, payload: dict[str, Any], correlation: str
    ) -> Operation:
        return Operation(
            name, call.id, call.caller, payload, verb.done, correlation=correlation or _correlation()
        )

    def check_place(self, resource_id: ResourceId, *, writing: bool = False) -> None:
        """Raise CloudError when the group, parent or scope of a resource is not there.

        A group that is going away takes nothing that is new.
        """
        if resource_id.group and resource_id.provider:
            group = self.store.get(ResourceId(resource_id.subscription, resource_id.group))
            if group is None:
                raise missing(ResourceId(resource_id.subscription, resource_id.group))
            if writing and group.state == "Deleting":
                what = f"The resource group '{resource_id.group}' is in deprovisioning state"
                raise CloudError(
                    409, "ResourceGroupBeingDeleted", f"{what} and cannot perform this operation."
                )
        above = resource_id.parent if len(resource_id.names) > 1 else None
        if resource_id.scope and above is None:
            above = ResourceId.parse(resource_id.scope)
            if len(above.names) > 1 and self.store.get(above) is None:
                above = above.parent  # a part may have no record of its own: a vault's secret
        if above is not None and above.provider and self.store.get(above) is None:
            what = "Can not perform requested operation on nested resource. Parent resource"
            raise CloudError(404, "ParentResourceNotFound", f"{what} '{above.name}' not found.")


def _correlation() -> str:
    return str(uuid.uuid4())
