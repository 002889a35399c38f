"""From the words of an image reference to the immutable file that a disk begins as."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Cloud
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.compute.market import Plan, Published

IMAGES = "Microsoft.Compute/images"
GALLERY = "Microsoft.Compute/galleries"
DEFINITIONS, VERSIONS = f"{GALLERY}/images", f"{GALLERY}/images/versions"
MARKET_GIB = 8
"""The size of the system disk that a published image asks for, in GiB; its root grows into it."""

_PLATFORM = re.compile(
    r"/subscriptions/[^/]*/providers/microsoft\.compute/locations/[^/]+/publishers/([^/]+)"
    r"/artifacttypes/vmimage/offers/([^/]+)/skus/([^/]+)/versions/([^/]+)/?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Base:
    """What an image reference means. `gib` is the smallest disk, `data` the data disks' files by LUN.

    `specialized` is one that knows its users already; `certificate` vouches for its boot loader, if any.
    """

    file: str
    gib: int
    exact_version: str = ""
    generation: str = "V2"
    specialized: bool = False
    certificate: str = ""
    data: dict[int, tuple[str, int]] = field(default_factory=dict)
    plan: Plan | None = None


def base_of(cloud: Cloud, reference: dict[str, Any], location: str) -> Base:
    """Give what an image reference of a VM or disk means in a region; raises CloudError."""
    shared = reference.get("sharedGalleryImageId") or reference.get("communityGalleryImageId")
    if shared:
        raise CloudError(404, "GalleryImageNotFound", f"The gallery image {shared} is not available.")
    if not reference.get("id"):
        missing = [name for name in ("publisher", "offer", "sku", "version") if not reference.get(name)]
        if missing:
            raise invalid(
                f"Required parameter 'imageReference.{missing[0]}' is missing (null).",
                f"imageReference.{missing[0]}",
            )
        plan = Plan(reference["publisher"], reference["offer"], reference["sku"])
        return of_market(cloud, plan, str(reference["version"]))
    text = str(reference["id"])
    if match := _PLATFORM.fullmatch(text):
        return of_market(cloud, Plan(match[1], match[2], match[3]), match[4])
    image = ResourceId.parse(text)
    kind = image.type.lower()
    if kind == IMAGES.lower():
        return _of_image(cloud, image)
    if kind in (DEFINITIONS.lower(), VERSIONS.lower()):
        return _of_gallery(cloud, image, location)
    raise invalid(f"Id '{text}' is not a valid resource reference.", "imageReference.id")


def of_market(cloud: Cloud, plan: Plan, version: str) -> Base:
    """Give what was published under a plan; raises CloudError (PlatformImageNotFound)."""
    found = cloud.service(CloudMachines).market.find(plan, version)
    if found is None:
        raise CloudError(
            404,
            "PlatformImageNotFound",
            f"The platform image '{plan}:{version}' is not available. Verify that all fields in the storage "
            "profile are correct. For more details about storage profile information, please refer to "
            "https://aka.ms/storageprofile.",
        )
    return of_published(found)


def of_published(found: Published) -> Base:
    """Give a published version as a base."""
    return Base(found.file, MARKET_GIB, found.version, certificate=found.certificate, plan=found.plan)


def latest_version(cloud: Cloud, definition: ResourceId, location: str) -> Resource | None:
    """Give the newest version of a gallery's image that counts as latest in a region."""
    known = [
        one
        for one in cloud.resources.list(type_name=VERSIONS, parent=definition)
        if one.state == "Succeeded" and _is_in(one, location) and not _is_excluded(one, location)
    ]
    return max(known, key=lambda one: version_order(one.id.name), default=None)


def version_order(name: str) -> tuple[int, ...]:
    """Give what newer versions have more of."""
    return tuple(int(part) for part in name.split(".") if part.isdigit())


def _of_image(cloud: Cloud, image: ResourceId) -> Base:
    found = cloud.resources.get(image)
    if found is None or found.state != "Succeeded":
        raise CloudError(404, "ImageNotFound", f"The Image '{image}' cannot be found or is not ready.")
    return _of_record(found, str(found.properties.get("hyperVGeneration") or "V2"), "")


def _of_gallery(cloud: Cloud, image: ResourceId, location: str) -> Base:
    whole = image.type.lower() == VERSIONS.lower() and image.name.lower() != "latest"
    definition = image.parent if image.type.lower() == VERSIONS.lower() else image
    known = cloud.resources.get(definition)
    version = cloud.resources.get(image) if whole else latest_version(cloud, definition, location)
    if known is None or version is None or version.state != "Succeeded" or not _is_in(version, location):
        raise CloudError(
            404,
            "GalleryImageNotFound",
            f"The gallery image {image} is not available in {location} region. Please contact image owner to "
            "replicate to this region, or change your requested region.",
        )
    generation = str(known.properties.get("hyperVGeneration") or "V2")
    specialized = str(known.properties.get("osState", "")).lower() == "specialized"
    return _of_record(version, generation, version.id.name, specialized=specialized)


def _of_record(found: Resource, generation: str, version: str, *, specialized: bool = False) -> Base:
    data = {int(lun): (str(one[0]), int(one[1])) for lun, one in found.hidden.get("data", {}).items()}
    return Base(
        str(found.hidden["file"]),
        int(found.hidden["gib"]),
        version,
        generation,
        specialized or bool(found.hidden.get("specialized")),
        str(found.hidden.get("certificate", "")),
        data,
    )


def region_name(region: dict[str, Any]) -> str:
    """Give a target region's name as locations are spelled; a client may have written `East US`."""
    return str(region.get("name", "")).replace(" ", "").lower()


def _is_in(version: Resource, location: str) -> bool:
    regions = (version.properties.get("publishingProfile") or {}).get("targetRegions") or []
    return not location or location in {region_name(one) for one in regions} | {version.location}


def _is_excluded(version: Resource, location: str) -> bool:
    """Tell whether a version does not count as latest, everywhere or in this region."""
    publishing = version.properties.get("publishingProfile") or {}
    regions = publishing.get("targetRegions") or []
    here = any(one.get("excludeFromLatest") for one in regions if region_name(one) == location)
    return bool(publishing.get("excludeFromLatest")) or here
