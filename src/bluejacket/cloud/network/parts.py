"""Resources whose parts stand in an array of theirs and are resources too: subnets, rules of a group.

A part's own record is the truth. What a client writes into the array of the whole becomes records of parts
(`accept`, `write`), and the array that it reads is made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bluejacket.cloud.arm.errors import invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Cloud
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network.names import check_name, objects

_WANTED = "wanted"


def given(record: Resource, key: str) -> dict[str, dict[str, Any]] | None:
    """Take the array `key` out of a record: properties by name, or None when the client gave no array.

    Raises CloudError for a part without a name, and for two of the same name.
    """
    if key not in record.properties:
        return None
    parts = objects(record.properties, key)
    record.properties.pop(key)
    found: dict[str, dict[str, Any]] = {}
    for one in parts:
        name = str(one.get("name") or "")
        check_name(name)
        if name.lower() in (known.lower() for known in found):
            raise invalid(
                f"Resource {record.id} has two parts named {name} in {key}.", key, "DuplicateResourceName"
            )
        found[name] = dict(one.get("properties") or {})
    return found


def accept(record: Resource, key: str, parts: dict[str, dict[str, Any]]) -> None:
    """Remember in the record, hidden, which parts `write` shall write."""
    record.hidden.setdefault(_WANTED, {})[key] = parts


def write(cloud: Cloud, record: Resource) -> None:
    """Make the records of parts those that the whole's array named, and forget that."""
    for key, wanted in (record.hidden.get(_WANTED) or {}).items():
        kept = {record.id.child(key, name) for name in wanted}
        for old in of(cloud, record.id, key):
            if old.id not in kept:
                cloud.resources.delete(old.id)
        for name, properties in wanted.items():
            part = record.id.child(key, name)
            found = cloud.resources.get(part) or Resource(part)
            if found.properties != properties:
                found.properties = properties
                cloud.resources.put(found)
    cloud.resources.change(record.id, lambda one: one.hidden.update({_WANTED: {}}))


def of(cloud: Cloud, whole: ResourceId, key: str) -> Sequence[Resource]:
    """Give the records of a resource's parts of one kind."""
    return cloud.resources.list(type_name=f"{whole.type}/{key}", parent=whole)
