"""What a deployment would change, without changing anything.

What is compared is what the template says: a property that it leaves to the service is not looked at. The
wanted state is what the resource's own kind makes of it (`checked`), so that a default or another spelling
is no change. Source: Azure Resource Manager, "Template deployment what-if operation".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Call, Cloud
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.deploy.engine import Prepared, body_of, is_open, prepare_inner, too_much
from bluejacket.cloud.deploy.expressions import is_expression
from bluejacket.cloud.deploy.functions.collections import same
from bluejacket.cloud.deploy.hiding import SECRETS, without_secrets
from bluejacket.cloud.deploy.plan import Planned

_OF_THE_SERVICE = ("provisioningstate", "etag", "id", "name", "type")


def what_if(cloud: Cloud, prepared: Prepared, *, payloads: bool = True) -> list[dict[str, Any]]:
    """Give the changes, by id: `{"resourceId", "changeType", "before", "after", "delta"}`.

    Without `payloads` only the ids and kinds of change. Raises CloudError as the deployment itself would.
    """
    found = list(_changes(cloud, prepared))
    named = {one["resourceId"].lower() for one in found}
    complete = prepared.request.mode.lower() == "complete"
    for one in too_much(cloud, prepared) if prepared.id.group else ():
        if one.key not in named:
            document = _shown(cloud, prepared, cloud.resources.need(one))
            change = {"changeType": "Delete", "before": document}
            found.append(
                {"resourceId": one.text} | (change if complete else change | {"changeType": "Ignore"})
            )
    if not payloads:
        found = [{key: one[key] for key in ("resourceId", "changeType")} for one in found]
    return sorted(found, key=lambda one: one["resourceId"].lower())


def _changes(cloud: Cloud, prepared: Prepared) -> Iterator[dict[str, Any]]:
    for one in prepared.plan.resources.values():
        if one.existing or not one.wanted:
            continue
        if one.is_deployment:
            yield from _inner(cloud, prepared, one)
        else:
            yield _change(cloud, prepared, one)


def _inner(cloud: Cloud, prepared: Prepared, one: Planned) -> Iterator[dict[str, Any]]:
    """The changes of a nested deployment; of one that needs what does not exist yet, that it would run."""
    inner = prepare_inner(cloud, prepared, one)
    if inner is None:
        yield {"resourceId": one.id.text, "changeType": "Deploy"}
    else:
        yield from _changes(cloud, inner)


def _change(cloud: Cloud, prepared: Prepared, one: Planned) -> dict[str, Any]:
    body = body_of(one, lenient=True, masked=True)
    old = cloud.resources.get(one.id)
    after = _wanted(cloud, prepared, one.id, body, old)
    found: dict[str, Any] = {"resourceId": one.id.text}
    if old is None:
        return found | {"changeType": "Create", "after": _completed(after, body, None)}
    before = _shown(cloud, prepared, old)
    after = _completed(after, body, before)
    delta = list(_differences("", before, after, body))
    if not delta:
        return found | {"changeType": "NoChange", "before": before, "after": after}
    return found | {"changeType": "Modify", "before": before, "after": after, "delta": delta}


def _wanted(
    cloud: Cloud, prepared: Prepared, resource_id: ResourceId, body: Mapping[str, Any], old: Resource | None
) -> dict[str, Any]:
    """Give the document that would be there; what the kind cannot judge yet is taken as it is written."""
    kind = cloud.kinds.need(resource_id)
    call = Call(resource_id, prepared.caller, deepcopy(dict(body)))
    try:
        return kind.checked(cloud, call, deepcopy(old)).document(kind.type)
    except CloudError as error:
        if error.status < 500 and not is_open(body) and old is not None:
            raise
        named = {"id": resource_id.text, "name": resource_id.name, "type": kind.type}
        shown: dict[str, Any] = deepcopy(without_secrets(dict(body)))
        return named | shown


def _shown(cloud: Cloud, prepared: Prepared, found: Resource) -> dict[str, Any]:
    kind = cloud.kinds.need(found.id)
    return kind.shown(cloud, found, Call(found.id, prepared.caller, {}, {"api-version": kind.versions[0]}))


def _completed(after: Any, said: Any, before: Any) -> Any:
    """Give the wanted document with what its kind keeps elsewhere (a network's subnets), as it is said.

    That is: what is shown of the resource as it is, or any part of a new one that is no secret.
    """
    if not isinstance(after, dict) or not isinstance(said, dict):
        return after
    found = dict(after)
    for name, value in said.items():
        key = _spelled(name, after)
        shown = _of(before, name) if isinstance(before, dict) else None
        if key is not None:
            found[key] = _completed(after[key], value, shown)
        elif value is not None and name.lower() not in SECRETS and (before is None or shown is not None):
            found[name] = deepcopy(value)
    return found


def _differences(path: str, before: Any, after: Any, said: Any) -> Iterator[dict[str, Any]]:
    """Give the differences at what `said`, a piece of the template, names."""
    if isinstance(before, dict) and isinstance(after, dict) and isinstance(said, dict):
        for name in said:
            if name.lower() in _OF_THE_SERVICE or said[name] is None:
                continue
            key = _spelled(name, after) or _spelled(name, before) or name
            inner = f"{path}.{key}" if path else key
            yield from _property(inner, _of(before, name), _of(after, name), said[name])
        if path == "tags":
            yield from (_delta(f"tags.{key}", "Delete", before[key]) for key in before if key not in after)
    elif isinstance(before, list) and isinstance(after, list) and isinstance(said, list):
        children = list(_elements(before, after, said))
        if children:
            yield {
                "path": path,
                "propertyChangeType": "Array",
                "before": before,
                "after": after,
                "children": children,
            }
    elif not _alike(before, after):
        yield _delta(path, "Modify", before, after)


def _property(path: str, before: Any, after: Any, said: Any) -> Iterator[dict[str, Any]]:
    if before is None and (after is None or is_expression(after)):
        return  # a secret, which no document shows
    if before is None:
        yield _delta(path, "Create", None, after)
    elif after is None:
        yield _delta(path, "Delete", before)
    else:
        yield from _differences(path, before, after, said)


def _elements(before: list[Any], after: list[Any], said: list[Any]) -> Iterator[dict[str, Any]]:
    """Elements with names are compared by these, others by their places."""
    left = list(range(len(before)))
    for at, element in enumerate(after):
        other = next((one for one in left if _same_element(before[one], element, one, at)), None)
        if other is None:
            yield _delta(str(at), "Create", None, element)
            continue
        left.remove(other)
        inner = list(_differences("", before[other], element, said[at] if at < len(said) else element))
        if inner:
            yield {
                "path": str(at),
                "propertyChangeType": "Modify",
                "before": before[other],
                "after": element,
                "children": inner,
            }
    yield from (_delta(str(at), "Delete", before[at]) for at in left)


def _same_element(before: Any, after: Any, at: int, place: int) -> bool:
    if isinstance(before, dict) and isinstance(after, dict) and ("name" in before or "name" in after):
        return str(before.get("name", "")).lower() == str(after.get("name", "")).lower()
    return at == place if isinstance(before, dict) else _alike(before, after)


def _delta(path: str, change: str, before: Any, after: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = {"path": path, "propertyChangeType": change, "before": before, "after": after}
    return found | {"children": []}


def _alike(before: Any, after: Any) -> bool:
    """Ids and the words of enumerations are the same in any case, numbers and booleans also as strings."""
    if isinstance(before, (str, int, float)) and isinstance(after, (str, int, float)):
        return str(before).lower() == str(after).lower()
    return same(before, after)


def _spelled(name: str, where: Mapping[str, Any]) -> str | None:
    return next((key for key in where if key.lower() == name.lower()), None)


def _of(where: Mapping[str, Any], name: str) -> Any:
    key = _spelled(name, where)
    return where[key] if key is not None else None
