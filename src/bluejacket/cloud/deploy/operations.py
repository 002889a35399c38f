"""Microsoft.Resources/deployments/operations: what a deployment did to each resource, and how it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from bluejacket.cloud.arm.endpoint import Asked, Endpoint
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import GET, LIST, Call, Cloud, Grade, Kind, Verb
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.store import now
from bluejacket.cloud.deploy.plan import Planned

TYPE = "Microsoft.Resources/deployments/operations"


class OperationKind(Kind):
    """The operations of a deployment, made by it alone."""

    type: ClassVar[str] = TYPE
    verbs: ClassVar[Mapping[str, Verb]] = {GET: Verb(Grade.REAL), LIST: Verb(Grade.REAL)}
    versions: ClassVar[tuple[str, ...]] = ("2025-04-01", "2024-11-01", "2021-04-01")
    states: ClassVar[bool] = False

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give an operation's document, which has no name, type or tags."""
        return {
            "id": resource.id.text,
            "operationId": resource.id.name,
            "properties": dict(resource.properties),
        }


class Operations:
    """Writes the operations of one deployment down; implements `engine.Told`."""

    def __init__(self, cloud: Cloud, deployment: ResourceId) -> None:
        self._cloud = cloud
        self._deployment = deployment

    def clear(self) -> None:
        """Forget those of an earlier deployment of the same name."""
        for one in self._cloud.resources.list(type_name=TYPE, parent=self._deployment):
            self._cloud.resources.delete(one.id)

    def begun(self, one: Planned) -> None:
        """A resource is being written."""
        self._write(one, {"provisioningState": "Running", "duration": duration(0)})

    def ended(self, one: Planned, seconds: float, error: CloudError | None) -> None:
        """It is there, or `error` says why not."""
        state = {"provisioningState": "Failed" if error else "Succeeded", "duration": duration(seconds)}
        if error is None:
            self._write(one, state | {"statusCode": "OK"})
        else:
            self._write(
                one, state | {"statusCode": _status(error.status), "statusMessage": {"error": error.body()}}
            )

    def _write(self, one: Planned, told: dict[str, Any]) -> None:
        digest = hashlib.sha256(f"{self._deployment.key}\n{one.id.key}".encode()).hexdigest()
        properties = {"provisioningOperation": "Create", "timestamp": now()} | told
        properties["targetResource"] = _target(one.id)
        properties["trackingId"] = (
            f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
        )
        place = self._deployment.child("operations", digest[:16].upper())
        self._cloud.resources.put(Resource(place, properties=properties))


def listed(cloud: Cloud, asked: Asked) -> Any:
    """List a group's deployment's operations, at the path without a provider that the client uses."""
    deployment = _deployment(asked)
    cloud.resources.need(deployment)
    kind, call = OperationKind(), Call(deployment, asked.caller)
    found = cloud.resources.list(type_name=TYPE, parent=deployment)
    top = asked.query.get("$top", "")
    return {"value": list(kind.listed(cloud, found[: int(top)] if top.isdigit() else found, call))}


def one(cloud: Cloud, asked: Asked) -> Any:
    """Give one of them."""
    found = cloud.resources.need(_deployment(asked).child("operations", asked.parts["operation"]))
    return OperationKind().shown(cloud, found, Call(found.id, asked.caller))


def _deployment(asked: Asked) -> ResourceId:
    group = ResourceId(asked.parts["subscription"], asked.parts["group"])
    return group.sibling("Microsoft.Resources/deployments", asked.parts["name"])


_PATH = "/subscriptions/{subscription}/resourceGroups/{group}/deployments/{name}/operations"
_ACTION = f"{TYPE}/read"
ENDPOINTS = (
    Endpoint("GET", _PATH, Grade.REAL, listed, _ACTION),
    Endpoint("GET", _PATH + "/{operation}", Grade.REAL, one, _ACTION),
)


def _target(resource_id: ResourceId) -> dict[str, str]:
    return {
        "id": resource_id.text,
        "resourceType": resource_id.type,
        "resourceName": "/".join(resource_id.names) or resource_id.name,
    }


def duration(seconds: float) -> str:
    """Give a time as ISO 8601 has it: PT2M3.5S."""
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "") + f"{rest:.7g}S"


def _status(number: int) -> str:
    names = {400: "BadRequest", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 412: "PreconditionFailed"}
    return names.get(number, "InternalServerError" if number >= 500 else "BadRequest")
