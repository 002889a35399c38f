"""What every type of this room checks first: names, and the records that are referred to."""

from __future__ import annotations

import re
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Call, Cloud, record
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network.spelling import spelled

# Azure, "Naming rules and restrictions", Microsoft.Network.
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?")


def begun(call: Call, old: Resource | None) -> Resource:
    """Give the record of a request with its name checked and its properties spelled as usual."""
    check_name(call.id.name)
    body = {key: spelled(value) if key.lower() == "properties" else value for key, value in call.body.items()}
    found = record(Call(call.id, call.caller, body, call.query), old)
    found.properties.pop("provisioningState", None)
    return found


def check_name(name: str) -> None:
    """Raise CloudError (400 InvalidResourceName) for a name that Azure's network does not take."""
    if not _NAME.fullmatch(name):
        raise invalid(
            f"Resource name {name} is invalid. The name can be up to 80 characters long. It must "
            "begin with a "
            "word character, and it must end with a word character or with '_'. The name may contain word "
            "characters or '.', '-', '_'.",
            code="InvalidResourceName",
        )


def guid(resource_id: ResourceId) -> str:
    """Give the `resourceGuid` of a resource: the same for the same id."""
    return str(uuid5(NAMESPACE_URL, resource_id.key))


def reference(found: Any) -> ResourceId | None:
    """Give the id in `{"id": …}`, or None when there is none; raises CloudError for what is no id."""
    if not isinstance(found, dict) or not found.get("id"):
        return None
    return ResourceId.parse(str(found["id"]))


def referred(cloud: Cloud, wanted: ResourceId, by: ResourceId, type_name: str) -> Resource:
    """Give the record that another refers to; raises CloudError (400 InvalidResourceReference)."""
    found = cloud.resources.get(wanted) if wanted.type.lower() == type_name.lower() else None
    if found is None:
        raise CloudError(
            400,
            "InvalidResourceReference",
            f"Resource {wanted} referenced by resource {by} was not found. Please make sure that "
            "the referenced "
            "resource exists, and that both resources are in the same region.",
        )
    return found


def objects(properties: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Give the list of objects under a key; absent is empty. Raises CloudError (400) for another shape."""
    found = properties.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise invalid(f"The value of property '{key}' is not a list of objects.", key, "InvalidRequestFormat")
    return found
