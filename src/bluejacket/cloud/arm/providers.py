"""Resource providers: their types, and the operations that roles may allow.

Source: Azure, Resource Manager REST API, "Providers", "Provider Resource Types" and "Operations".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bluejacket.cloud.arm.account import LOCATIONS
from bluejacket.cloud.arm.auth import permission
from bluejacket.cloud.arm.endpoint import Asked, Endpoint
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.kind import Cloud, Grade, Kind


def providers(cloud: Cloud, asked: Asked) -> Any:
    """List the resource providers with their types."""
    return {"value": [_provider(asked, name, kinds) for name, kinds in sorted(_by_name(cloud).items())]}


def provider(cloud: Cloud, asked: Asked) -> Any:
    """Give one resource provider; raises CloudError 404."""
    return _provider(asked, *_wanted(cloud, asked))


def resource_types(cloud: Cloud, asked: Asked) -> Any:
    """List the types of one resource provider; raises CloudError 404."""
    return {"value": [_type(kind) for kind in _wanted(cloud, asked)[1]]}


def operations(cloud: Cloud, asked: Asked) -> Any:
    """List the permissions that a provider's types know; raises CloudError 404."""
    name, kinds = _wanted(cloud, asked)
    found: dict[str, dict[str, str]] = {}
    for kind in kinds:
        for verb in kind.verbs:
            shown = {"provider": name, "resource": kind.type.partition("/")[2], "operation": verb}
            found.setdefault(permission(kind.type, verb), shown)
    return {
        "value": [
            {"name": action, "isDataAction": False, "display": shown, "origin": "user,system"}
            for action, shown in found.items()
        ]
    }


def _wanted(cloud: Cloud, asked: Asked) -> tuple[str, list[Kind]]:
    wanted = asked.parts["namespace"]
    for name, kinds in _by_name(cloud).items():
        if name.lower() == wanted.lower():
            return name, kinds
    what = f"The resource provider namespace '{wanted}' could not be found."
    raise CloudError(404, "InvalidResourceNamespace", what)


def _by_name(cloud: Cloud) -> dict[str, list[Kind]]:
    found: dict[str, list[Kind]] = {}
    for kind in sorted(cloud.kinds, key=lambda one: one.type):
        found.setdefault(kind.type.partition("/")[0], []).append(kind)
    return found


def _provider(asked: Asked, name: str, kinds: Sequence[Kind]) -> dict[str, Any]:
    subscription = asked.parts.get("subscription")
    at = f"/subscriptions/{subscription}" if subscription else ""
    return {
        "id": f"{at}/providers/{name}",
        "namespace": name,
        **({"registrationState": "Registered"} if subscription else {}),
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [_type(kind) for kind in kinds],
    }


def _type(kind: Kind) -> dict[str, Any]:
    return {
        "resourceType": kind.type.partition("/")[2],
        "locations": list(LOCATIONS.values()),
        "apiVersions": list(kind.versions),
        "defaultApiVersion": kind.versions[0],
        "capabilities": "SupportsTags, SupportsLocation",
    }


_LIST = "/subscriptions/{subscription}/providers"
_ONE = _LIST + "/{namespace}"
_SAME = "all that is here is registered from the beginning"
_CHANGE = "Microsoft.Resources/subscriptions/providers/{}/action"
ENDPOINTS = (
    Endpoint("GET", _LIST, Grade.REAL, providers),
    Endpoint("GET", _ONE, Grade.REAL, provider),
    Endpoint("GET", _ONE + "/resourceTypes", Grade.REAL, resource_types),
    Endpoint("POST", _ONE + "/register", Grade.STORED, provider, _CHANGE.format("register"), _SAME),
    Endpoint("GET", "/providers", Grade.REAL, providers),
    Endpoint("GET", "/providers/{namespace}", Grade.REAL, provider),
    Endpoint("GET", "/providers/{namespace}/operations", Grade.REAL, operations),
)
