"""What a region has to offer: sizes, quota, images of the marketplace, extensions. None of it is a record."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bluejacket.cloud.arm.account import LOCATIONS
from bluejacket.cloud.arm.endpoint import Asked, Endpoint
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.kind import Cloud, Grade
from bluejacket.cloud.compute.extensions import PUBLISHED
from bluejacket.cloud.compute.limits import usages
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.compute.market import Plan, Published
from bluejacket.cloud.compute.sizes import SIZES, as_sku, as_vm_size

_SUBSCRIPTION = "/subscriptions/{subscription}/providers/Microsoft.Compute"
_LOCATION = _SUBSCRIPTION + "/locations/{location}"
_PUBLISHER = _LOCATION + "/publishers/{publisher}/artifacttypes"
_OFFERS = _PUBLISHER + "/vmimage/offers"
_SKUS = _OFFERS + "/{offer}/skus"
_VERSIONS = _SKUS + "/{sku}/versions"
_TYPES = _PUBLISHER + "/vmextension/types"
EMPTY = "no image has been published yet; `bluejacket image publish vm` does it"


def _sizes(_cloud: Cloud, asked: Asked) -> Any:
    _known(asked)
    return {"value": [as_vm_size(size) for size in SIZES.values()]}


def _usages(cloud: Cloud, asked: Asked) -> Any:
    location = _known(asked)
    return {"value": usages(cloud.resources, cloud.service(CloudMachines).limits, location)}


def _skus(_cloud: Cloud, asked: Asked) -> Any:
    wanted = re.search(r"location\s+eq\s+'([^']+)'", asked.query.get("$filter", ""), re.IGNORECASE)
    places = [wanted[1].lower()] if wanted else list(LOCATIONS)
    found = [as_sku(size, place) for place in places if place in LOCATIONS for size in SIZES.values()]
    disks = [
        {
            "resourceType": "disks",
            "name": name,
            "tier": name.split("_")[0],
            "size": "",
            "family": "",
            "locations": [place],
            "locationInfo": [{"location": place, "zones": ["1", "2", "3"], "zoneDetails": []}],
            "capabilities": [],
            "restrictions": [],
        }
        for place in places
        if place in LOCATIONS
        for name in ("Standard_LRS", "StandardSSD_LRS", "Premium_LRS")
    ]
    return {"value": [*found, *disks]}


def _publishers(cloud: Cloud, asked: Asked) -> Any:
    names = {one.plan.publisher for one in _market(cloud)} | set(PUBLISHED)
    return [_entry(asked, name) for name in sorted(names)]


def _offers(cloud: Cloud, asked: Asked) -> Any:
    return _names(cloud, asked, lambda plan: plan.offer)


def _plans(cloud: Cloud, asked: Asked) -> Any:
    return _names(cloud, asked, lambda plan: plan.sku)


def _versions(cloud: Cloud, asked: Asked) -> Any:
    found = sorted(_matching(cloud, asked), key=lambda one: one.order)
    if not found:
        raise _not_found(cloud, asked, "")
    if "desc" in asked.query.get("$orderby", "").lower():
        found.reverse()
    top = asked.query.get("$top", "")
    if top.isdigit():
        found = found[: int(top)]
    whole = "properties" in asked.query.get("$expand", "").lower()
    return [_entry(asked, one.version) | (_details(one) if whole else {}) for one in found]


def _version(cloud: Cloud, asked: Asked) -> Any:
    plan = Plan(asked.parts["publisher"], asked.parts["offer"], asked.parts["sku"])
    found = cloud.service(CloudMachines).market.find(plan, asked.parts["version"])
    if found is None:
        raise _not_found(cloud, asked, asked.parts["version"])
    path = asked.path.rpartition("/")[0] + f"/{found.version}"
    return {"location": _known(asked), "name": found.version, "id": path} | _details(found)


def _details(found: Published) -> dict[str, Any]:
    features = [{"name": "DiskControllerTypes", "value": "SCSI, NVMe"}]
    if found.certificate:
        features.append({"name": "SecurityType", "value": "TrustedLaunchSupported"})
    return {
        "properties": {
            "hyperVGeneration": "V2",
            "architecture": "x64",
            "osDiskImage": {"operatingSystem": "Linux"},
            "dataDiskImages": [],
            "features": features,
            "automaticOSUpgradeProperties": {"automaticOSUpgradeSupported": True},
            "imageDeprecationStatus": {"imageState": "Active"},
        }
    }


def _types(_cloud: Cloud, asked: Asked) -> Any:
    return [_entry(asked, name) for name in sorted(_extensions(asked))]


def _type_versions(_cloud: Cloud, asked: Asked) -> Any:
    known = {name.lower(): version for name, version in _extensions(asked).items()}
    version = known.get(asked.parts["type"].lower())
    if version is None:
        raise CloudError(404, "ExtensionTypeNotFound", f"Extension {asked.parts['type']} was not found.")
    return [_entry(asked, version)]


def _type_version(cloud: Cloud, asked: Asked) -> Any:
    version = _type_versions(cloud, asked)[0]["name"]
    if version != asked.parts["version"]:
        raise CloudError(404, "ExtensionVersionNotFound", f"Version {asked.parts['version']} was not found.")
    properties = {
        "operatingSystem": "Linux",
        "computeRole": "IaaS",
        "handlerSchema": "",
        "vmScaleSetEnabled": True,
    }
    return {"location": _known(asked), "name": version, "id": asked.path, "properties": properties}


def aliases(cloud: Cloud) -> dict[str, Any]:
    """Give the document of image aliases that `az` loads (`vmImageAliasDoc`).

    An image has the alias that the catalogue gives it, and under each of its names that of the publisher and
    the release: what is `AzureLinux:azure-linux-4:4-lts` as well is found as AzureLinux4.
    """
    found: dict[str, Any] = {}
    every = _market(cloud)
    by_publisher = [(f"{one.plan.publisher}{one.release.partition('.')[0]}", one) for one in every]
    for name, one in [*by_publisher, *((one.alias, one) for one in every if one.alias)]:
        plan = {"publisher": one.plan.publisher, "offer": one.plan.offer, "sku": one.plan.sku}
        found.setdefault(name, plan | {"version": "latest", "architecture": "x64"})
    return {"outputs": {"aliases": {"type": "object", "value": {"Linux": found}}}}


def _known(asked: Asked) -> str:
    location = asked.parts["location"].replace(" ", "").lower()
    if location not in LOCATIONS:
        raise invalid(f"The provided location '{asked.parts['location']}' is not available.", "location")
    return location


def _market(cloud: Cloud) -> list[Published]:
    return cloud.service(CloudMachines).market.all()


def _matching(cloud: Cloud, asked: Asked) -> list[Published]:
    """Give the versions that agree with the names in the path."""

    def agrees(one: Published) -> bool:
        names = {"publisher": one.plan.publisher, "offer": one.plan.offer, "sku": one.plan.sku}
        return all(names[key].lower() == asked.parts[key].lower() for key in names if key in asked.parts)

    return [one for one in _market(cloud) if agrees(one)]


def _names(cloud: Cloud, asked: Asked, name: Callable[[Plan], str]) -> list[dict[str, Any]]:
    return [_entry(asked, found) for found in sorted({name(one.plan) for one in _matching(cloud, asked)})]


def _entry(asked: Asked, name: str) -> dict[str, Any]:
    return {"location": _known(asked), "name": name, "id": f"{asked.path}/{name}"}


def _extensions(asked: Asked) -> dict[str, str]:
    known = {publisher.lower(): types for publisher, types in PUBLISHED.items()}
    return known.get(asked.parts["publisher"].lower(), {})


def _not_found(cloud: Cloud, asked: Asked, version: str) -> CloudError:
    parts = asked.parts
    _known(asked)
    plan = f"{parts['publisher']}:{parts['offer']}:{parts['sku']}"
    why = "" if _market(cloud) else f" ({EMPTY})"
    if version:
        what = f"The platform image '{plan}:{version}' is not available{why}. Verify that all fields in the"
        return CloudError(404, "PlatformImageNotFound", f"{what} storage profile are correct.")
    return CloudError(404, "NotFound", f"Artifact: VMImage was not found: '{plan}'{why}.")


def _get(path: str, answer: Callable[[Cloud, Asked], Any], action: str) -> Endpoint:
    return Endpoint("GET", path, Grade.REAL, answer, f"Microsoft.Compute/{action}/read")


def _stored(path: str, answer: Callable[[Cloud, Asked], Any]) -> Endpoint:
    note = "the extensions themselves are the guest agent's, or are only kept"
    return Endpoint("GET", path, Grade.STORED, answer, "Microsoft.Compute/locations/publishers/read", note)


ENDPOINTS: tuple[Endpoint, ...] = (
    _get(_SUBSCRIPTION + "/skus", _skus, "skus"),
    _get(_LOCATION + "/vmSizes", _sizes, "locations/vmSizes"),
    _get(_LOCATION + "/usages", _usages, "locations/usages"),
    _get(_LOCATION + "/publishers", _publishers, "locations/publishers"),
    _get(_OFFERS, _offers, "locations/publishers"),
    _get(_SKUS, _plans, "locations/publishers"),
    _get(_VERSIONS, _versions, "locations/publishers"),
    _get(_VERSIONS + "/{version}", _version, "locations/publishers"),
    _stored(_TYPES, _types),
    _stored(_TYPES + "/{type}/versions", _type_versions),
    _stored(_TYPES + "/{type}/versions/{version}", _type_version),
)
