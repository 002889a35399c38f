"""What a deployment sees around it: its group and subscription, the providers, and resources as they are."""

from __future__ import annotations

import hashlib
import uuid
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from bluejacket.cloud.arm.account import LOCATIONS
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import LIST, Call, Caller, Cloud, Kind
from bluejacket.cloud.deploy.expressions import ExpressionError
from bluejacket.cloud.deploy.plan import Plan

ZONES = ("1", "2", "3")
_GROUPS = "microsoft.resources/resourcegroups"
_ZONAL = ("microsoft.compute/", "microsoft.network/publicipaddresses", "microsoft.network/loadbalancers")


@dataclass(slots=True)
class Request:
    """What a client asks for with a deployment.

    `parameters` are `{"name": {"value": …}}`. `started` is UTC, ISO 8601; with `correlation` (a GUID) it
    makes `utcNow` and `newGuid` come to the same when the work is done again after a crash.
    """

    template: Any
    parameters: dict[str, Any] = field(default_factory=dict)
    mode: str = "Incremental"
    location: str = ""
    started: str = ""
    correlation: str = ""
    link: dict[str, Any] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """A number that is the same for the same template; Azure's own is made in a way that is not told."""
        text = repr(_sorted(self.template)).encode()
        return str(int.from_bytes(hashlib.sha256(text).digest()[:8], "big"))


