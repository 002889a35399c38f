"""A cloud for deployments: the real control plane with kinds that only keep what they are given."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.cloud import LocalCloud
from bluejacket.cloud.arm.endpoint import EndpointTable
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.groups import ResourceGroups
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import (
    DELETE,
    GET,
    LIST,
    PATCH,
    PUT,
    Call,
    Caller,
    Cloud,
    Grade,
    Job,
    Kind,
    KindTable,
    Verb,
    record,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.store import Store
from bluejacket.cloud.deploy import KINDS
from bluejacket.report import SILENT

OWNER = Caller("aaaaaaaa-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000002", "owner", True)
GROUP = "harbour"
API = "2024-01-01"


class Kept(Kind):
    """A type whose records are kept. What has `fail` in its properties fails with that message.

    `seen` has every PUT in the order of its beginning and end; `together` the most that ran at a time.
    """

    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.STORED),
        LIST: Verb(Grade.STORED),
        PUT: Verb(Grade.STORED, long=True),
        PATCH: Verb(Grade.STORED, long=True),
        DELETE: Verb(Grade.STORED, long=True),
        "listkeys": Verb(Grade.STORED),
    }
    versions: ClassVar[tuple[str, ...]] = ("2024-05-01", "2022-01-01")

    def __init__(self, type_name: str, needs: str = "") -> None:
        self.type = type_name  # type: ignore[misc]
        self.needs = needs  # a property with the id of what must be there
        self.seen: list[tuple[str, str]] = []
        self.together = self._running = 0
        self._lock = threading.Lock()

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        found = record(call, old)
        needed = found.properties.get(self.needs)
        if self.needs and needed and cloud.resources.get(ResourceId.parse(needed)) is None:
            raise CloudError(400, "InvalidResourceReference", f"Resource {needed} was not found.")
        if "bug" in found.properties:
            raise ArithmeticError("a bug of a kind")
        if "adminPassword" in found.properties:
            found.hidden["adminPassword"] = found.properties.pop("adminPassword")
        found.properties.setdefault("size", "small")
        return found

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        using = [one for one in cloud.resources.list() if one.properties.get("uses") == resource.id.text]
        if using:
            raise CloudError(409, "InUse", f"{resource.id.name} is used by {using[0].id.name}.")

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        if job.verb == "listkeys":
            return {"keys": [{"value": f"key of {resource.id.name}"}]}
        if job.verb != PUT:
            return None
        with self._lock:
            self.seen.append(("begin", resource.id.name))
            self._running += 1
            self.together = max(self.together, self._running)
        time.sleep(float(resource.properties.get("seconds", 0)))
        with self._lock:
            self.seen.append(("end", resource.id.name))
            self._running -= 1
        if resource.properties.get("fail"):
            raise CloudError(409, "ThingFailed", str(resource.properties["fail"]))
        return None


class Parted(Kept):
    """A type that keeps one of its properties apart from its record, and shows it there."""

    def __init__(self, type_name: str, part: str) -> None:
        super().__init__(type_name)
        self.part = part

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        found = super().checked(cloud, call, old)
        found.hidden["parts"] = found.properties.pop(self.part, [])
        return found

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        document = super().shown(cloud, resource, call)
        parts = [one | {"etag": "x"} for one in resource.hidden["parts"]]
        return document | {"properties": document["properties"] | {self.part: parts}}


class Deploying:
    """One group and what is deployed to it."""

    def __init__(self, state: Path) -> None:
        self.things = Kept("Microsoft.Test/things")
        kept = [
            self.things,
            Kept("Microsoft.Test/things/parts"),
            Kept("Microsoft.Network/virtualNetworks"),
            Parted("Microsoft.Network/networkSecurityGroups", "securityRules"),
            Kept("Microsoft.Network/publicIPAddresses"),
            Kept("Microsoft.Network/networkInterfaces", needs="publicIPAddress"),
            Kept("Microsoft.Compute/virtualMachineScaleSets"),
            Kept("Microsoft.Authorization/notes"),
        ]
        self.store = Store.at(state / "cloud.sqlite")
        account = Account.make()
        kinds = KindTable([ResourceGroups(), *KINDS, *kept])
        self.cloud = LocalCloud(
            state, "https://localhost:8443", account, self.store, kinds, EndpointTable([]), SILENT
        )
        self.subscription = account.subscription
        self.base = f"/subscriptions/{self.subscription}/resourceGroups/{GROUP}"
        self.cloud.put(ResourceId.parse(self.base), {"location": "eastus"}, OWNER)

    def id(self, text: str) -> ResourceId:
        """Give the id of `Type/name` in the group, or of the deployment with a name."""
        where = f"Microsoft.Resources/deployments/{text}" if "/" not in text else text
        return ResourceId.parse(f"{self.base}/providers/{where}")

    def deploy(self, template: Any, name: str = "d", mode: str = "Incremental", **parameters: Any) -> Any:
        """Deploy a template and give the document of the deployment; raises CloudError."""
        self.cloud.put(self.id(name), body(template, mode, parameters), OWNER)
        return self.document(name)

    def document(self, name: str = "d") -> Any:
        """Give what a client sees of a deployment."""
        found = self.store.need(self.id(name))
        return self.cloud.kinds.need(found.id).shown(self.cloud, found, Call(found.id, OWNER))

    def act(self, action: str, template: Any, mode: str = "Incremental", **parameters: Any) -> Any:
        """Validate a template or ask what it would do; raises CloudError."""
        return self.cloud.action(self.id("d"), action, body(template, mode, parameters), OWNER)

    def outputs(self, template: Any, **parameters: Any) -> dict[str, Any]:
        """Deploy a template and give the values of its outputs."""
        shown = self.deploy(template, **parameters)["properties"]["outputs"]
        return {name: one["value"] for name, one in shown.items()}

    def properties(self, text: str) -> dict[str, Any]:
        """Give the properties of `Type/name`."""
        return self.store.need(self.id(text)).properties


def body(
    template: Any, mode: str = "Incremental", parameters: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Give the body that asks for a deployment."""
    given = {name: {"value": value} for name, value in (parameters or {}).items()}
    return {"properties": {"template": template, "parameters": given, "mode": mode}}


def template(*resources: Any, **parts: Any) -> dict[str, Any]:
    """Give a template with these resources; `parts` are its other sections."""
    head = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
    }
    return head | {"resources": list(resources)} | parts


def thing(name: str, *after: str, kind: str = "Microsoft.Test/things", **parts: Any) -> dict[str, Any]:
    """Give a resource of a template; `properties` and other keys are in `parts`."""
    found: dict[str, Any] = {"type": kind, "apiVersion": API, "name": name, "location": "eastus"}
    if after:
        found["dependsOn"] = list(after)
    return found | {"properties": {}} | parts


def output(expression: Any, kind: str = "object") -> dict[str, Any]:
    """Give one output."""
    return {"type": kind, "value": expression}
