"""The subscription, its tenant and its regions, and the list of all resources."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bluejacket.cloud.arm.account import LOCATIONS, Account
from bluejacket.cloud.arm.auth import permission
from bluejacket.cloud.arm.endpoint import Asked, Endpoint
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.groups import has_tag
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import GET, Cloud, Grade
from bluejacket.cloud.arm.resource import Resource

_POLICIES = {
    "locationPlacementId": "Internal_2014-09-01",
    "quotaId": "Internal_2014-09-01",
    "spendingLimit": "Off",
}
_NOT_LISTED = ("microsoft.graph", "microsoft.authorization", "microsoft.resources")
_TERM = re.compile(
    r"(substringof)\('([^']*)',\s*(\w+)\)|(startswith)\((\w+),\s*'([^']*)'\)|([\w/]+)\s+(eq|ne)\s+'([^']*)'",
    re.IGNORECASE,
)


def subscriptions(cloud: Cloud, _asked: Asked) -> Any:
    """List the one subscription."""
    return {"value": [_subscription(cloud)], "count": {"type": "Total", "value": 1}}


def subscription(cloud: Cloud, _asked: Asked) -> Any:
    """Give the subscription."""
    return _subscription(cloud)


def tenants(cloud: Cloud, _asked: Asked) -> Any:
    """List the one tenant."""
    tenant = {
        "id": f"/tenants/{cloud.tenant}",
        "tenantId": cloud.tenant,
        "countryCode": "US",
        "displayName": "Bluejacket",
        "domains": ["bluejacket.localhost"],
        "defaultDomain": "bluejacket.localhost",
        "tenantCategory": "Home",
    }
    return {"value": [tenant]}


def locations(cloud: Cloud, _asked: Asked) -> Any:
    """List the regions, which are all this machine."""
    return {"value": [_location(cloud, name, shown) for name, shown in LOCATIONS.items()]}


def resources(cloud: Cloud, asked: Asked) -> Any:
    """List the resources of the subscription or of a group that the caller may read, by `$filter`."""
    group = asked.parts.get("group", "")
    if group:
        cloud.resources.need(ResourceId(cloud.subscription, group))
    agrees = read_filter(asked.query.get("$filter", ""))
    expand = {word.strip().lower() for word in asked.query.get("$expand", "").split(",")}
    found = [
        _brief(cloud, one, expand)
        for one in cloud.resources.list(subscription=cloud.subscription, group=group)
        if _is_listed(cloud, one) and agrees(one) and _readable(cloud, asked, one)
    ]
    top = asked.query.get("$top", "")
    if top and not top.isdigit():
        raise invalid(f"The value '{top}' of the query parameter '$top' is not a number.", "$top")
    return {"value": found[: int(top)] if top else found}


def read_filter(text: str) -> Callable[[Resource], bool]:
    """Give the test that a `$filter` of the list of resources means.

    Known are resourceType, name, resourceGroup, location, tagName and tagValue by `eq` and `ne`,
    `substringof('x', name)` and `startswith(name, 'x')`, joined by `and` or by `or`; raises CloudError.
    """
    rest = re.sub(r"\s+(and|or)\s+|[()\s]", "", _TERM.sub("", text), flags=re.IGNORECASE)
    joins = {word.lower() for word in re.findall(r"'\s*\)?\s*(and|or)\s", text, re.IGNORECASE)}
    if rest.lower() not in ("", "and", "or", "andand", "oror") or len(joins) > 1:
        raise CloudError(400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified.")
    terms = [_term(match) for match in _TERM.finditer(text)]
    tags = {
        name: value
        for name, comparison, value in terms
        if name in ("tagname", "tagvalue") and comparison == "eq"
    }
    plain = [one for one in terms if one[0] not in ("tagname", "tagvalue")]
    chosen = any if joins == {"or"} else all

    def agrees(one: Resource) -> bool:
        return has_tag(one, tags) and (not plain or chosen(_fits(one, *term) for term in plain))

    return agrees


def _term(match: re.Match[str]) -> tuple[str, str, str]:
    if match[1]:
        return match[3].lower(), "has", match[2].lower()
    if match[4]:
        return match[5].lower(), "starts", match[6].lower()
    if match[7].lower() == "tagvalue":
        return "tagvalue", match[8].lower(), match[9]
    return match[7].lower(), match[8].lower(), match[9].lower()


def _fits(one: Resource, name: str, comparison: str, value: str) -> bool:
    found = {
        "resourcetype": one.id.type,
        "name": one.id.name,
        "resourcegroup": one.id.group,
        "location": one.location,
        "subscriptionid": one.id.subscription,
    }.get(name)
    if found is None:
        raise CloudError(400, "InvalidFilterInQueryString", f"The property '{name}' cannot be filtered by.")
    found = found.lower()
    if comparison == "has":
        return value in found
    if comparison == "starts":
        return found.startswith(value)
    return (found == value) is (comparison == "eq")


def _is_listed(cloud: Cloud, one: Resource) -> bool:
    """Tell whether a record is a tracked resource: those have a location (ARM, "Resource providers")."""
    hidden = one.id.provider.lower() in _NOT_LISTED or not one.id.provider
    return bool(one.location) and not hidden and cloud.kinds.find(one.id.type) is not None


def _readable(cloud: Cloud, asked: Asked, one: Resource) -> bool:
    if asked.caller.owner:
        return True
    return cloud.allowed(asked.caller, permission(one.id.type, GET), one.id)


def _brief(cloud: Cloud, one: Resource, expand: set[str]) -> dict[str, Any]:
    kind = cloud.kinds.find(one.id.type)
    found: dict[str, Any] = {
        "id": one.id.text,
        "name": "/".join(one.id.names),
        "type": kind.type if kind else one.id.type,
        "location": one.location,
        "tags": dict(one.tags),
    }
    found |= {key: value for key, value in one.top.items() if key != "eTag"}
    if "provisioningstate" in expand:
        found["provisioningState"] = one.state
    if "createdtime" in expand:
        found["createdTime"] = one.created
    if "changedtime" in expand:
        found["changedTime"] = one.changed
    return found


def _subscription(cloud: Cloud) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{cloud.subscription}",
        "subscriptionId": cloud.subscription,
        "tenantId": cloud.tenant,
        "displayName": cloud.service(Account).name,
        "state": "Enabled",
        "subscriptionPolicies": _POLICIES,
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
    }


def _location(cloud: Cloud, name: str, shown: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{cloud.subscription}/locations/{name}",
        "name": name,
        "type": "Region",
        "displayName": shown,
        "regionalDisplayName": shown,
        "metadata": {
            "regionType": "Physical",
            "regionCategory": "Recommended",
            "geographyGroup": "Local",
            "physicalLocation": "this machine",
            "pairedRegion": [],
        },
        "availabilityZoneMappings": [
            {"logicalZone": str(zone), "physicalZone": f"{name}-az{zone}"} for zone in (1, 2, 3)
        ],
    }


_ONE = "/subscriptions/{subscription}"
ENDPOINTS = (
    Endpoint("GET", "/subscriptions", Grade.REAL, subscriptions),
    Endpoint("GET", _ONE, Grade.REAL, subscription),
    Endpoint("GET", "/tenants", Grade.REAL, tenants),
    Endpoint("GET", _ONE + "/locations", Grade.REAL, locations),
    Endpoint("GET", _ONE + "/resources", Grade.REAL, resources),
    Endpoint("GET", _ONE + "/resourceGroups/{group}/resources", Grade.REAL, resources),
)
