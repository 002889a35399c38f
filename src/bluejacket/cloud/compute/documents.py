"""Small things that all documents of this provider have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bluejacket.cloud.arm.account import LOCATIONS
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Cloud
from bluejacket.cloud.arm.resource import Resource

GIB = 1 << 30

# Keys that clients spell in more than one way, by their lower case.
_SPELLINGS = {
    name.lower(): name
    for name in ("diskSizeGB", "vTpmEnabled", "hyperVGeneration", "sizeInGB", "imageReference", "osProfile")
}
_VALUES: dict[str, str] = {
    value.lower(): value
    for value in (
        "FromImage", "Empty", "Attach", "Copy", "Import", "Upload", "Restore", "CopyStart", "ImportSecure",
        "UploadPreparedSecure", "ReadWrite", "ReadOnly", "Linux", "Windows", "Delete", "Detach",
        "Generalized", "Specialized", "TrustedLaunch", "ConfidentialVM", "Standard",
    )
}  # fmt: skip
_ENUMERATIONS = (
    "createOption", "caching", "osType", "deleteOption", "osState", "securityType", "hostCaching",
)  # fmt: skip


def spelled(found: Any) -> Any:
    """Give a document with known keys, and the values of enumerations, in Azure's own spelling."""
    if isinstance(found, list):
        return [spelled(one) for one in found]
    if not isinstance(found, dict):
        return found
    done: dict[str, Any] = {}
    for key, value in found.items():
        name = _SPELLINGS.get(str(key).lower(), str(key))
        if name in _ENUMERATIONS and isinstance(value, str):
            done[name] = _VALUES.get(value.lower(), value)
        else:
            done[name] = spelled(value)
    return done


def need_location(resource: Resource, type_name: str) -> None:
    """Raise CloudError when the resource has no region, or one that there is not."""
    if not resource.location:
        raise CloudError(400, "LocationRequired", "The location property is required for this definition.")
    if resource.location not in LOCATIONS:
        regions = ",".join(LOCATIONS)
        raise CloudError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{resource.location}' is not available for resource type '{type_name}'. "
            f"List of available regions for the resource type is '{regions}'.",
        )


def unchanged(old: Mapping[str, Any], new: Mapping[str, Any], names: Sequence[str], where: str = "") -> None:
    """Raise CloudError (409 PropertyChangeNotAllowed) when one of the properties has another value now.

    What the new document does not say stays as it is.
    """
    for name in names:
        if name in new and name in old and new[name] != old[name]:
            path = f"{where}.{name}" if where else name
            raise CloudError(
                409, "PropertyChangeNotAllowed", f"Changing property '{path}' is not allowed.", target=path
            )


def whole(value: Any, target: str, least: int = 0, most: int = 1 << 62) -> int:
    """Give a whole number, which a client may have written as a string. Raises CloudError."""
    try:
        number = int(str(value))
    except ValueError:
        raise invalid(f"The value '{value}' of parameter '{target}' is invalid.", target) from None
    if not least <= number <= most:
        what = f"The value '{value}' of parameter '{target}' is out of range. Value should be between"
        raise invalid(f"{what} '{least}' and '{most}' inclusive.", target)
    return number


def reference(found: Any, target: str) -> ResourceId:
    """Give the id of a `{"id": …}`. Raises CloudError."""
    text = found.get("id") if isinstance(found, dict) else None
    if not isinstance(text, str) or not text:
        raise invalid(f"Required parameter '{target}.id' is missing (null).", f"{target}.id")
    return ResourceId.parse(text)


def need(cloud: Cloud, resource_id: ResourceId, user: ResourceId) -> Resource:
    """Give a resource that another one refers to; raises CloudError as Azure does when it is not there."""
    found = cloud.resources.get(resource_id)
    if found is None:
        raise CloudError(
            404,
            "ResourceNotFound",
            f"Resource {resource_id} referenced by resource {user} was not found. Please make sure that the "
            "referenced resource exists, and that both resources are in the same region.",
        )
    return found


def now() -> str:
    """Give the present time as Azure writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def moment(value: Any, target: str) -> datetime:
    """Read a date, or a date and time, that a client wrote; without a zone it is UTC. Raises CloudError."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise invalid(f"The value '{value}' of parameter '{target}' is invalid.", target) from None
    return found.replace(tzinfo=found.tzinfo or UTC)


def size_in_gib(size: int) -> int:
    """Give a size in GiB, rounded up."""
    return -(-size // GIB)
