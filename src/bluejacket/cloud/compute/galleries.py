"""Microsoft.Compute/galleries: images of one's own, with their definitions and their versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.kind import (
    DELETE,
    GET,
    LIST,
    PATCH,
    PUT,
    Call,
    Cloud,
    Grade,
    Kind,
    Verb,
    record,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.documents import (
    need_location,
    spelled,
    unchanged,
)
from bluejacket.cloud.compute.source import DEFINITIONS, GALLERY, VERSIONS

VERBS: dict[str, Verb] = {
    GET: Verb(Grade.REAL),
    LIST: Verb(Grade.REAL),
    PUT: Verb(Grade.REAL, long=True),
    PATCH: Verb(Grade.REAL, long=True, created=202),
    DELETE: Verb(Grade.REAL, long=True),
}


_ALONE = "nobody outside this subscription sees a gallery"


class Galleries(Kind):
    """A gallery."""

    type = GALLERY
    verbs: ClassVar[Mapping[str, Verb]] = VERBS | {"share": Verb(Grade.REFUSED, note=_ALONE)}
    versions = ("2026-03-03", "2024-03-03", "2021-10-01")

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record."""
        found = record(call, old)
        need_location(found, self.type)
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._]{0,78}[A-Za-z0-9])?", found.id.name):
            raise invalid(f"The entity name 'galleryName' is invalid: '{found.id.name}'.", "galleryName")
        _refuse_settings(found)
        unique = f"{found.id.subscription}-{found.id.name.upper()}"
        found.properties = {
            **(old.properties if old else {}),
            **found.properties,
            "identifier": {"uniqueName": unique},
        }
        return found

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while it holds image definitions."""
        _refuse_with_parts(cloud, resource, DEFINITIONS)


class Definitions(Kind):
    """A gallery's image definition: what all versions of an image have in common."""

    type = DEFINITIONS
    verbs = VERBS
    versions = ("2026-03-03", "2024-03-03", "2021-10-01")

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record; what machines are made by never changes."""
        found = record(call, old)
        found.properties = spelled(found.properties)
        need_location(found, self.type)
        if old is not None:
            fixed = ("osType", "osState", "hyperVGeneration", "architecture", "identifier")
            unchanged(old.properties, found.properties, fixed, "galleryImage.properties")
            found.properties = old.properties | found.properties
            return found
        identifier = found.properties.get("identifier") or {}
        for name in ("publisher", "offer", "sku"):
            if not identifier.get(name):
                raise invalid(
                    f"Required parameter 'galleryImage.properties.identifier.{name}' is missing (null).",
                    f"galleryImage.properties.identifier.{name}",
                )
        for name in ("osType", "osState"):
            if not found.properties.get(name):
                path = f"galleryImage.properties.{name}"
                raise invalid(f"Required parameter '{path}' is missing (null).", path)
        if found.properties["osType"] != "Linux":
            raise invalid("Only images of Linux can be used in this cloud.", "galleryImage.properties.osType")
        self._check_unique(cloud, found, identifier)
        found.properties = {"hyperVGeneration": "V2", "architecture": "x64"} | found.properties
        return found

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while it has versions."""
        _refuse_with_parts(cloud, resource, VERSIONS)

    def _check_unique(self, cloud: Cloud, found: Resource, identifier: dict[str, Any]) -> None:
        for other in cloud.resources.list(type_name=DEFINITIONS, parent=found.id.parent):
            if other.properties.get("identifier") == identifier:
                raise CloudError(
                    409,
                    "Conflict",
                    "Gallery image definition with same publisher, offer, sku already exists in the gallery: "
                    f"'{other.id.name}'.",
                )


def _refuse_settings(gallery: Resource) -> None:
    """Raise CloudError for what a gallery would only seem to do."""
    has = gallery.properties
    shared = str((has.get("sharingProfile") or {}).get("permissions") or "Private").lower() != "private"
    soft = (has.get("softDeletePolicy") or {}).get("isSoftDeleteEnabled") is True
    identity = str((gallery.top.get("identity") or {}).get("type") or "None").lower() != "none"
    for asked, name, why in (
        (shared, "sharingProfile.permissions", _ALONE),
        (soft, "softDeletePolicy.isSoftDeleteEnabled", "what is deleted from a gallery is gone"),
        (identity, "identity", "a gallery asks nobody for anything"),
    ):
        if asked:
            what = f"The property '{name}' of galleries is not available here: {why}."
            raise CloudError(409, "OperationNotAllowed", what, target=name)


def _refuse_with_parts(cloud: Cloud, resource: Resource, type_name: str) -> None:
    parts = cloud.resources.list(type_name=type_name, parent=resource.id)
    if parts:
        raise CloudError(
            409,
            "CannotDeleteResource",
            "Can not delete resource before nested resources are deleted: "
            f"{', '.join(part.id.name for part in parts)}",
        )
