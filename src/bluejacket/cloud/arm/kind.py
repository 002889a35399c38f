"""A kind of resource: what is peculiar to a type, declared verb by verb.

Each type has one module with one subclass of `Kind`. The server, the store, the long operations, the
deployments and `bluejacket cloud coverage` know all types by the same table, `KindTable`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.report import Report

GET, LIST, PUT, PATCH, DELETE = "get", "list", "put", "patch", "delete"
Service = TypeVar("Service")


class Grade(StrEnum):
    """How much an operation means. What is stored is marked as such to the client, in a header."""

    REAL = "real"  # something in a guest, on a disk or on a wire changes, and a test looks there
    STORED = "stored"  # kept and given back
    REFUSED = "refused"  # answered with Azure's error


@dataclass(frozen=True, slots=True)
class Verb:
    """One operation of a type.

    A `long` one is answered at once (202, or 200/201 for PUT with `created`) and polled; `done` is the
    status of a direct answer, and of the final GET of its `Location`. `note` says why it is not real.
    An action is asked for by POST, or by `method`; one that is `free` needs no record (the check of a
    deployment that is not there yet): without one it is given an empty record.
    """

    grade: Grade
    long: bool = False
    created: int = 201
    done: int = 200
    note: str = ""
    method: str = "POST"
    free: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the object id of a service principal, user or managed identity, and its application id."""

    object_id: str
    client_id: str = ""
    name: str = ""
    owner: bool = False  # of the subscription: may do everything


