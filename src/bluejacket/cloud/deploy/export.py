"""The template of what a group has: every resource as it is shown, so that nothing of a secret is in it.

Parts that have records of their own, as a network's subnets, are resources beside their parents. Names are
parameters, and ids of what is exported are expressions of them. Source: Azure Resource Manager, "Resource
Groups - Export Template".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bluejacket.cloud.arm.auth import permission
from bluejacket.cloud.arm.endpoint import Asked, Endpoint
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import GET, PUT, Call, Cloud, Grade, Kind
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.deploy.expressions import Call as FunctionCall
from bluejacket.cloud.deploy.expressions import Literal, Node, escaped, written

_SCHEMA = "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#"
_KEPT = ("location", "tags", "sku", "kind", "zones", "plan", "extendedLocation", "identity", "properties")
_OF_THE_SERVICE = ("provisioningstate", "etag", "principalid", "clientid", "instanceview", "resourceguid")
_ALONE = ("microsoft.resources/", "microsoft.authorization/")
"""Types that are no part of what a group is made of: its deployments, and who may do what."""


@dataclass(frozen=True, slots=True)
class _Names:
    """The ids that are exported, in lower case, and the parameter of each one's last name, if it has one."""

    parameters: Mapping[str, str]
    ids: Mapping[str, ResourceId]

    def id_of(self, found: ResourceId) -> FunctionCall:
        """Give the expression of an exported resource's id."""
        words = [Literal(found.type), *self._words(found)]
        return FunctionCall("resourceId", tuple(words))

    def name_of(self, found: ResourceId) -> str:
        """Give what a resource is called in the template."""
        words = self._words(found)
        if len(words) == 1 and isinstance(words[0], Literal):
            return escaped(str(words[0].value))
        parts = [part for word in words for part in (Literal("/"), word)][1:]
        node = parts[0] if len(parts) == 1 else FunctionCall("concat", tuple(parts))
        return f"[{written(node)}]"

    def _words(self, found: ResourceId) -> list[Node]:
        first = self.parameters.get(ResourceId.parse(_root(found)).key)
        name: Node = FunctionCall("parameters", (Literal(first),)) if first else Literal(found.names[0])
        return [name, *(Literal(one) for one in found.names[1:])]


