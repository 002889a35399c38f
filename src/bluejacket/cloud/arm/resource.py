"""One resource as it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bluejacket.cloud.arm.ids import ResourceId

TOP = ("sku", "identity", "zones", "plan", "kind", "managedBy", "extendedLocation", "eTag")
"""Keys that stand beside `properties` in a document, besides id, name, type, location and tags."""


@dataclass(slots=True)
class Resource:
    """A record. `properties` is what a client gave and may see again; `top` holds keys of `TOP`.

    `hidden` is for the host alone (paths, processes, secrets that must not be echoed): it is kept
    beside the rest, and never shown. `created` and `changed` are UTC, ISO 8601.
    """

    id: ResourceId
    location: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)
    hidden: dict[str, Any] = field(default_factory=dict)
    created: str = ""
    changed: str = ""
    etag: str = ""

    @property
    def state(self) -> str:
        """The provisioning state: Succeeded, Creating, Updating, Deleting, Failed."""
        return str(self.properties.get("provisioningState", "Succeeded"))

    def document(self, type_name: str | None = None) -> dict[str, Any]:
        """Give what a client sees; `type_name` is the type's usual spelling."""
        found: dict[str, Any] = {"id": self.id.text, "name": self.id.name, "type": type_name or self.id.type}
        if self.location:
            found["location"] = self.location
        if self.tags or not self.id.scope:
            found["tags"] = dict(self.tags)
        found |= copied(self.top)
        if self.etag:
            found["etag"] = f'W/"{self.etag}"'
        return found | {"properties": copied(self.properties)}


def copied(value: Any) -> Any:
    """Copy what JSON can say; several times as fast as `deepcopy`, which looks for loops and for classes."""
    if isinstance(value, dict):
        return {key: copied(one) for key, one in value.items()}
    if isinstance(value, list):
        return [copied(one) for one in value]
    return value