SYSTEM = Caller("00000000-0000-0000-0000-000000000000", name="Bluejacket", owner=True)
"""The cloud itself, for what it does to a resource beyond what its caller has to be allowed."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, after its caller is known and allowed. Keys of `query` are in lower case."""

    id: ResourceId
    caller: Caller
    body: dict[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


class Resources(Protocol):
    """The store of records. Each method is one transaction; see `store.py`."""

    def get(self, resource_id: ResourceId) -> Resource | None:
        """Give the record, or None."""

    def need(self, resource_id: ResourceId) -> Resource:
        """Give the record; raises CloudError 404."""

    def put(self, resource: Resource) -> Resource:
        """Write the record, with a new etag and `changed`; gives it as written."""

    def change(self, resource_id: ResourceId, edit: Callable[[Resource], None]) -> Resource:
        """Read, edit and write in one transaction; raises CloudError 404."""

    def delete(self, resource_id: ResourceId) -> bool:
        """Remove the record and all its parts; False when there was none."""

    def list(
        self,
        *,
        type_name: str = "",
        subscription: str = "",
        group: str = "",
        parent: ResourceId | None = None,
        referring: Collection[str] | None = None,
    ) -> Sequence[Resource]:
        """Give the records that agree with all that is said, ordered by id; see `Store.list`."""


@dataclass(frozen=True, slots=True)
class Job:
    """A long operation that has begun. `payload` is all that its work needs, besides the record."""

    name: str
    verb: str
    id: ResourceId
    caller: Caller
    payload: dict[str, Any] = field(default_factory=dict)


class Cloud(Protocol):
    """What a kind may use of the running cloud."""

    state: Path  # the cloud's own folder below the state folder
    base: str  # https://localhost:PORT
    subscription: str
    tenant: str
    resources: Resources
    kinds: KindTable
    report: Report

    def service(self, kind: type[Service]) -> Service:
        """Give the one service of a class: the network host, the machines, the vault."""

    def allowed(self, caller: Caller, action: str, scope: ResourceId | str) -> bool:
        """Tell whether a caller has a permission: `Microsoft.Compute/disks/read` at a resource's id."""

    def put(self, resource_id: ResourceId, body: dict[str, Any], caller: Caller) -> Resource:
        """Do what a client's PUT does, and wait until it is over; raises CloudError."""

    def delete(self, resource_id: ResourceId, caller: Caller) -> None:
        """Do what a client's DELETE does, and wait until it is over; nothing happens if it is not there."""

    def action(self, resource_id: ResourceId, name: str, body: dict[str, Any], caller: Caller) -> Any:
        """Do what a client's POST does, wait until it is over, and give its final answer."""


class Kind:
    """What is peculiar to one type. A subclass overrides what its type has.

    `checked` and `removable` run while the client waits and may refuse. `work` runs afterwards when the verb
    is long (in a thread of its own), and at once when it is not. It must come to the same end when it is run
    again from the start, because after a crash it is. Whatever `work` changes of the record it writes itself.
    """

    type: ClassVar[str]  # Microsoft.Compute/virtualMachines, in its usual spelling
    verbs: ClassVar[
        Mapping[str, Verb]
    ]  # by "get", "list", "put", "patch", "delete" and actions in lower case
    versions: ClassVar[tuple[str, ...]] = ("2024-11-01",)  # newest first; any other is taken as well
    states: ClassVar[bool] = True  # whether its records have a provisioningState
    paged: ClassVar[bool] = True  # False: `listed` is given all records at once, or makes its own list

    def read(self, raw: bytes) -> dict[str, Any]:
        """Read the body of a PUT, PATCH or action; raises CloudError."""
        return read_object(raw)

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record that a PUT asks for, with all defaults filled in.

        What has no value (null) counts as absent. Raises CloudError.
        """
        return record(call, old)

    def patched(self, cloud: Cloud, call: Call, old: Resource) -> Resource:
        """Give the record after a PATCH: by default `merged` and then `checked`."""
        whole = merged(old.document() | {"properties": old.properties}, call.body)
        return self.checked(cloud, Call(call.id, call.caller, whole, call.query), old)

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Raise CloudError when the resource cannot go (a NIC in use, a locked disk)."""

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Do what `job.verb` means for the world; raises CloudError. The answer is an action's body, or None.

        A PUT's record is written as Creating or Updating before, and as Succeeded or Failed after it; a
        DELETE's is removed after it. The work of a PATCH is that of the PUT that would have done the same.
        """

    def act(self, cloud: Cloud, call: Call, resource: Resource, action: str) -> dict[str, Any]:
        """Check an action while the client waits, and give the payload of its job; raises CloudError."""
        return dict(call.body)

    def grade(self, verb: Verb, resource: Resource) -> Grade:
        """Give how much an operation means for one record: by default what its verb says."""
        return verb.grade

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document that a client sees: with instance view, back references and the like."""
        return resource.document(self.type)

    def listed(self, cloud: Cloud, found: Sequence[Resource], call: Call) -> Iterable[dict[str, Any]]:
        """Give the documents of a list; by default each as `shown` gives it."""
        return (self.shown(cloud, one, call) for one in found)

    def settle(self, cloud: Cloud) -> None:
        """Make the world agree with the records after the control plane began anew; before any request."""


class KindTable:
    """All kinds, by type without regard to case."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds = {kind.type.lower(): kind for kind in kinds}

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def find(self, type_name: str) -> Kind | None:
        """Give the kind of a type, or None."""
        return self._kinds.get(type_name.lower())

    def need(self, resource_id: ResourceId) -> Kind:
        """Give the kind of a resource; raises CloudError 404 as Azure does for an unknown type."""
        kind = self.find(resource_id.type)
        if kind is None:
            provider, _, rest = resource_id.type.partition("/")
            known = any(name.startswith(provider.lower() + "/") for name in self._kinds)
            code = "InvalidResourceType" if known else "InvalidResourceNamespace"
            what = f"The resource type '{rest}' could not be found in the namespace '{provider}'"
            said = what if known else f"The resource namespace '{provider}' is invalid"
            raise CloudError(404, code, f"{said}.")
        return kind


def read_object(raw: bytes) -> dict[str, Any]:
    """Read a JSON object; no text at all is an empty one. Raises CloudError 400."""
    try:
        found = json.loads(raw.decode("utf-8-sig")) if raw.strip() else {}
    except (ValueError, RecursionError) as error:
        what = f"The request content was invalid and could not be deserialized: '{error}'."
        raise CloudError(400, "InvalidRequestContent", what) from None
    if not isinstance(found, dict):
        what = "The request content was invalid and could not be deserialized: it is not a JSON object."
        raise CloudError(400, "InvalidRequestContent", what)
    return found


def record(call: Call, old: Resource | None) -> Resource:
    """Make the record that a PUT's document describes; what is hidden is kept from the old one."""
    from bluejacket.cloud.arm.resource import TOP

    body = without_nulls(call.body)
    lower = {key.lower(): key for key in body}
    top = {key: body[lower[key.lower()]] for key in TOP if key.lower() in lower}
    tags = {str(key): str(value) for key, value in (body.get("tags") or {}).items()}
    return Resource(
        id=old.id if old else call.id,
        location=str(body.get("location") or (old.location if old else "")).replace(" ", "").lower(),
        tags=tags,
        properties=dict(body.get("properties") or {}),
        top=top,
        hidden=dict(old.hidden) if old else {},
        created=old.created if old else "",
        etag=old.etag if old else "",
    )


def without_nulls(found: Any) -> Any:
    """Give the same without anything that is null: to a client of Azure null means the default."""
    if isinstance(found, dict):
        return {key: without_nulls(value) for key, value in found.items() if value is not None}
    if isinstance(found, list):
        return [without_nulls(one) for one in found]
    return found


def merged(old: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Give a document with a PATCH applied: a merge patch, but that tags take the place of all the old ones.

    Source: Azure Resource Manager, "Resource Provider Contract", PATCH.
    """
    found: dict[str, Any] = merge(old, patch)
    return found | {"tags": patch["tags"]} if "tags" in patch else found


def merge(old: Any, patch: Any) -> Any:
    """Give `old` with a JSON merge patch applied (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    found = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merge(found.get(key), value)
    return found