def export_group(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    """Give `{"template": …}` with the resources that are asked for, or all; raises CloudError 404 and 400.

    Those that the caller may not read are left out.
    """
    group = ResourceId(cloud.subscription, asked.parts["group"])
    cloud.resources.need(group)
    found = list(_exported(cloud, asked, group))
    plain = "skipresourcenameparameterization" in str(asked.body.get("options") or "").lower()
    parameters = {} if plain else {one.id.key: _parameter(one.id) for one, _ in found if _is_root(one.id)}
    names = _Names(parameters, {one.id.key: one.id for one, _ in found})
    valued = "includeparameterdefaultvalue" in str(asked.body.get("options") or "").lower()
    declared = {
        parameters[one.id.key]: {"type": "String"} | ({"defaultValue": one.id.name} if valued else {})
        for one, _ in found
        if one.id.key in parameters
    }
    return {
        "template": {
            "$schema": _SCHEMA,
            "contentVersion": "1.0.0.0",
            "parameters": declared,
            "variables": {},
            "resources": [_resource(cloud, asked, one, kind, names) for one, kind in found],
        }
    }


def _exported(cloud: Cloud, asked: Asked, group: ResourceId) -> Iterator[tuple[Resource, Kind]]:
    wanted = [str(one).lower().rstrip("/") for one in asked.body.get("resources") or ["*"]]
    every = {
        one.id.key: one for one in cloud.resources.list(subscription=group.subscription, group=group.group)
    }
    for one in wanted:
        if one != "*" and one not in every:
            raise CloudError(400, "InvalidRequestContent", f"The resource '{one}' is not in the group.")
    for key, resource in every.items():
        kind = cloud.kinds.find(resource.id.type)
        if kind is None or PUT not in kind.verbs or resource.id.scope or kind.type.lower().startswith(_ALONE):
            continue
        if "*" not in wanted and key not in wanted:
            continue
        if cloud.allowed(asked.caller, permission(kind.type, GET), resource.id):
            yield resource, kind


def _resource(cloud: Cloud, asked: Asked, one: Resource, kind: Kind, names: _Names) -> dict[str, Any]:
    version = kind.versions[0]
    shown = kind.shown(cloud, one, Call(one.id, asked.caller, {}, {"api-version": version}))
    kept = _of_both(shown, one.document(kind.type))
    body: dict[str, Any] = {key: kept[key] for key in _KEPT if kept.get(key)}
    used: dict[str, ResourceId] = {}
    said: dict[str, Any] = _named(_without(body), one.id, names, used)
    parent = names.ids.get(one.id.parent.key) if not _is_root(one.id) else None
    if parent is not None:
        used[parent.key] = parent
    after = [f"[{written(names.id_of(used[key]))}]" for key in sorted(used)]
    head = {"type": kind.type, "apiVersion": version, "name": names.name_of(one.id)}
    return head | ({"dependsOn": after} if after else {}) | said


def _of_both(shown: Any, stored: Any) -> Any:
    """Leave out what is shown though nobody wrote it, as who uses a resource, and the other way round."""
    if isinstance(shown, dict) and isinstance(stored, dict):
        return {key: _of_both(one, stored[key]) for key, one in shown.items() if key in stored}
    if isinstance(shown, list) and isinstance(stored, list) and len(shown) == len(stored):
        return [_of_both(one, other) for one, other in zip(shown, stored, strict=True)]
    return shown


def _without(value: Any) -> Any:
    """Leave out what only the service says."""
    if isinstance(value, dict):
        return {key: _without(one) for key, one in value.items() if key.lower() not in _OF_THE_SERVICE}
    return [_without(one) for one in value] if isinstance(value, list) else value


def _named(value: Any, own: ResourceId, names: _Names, used: dict[str, ResourceId]) -> Any:
    """Give a value with expressions for ids of what is exported, which are noted in `used`."""
    if isinstance(value, dict):
        if str(value.get("id", "")).lower().startswith(own.key + "/"):
            value = {key: one for key, one in value.items() if key != "id"}  # a part of this very resource
        return {_text(key, own, names, used): _named(one, own, names, used) for key, one in value.items()}
    if isinstance(value, list):
        return [_named(one, own, names, used) for one in value]
    return _text(value, own, names, used) if isinstance(value, str) else value


def _text(text: str, own: ResourceId, names: _Names, used: dict[str, ResourceId]) -> str:
    if not text.lower().startswith("/subscriptions/"):
        return escaped(text)
    key = text.rstrip("/").lower()
    above: Sequence[str] = [one for one in names.ids if key == one or key.startswith(one + "/")]
    if not above:
        return text
    found = names.ids[max(above, key=len)]
    if found != own:
        used[found.key] = found
    rest = text.rstrip("/")[len(found.key) :]
    whole = names.id_of(found)
    return f"[{written(FunctionCall('concat', (whole, Literal(rest))) if rest else whole)}]"


def _parameter(found: ResourceId) -> str:
    plain = "".join(letter if letter.isalnum() else "_" for letter in found.name)
    return f"{found.types[-1]}_{plain}_name"


def _is_root(found: ResourceId) -> bool:
    return len(found.names) == 1


def _root(found: ResourceId) -> str:
    while not _is_root(found):
        found = found.parent
    return found.text


EXPORT = Endpoint(
    "POST",
    "/subscriptions/{subscription}/resourceGroups/{group}/exportTemplate",
    Grade.REAL,
    export_group,
    action="Microsoft.Resources/subscriptions/resourceGroups/read",
)
