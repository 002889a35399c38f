"""Resource groups, and what a group's DELETE takes with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from bluejacket.cloud.arm.account import LOCATIONS
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import (
    DELETE,
    GET,
    LIST,
    PATCH,
    PUT,
    SYSTEM,
    Call,
    Cloud,
    Grade,
    Job,
    Kind,
    Verb,
    record,
)
from bluejacket.cloud.arm.resource import Resource

TYPE = "Microsoft.Resources/resourceGroups"
_FIRST = ("microsoft.compute/virtualmachinescalesets", "microsoft.compute/virtualmachines")
_TAG = re.compile(r"(tagname|tagvalue)\s+eq\s+'([^']*)'", re.IGNORECASE)


class ResourceGroups(Kind):
    """A group. Its DELETE deletes its contents: what uses others first, in passes until nothing is left."""

    type: ClassVar[str] = TYPE
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL),
        PATCH: Verb(Grade.REAL),
        DELETE: Verb(Grade.REAL, long=True),
    }
    versions: ClassVar[tuple[str, ...]] = ("2024-11-01", "2021-04-01")

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the group; raises CloudError for a name or location that cannot be."""
        wrong = sorted(set(re.findall(r"[^\w\-.()]", call.id.group)))
        if wrong or len(call.id.group) > 90 or call.id.group.endswith("."):
            what = f"The provided resource group name '{call.id.group}' has these invalid characters: "
            what += f"'{''.join(wrong)}'. The name can only be a letter, digit, '-', '.', '(', ')' or '_'"
            raise CloudError(400, "InvalidResourceGroup", f"{what}, of at most 90, not ending in '.'.")
        found = record(call, old)
        if not found.location:
            what = "The location property is required for this definition."
            raise CloudError(400, "LocationRequired", what)
        if found.location not in LOCATIONS:
            what = f"The provided location '{found.location}' is not available for resource group."
            what += f" List of available regions is '{','.join(LOCATIONS)}'."
            raise CloudError(400, "LocationNotAvailableForResourceGroup", what)
        if old is not None and old.location != found.location:
            what = f"Invalid resource group location '{found.location}'. The Resource group already exists in"
            raise CloudError(409, "InvalidResourceGroupLocation", f"{what} location '{old.location}'.")
        if old is not None and old.state == "Deleting":
            what = f"The resource group '{old.id.group}' is in deprovisioning state"
            raise CloudError(409, "ResourceGroupBeingDeleted", f"{what} and cannot perform this operation.")
        found.properties = {}
        return found

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the group's document, which has no etag."""
        found = resource.document(self.type)
        found.pop("etag", None)
        return found

    def listed(self, cloud: Cloud, found: Sequence[Resource], call: Call) -> list[dict[str, Any]]:
        """Give the groups, those with a tag if `$filter` asks for one."""
        wanted = {name.lower(): value for name, value in _TAG.findall(call.query.get("$filter", ""))}
        return [self.shown(cloud, one, call) for one in found if has_tag(one, wanted)]

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Empty a group that goes; raises CloudError with what would not go."""
        if job.verb == DELETE:
            empty(cloud, resource.id)


def has_tag(resource: Resource, wanted: Mapping[str, str]) -> bool:
    """Tell whether a resource has the tag that `tagname` and `tagvalue` ask for; names know no case."""
    if "tagname" not in wanted:
        return True
    tags = {name.lower(): value for name, value in resource.tags.items()}
    value = tags.get(wanted["tagname"].lower())
    return value is not None and wanted.get("tagvalue", value) == value


def empty(cloud: Cloud, group: ResourceId) -> None:
    """Delete all resources of a group; raises CloudError when some of them will not go.

    Who uses whom is known to the kinds alone: they refuse, and are asked again when the others are gone.
    """
    while contents := _contents(cloud, group):
        first = [one for one in contents if one.type.lower() in _FIRST]
        with ThreadPoolExecutor(max_workers=8) as pool:
            refusals = [one for one in pool.map(lambda i: _delete(cloud, i), first or contents) if one]
        if len(refusals) == len(first or contents):
            what = f"Deletion of resource group '{group.group}' failed as resources with identifiers"
            raise CloudError(
                409, "ResourceGroupDeletionBlocked", f"{what} cannot be deleted.", details=refusals
            )


def _contents(cloud: Cloud, group: ResourceId) -> list[ResourceId]:
    inside = cloud.resources.list(subscription=group.subscription, group=group.group)
    return [
        one.id
        for one in inside
        if len(one.id.names) == 1 and not one.id.scope and _deletable(cloud, one.id.type)
    ]


def _deletable(cloud: Cloud, type_name: str) -> bool:
    kind = cloud.kinds.find(type_name)
    return kind is not None and DELETE in kind.verbs


def _delete(cloud: Cloud, resource_id: ResourceId) -> CloudError | None:
    try:
        cloud.delete(resource_id, SYSTEM)
    except CloudError as error:
        return CloudError(error.status, error.code, error.message, target=resource_id.text)
    return None
