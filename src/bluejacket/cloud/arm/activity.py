"""The activity log: who changed what, when, and how it ended. Kept for 90 days, as Azure keeps it.

Source: Microsoft, "Azure Activity Log event schema", Administrative category.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sql

from bluejacket.cloud.arm.auth import permission
from bluejacket.cloud.arm.endpoint import Asked, Endpoint
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller, Cloud, Grade
from bluejacket.cloud.arm.store import Store, now
from bluejacket.cloud.arm.tables import ACTIVITY

KEPT = timedelta(days=90)
_TERM = re.compile(r"(\w+)\s+(eq|ge|le|gt|lt)\s+'?([^']*?)'?\s*(?:and\s+|$)", re.IGNORECASE)
_FIELDS = {"resourceid", "resourceuri", "resourcegroupname", "resourceprovider", "caller", "status"}
_ALWAYS = {"eventchannels", "levels"}  # everything here is administrative
_METHODS = {"write": "PUT", "delete": "DELETE", "action": "POST"}


class Activity:
    """Writes events and finds them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def tell(
        self,
        resource_id: ResourceId,
        type_name: str,
        verb: str,
        status: str,
        caller: Caller,
        correlation: str,
        error: CloudError | None = None,
    ) -> None:
        """Write one event: an operation was Started, Accepted, has Succeeded or Failed."""
        action, time, event = permission(type_name, verb), now(), str(uuid.uuid4())
        found = {
            "authorization": {"action": action, "scope": resource_id.text},
            "caller": caller.name if "@" in caller.name else caller.object_id,
            "channels": "Operation",
            "claims": {"appid": caller.client_id, "name": caller.name},
            "correlationId": correlation,
            "eventDataId": event,
            "eventName": _named("EndRequest" if status in ("Succeeded", "Failed") else "BeginRequest"),
            "category": _named("Administrative"),
            "httpRequest": {"method": _METHODS.get(action.rpartition("/")[2], "POST")},
            "level": "Error" if error else "Informational",
            "resourceGroupName": resource_id.group,
            "resourceProviderName": _named(type_name.partition("/")[0]),
            "resourceId": resource_id.text,
            "resourceType": _named(type_name),
            "operationId": correlation,
            "operationName": _named(action),
            "properties": {"statusMessage": json.dumps({"error": error.body()})} if error else {},
            "status": _named(status),
            "subStatus": _named(""),
            "eventTimestamp": time,
            "submissionTimestamp": time,
            "subscriptionId": resource_id.subscription,
        }
        row = {
            "time": time,
            "scope": resource_id.key,
            "correlation": correlation,
            "data": json.dumps(found, ensure_ascii=False, separators=(",", ":")),
        }
        with self._store.writing() as connection:
            number = connection.execute(ACTIVITY.insert(), row).inserted_primary_key
            if number and number[0] % 500 == 1:
                oldest = f"{datetime.now(UTC) - KEPT:%Y-%m-%dT%H:%M:%S}"
                connection.execute(ACTIVITY.delete().where(ACTIVITY.c.time < oldest))

    def events(self, wanted: Sequence[tuple[str, str, str]], limit: int = 1000) -> list[dict[str, Any]]:
        """Give the newest events that agree with all of (field, eq|ge|le, value), newest first.

        Raises CloudError for a field that cannot be asked for.
        """
        query = sql.select(ACTIVITY.c.data).order_by(ACTIVITY.c.number.desc())
        later: dict[str, str] = {}
        for field, comparison, value in wanted:
            name = field.lower()
            if name == "eventtimestamp":
                # Both are ISO 8601 in UTC, and compare as text once they have the same length.
                stamp = value.rstrip("Z").replace(" ", "T")
                low = comparison in ("ge", "gt")
                query = query.where(ACTIVITY.c.time >= stamp if low else ACTIVITY.c.time <= stamp + "~")
            elif name == "correlationid":
                query = query.where(ACTIVITY.c.correlation == value.lower())
            elif name in _FIELDS | _ALWAYS:
                later[name] = value.lower()
            else:
                raise CloudError(400, "BadRequest", f"The field '{field}' cannot be filtered by.")
        found: list[dict[str, Any]] = []
        with self._store.reading() as connection:
            for data in connection.execute(query).scalars():
                event = json.loads(data)
                if all(_agrees(event, name, value) for name, value in later.items()):
                    found.append(event)
                    if len(found) == limit:
                        break
        return found


def _agrees(event: dict[str, Any], name: str, value: str) -> bool:
    if name in ("resourceid", "resourceuri"):
        return str(event["resourceId"]).lower() == value
    if name == "resourceprovider":
        return str(event["resourceProviderName"]["value"]).lower() == value
    if name == "status":
        return str(event["status"]["value"]).lower() == value
    if name == "resourcegroupname":
        return str(event["resourceGroupName"]).lower() == value
    if name == "caller":
        return str(event["caller"]).lower() == value
    return name in _ALWAYS


def _named(value: str) -> dict[str, str]:
    return {"value": value, "localizedValue": value}


def _values(cloud: Cloud, asked: Asked) -> Any:
    wanted = _TERM.findall(asked.query.get("$filter", ""))
    chosen = [word.strip() for word in asked.query.get("$select", "").split(",") if word.strip()]
    found = cloud.service(Activity).events(wanted)
    if chosen:
        found = [{key: event[key] for key in chosen if key in event} for event in found]
    return {"value": found}


def _categories(_cloud: Cloud, _asked: Asked) -> Any:
    return {"value": [_named("Administrative")]}


_VALUES = "/providers/Microsoft.Insights/eventtypes/management/values"
_READ = "Microsoft.Insights/eventtypes/values/read"
ENDPOINTS = (
    Endpoint("GET", "/subscriptions/{subscription}" + _VALUES, Grade.REAL, _values, _READ),
    Endpoint("GET", _VALUES, Grade.REAL, _values, _READ, "the tenant has one subscription"),
    Endpoint("GET", "/providers/Microsoft.Insights/eventcategories", Grade.REAL, _categories),
)