class Surroundings:
    """Implements `evaluate.Host` for one deployment at a group or a subscription."""

    def __init__(self, cloud: Cloud, deployment: ResourceId, caller: Caller, request: Request) -> None:
        self.subscription = deployment.subscription
        self.group = deployment.group
        self.tenant = cloud.tenant
        self.plan: Plan | None = None
        self._cloud = cloud
        self._id = deployment
        self._caller = caller
        self._request = request

    def about(self, what: str) -> Any:
        """Give what a function without parameters tells. Raises ExpressionError where it has no meaning."""
        if what == "deployment":
            return self._deployment()
        if what == "deployer":
            return {"objectId": self._caller.object_id, "tenantId": self.tenant}
        if what == "environment":
            return self._environment()
        if what == "tenant":
            return {"tenantId": self.tenant, "countryCode": "", "displayName": "Bluejacket"}
        if what == "subscription":
            path = f"/subscriptions/{self.subscription}"
            told = {"id": path, "subscriptionId": self.subscription, "tenantId": self.tenant}
            return told | {"displayName": "Bluejacket"}
        return self._group()

    def utc_now(self) -> str:
        """Give the time at which the deployment began."""
        return self._request.started

    def new_guid(self, place: str) -> str:
        """Give a GUID for one parameter of this deployment."""
        return str(uuid.uuid5(uuid.UUID(self._request.correlation), place))

    def providers(self, namespace: str, kind: str | None) -> Any:
        """Give a provider with its types, or one of these. Raises ExpressionError for an unknown one."""
        known = [one for one in self._cloud.kinds if one.type.lower().startswith(namespace.lower() + "/")]
        types = [self._about_type(one) for one in known]
        if kind is None and types:
            name = known[0].type.partition("/")[0]
            return {"namespace": name, "registrationState": "Registered", "resourceTypes": types}
        for one in types:
            if kind is not None and one["resourceType"].lower() == kind.lower():
                return one
        raise ExpressionError(
            f"The template function 'providers' is not valid: the resource type '{kind or ''}' of the "
            f"namespace '{namespace}' could not be found."
        )

    def reference(self, name: str, version: str | None, full: bool) -> Any:
        """Give a resource's properties, or with `full` all of it. Raises CloudError 404."""
        resource_id = self._resolve(name)
        kind = self._cloud.kinds.need(resource_id)
        query = {"api-version": version or kind.versions[0]}
        found = self._cloud.resources.need(resource_id)
        document = kind.shown(self._cloud, found, Call(resource_id, self._caller, {}, query))
        if not full:
            return document.get("properties", {})
        return document | {
            "apiVersion": query["api-version"],
            "subscriptionId": resource_id.subscription,
            "resourceGroupName": resource_id.group,
            "resourceId": resource_id.text.partition("/providers/")[2],
        }

    def references(self, name: str, full: bool) -> Any:
        """Give the same for each resource of a loop, in the loop's order."""
        known = self.plan.named(name) if self.plan else []
        return [self.reference(one.id.text, None, full) for one in known if one.wanted or one.existing]

    def listing(self, action: str, resource: str, body: Any) -> Any:
        """Do a resource's `list…` action and give its answer. Raises CloudError."""
        return self._cloud.action(self._resolve(resource), action.lower(), body or {}, self._caller)

    def _resolve(self, name: str) -> ResourceId:
        """Give the id that a name means: one of this template, or an id, from its provider on or whole."""
        known = self.plan.named(name) if self.plan else []
        if known:
            return known[0].id
        if name.lower().startswith("/subscriptions/"):
            found = ResourceId.parse(name)
            group = not found.group and found.type.lower() == _GROUPS and found.provider
            return ResourceId(found.subscription, found.name) if group else found
        provider, slash, _ = name.strip("/").removeprefix("providers/").partition("/")
        if slash and "." in provider:
            base = ResourceId(self.subscription, self.group).text
            return ResourceId.parse(f"{base}/providers/{name.strip('/').removeprefix('providers/')}")
        raise ExpressionError(
            f"The resource '{name}' is not defined in the template. "
            "Please see https://aka.ms/arm-syntax for usage details."
        )

    def _about_type(self, kind: Kind) -> dict[str, Any]:
        zonal = kind.type.lower().startswith(_ZONAL)
        return {
            "resourceType": kind.type.partition("/")[2],
            "locations": list(LOCATIONS.values()),
            "apiVersions": list(kind.versions),
            "capabilities": "SupportsTags, SupportsLocation" if LIST in kind.verbs else "None",
            "zones": list(ZONES) if zonal else [],
        }

    def _deployment(self) -> dict[str, Any]:
        request = self._request
        found: dict[str, Any] = {"name": self._id.name, "properties": {}}
        if not self.group:
            found["location"] = request.location
        found["properties"] = {
            "template": deepcopy(request.template),
            "templateHash": request.hash,
            "parameters": {},
            "mode": request.mode,
            "provisioningState": "Accepted",
        }
        if request.link:
            found["properties"]["templateLink"] = dict(request.link)
        return found

    def _group(self) -> dict[str, Any]:
        if not self.group:
            raise ExpressionError(
                "The template function 'resourceGroup' is not expected at this location: it is not for a "
                "deployment to a subscription. Please see https://aka.ms/arm-functions for usage details."
            )
        found = self._cloud.resources.get(ResourceId(self.subscription, self.group))
        if found is None:
            raise CloudError(
                404, "ResourceGroupNotFound", f"Resource group '{self.group}' could not be found."
            )
        return found.document("Microsoft.Resources/resourceGroups")

    def _environment(self) -> dict[str, Any]:
        base = self._cloud.base
        return {
            "name": "AzureLocalCloud",
            "gallery": f"{base}/gallery",
            "graph": f"{base}/graph/",
            "portal": f"{base}/portal",
            "graphAudience": f"{base}/graph/",
            "activeDirectoryDataLake": base,
            "batch": base,
            "media": base,
            "sqlManagement": base,
            "vmImageAliasDoc": f"{base}/aliases.json",
            "resourceManager": base,
            "authentication": {
                "loginEndpoint": base,
                "audiences": [f"{base}/"],
                "tenant": self.tenant,
                "identityProvider": "AAD",
            },
            "suffixes": {
                "keyvaultDns": ".vault.localhost",
                "storage": "storage.localhost",
                "acrLoginServer": ".acr.localhost",
                "azureDatalakeAnalyticsCatalogAndJob": "datalakeanalytics.localhost",
                "azureDatalakeStoreFileSystem": "datalakestore.localhost",
                "azureFrontDoorEndpointSuffix": "frontdoor.localhost",
                "sqlServerHostname": ".sql.localhost",
            },
        }


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _sorted(value[key])) for key in sorted(value)]
    return [_sorted(one) for one in value] if isinstance(value, list) else value
