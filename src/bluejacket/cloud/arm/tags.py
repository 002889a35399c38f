"""Tags: `Microsoft.Resources/tags/default` of any scope, and the names and values used in a subscription.

Source: Microsoft, "Tags REST API": an update is Merge, Replace or Delete.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from bluejacket.cloud.arm.endpoint import Asked, Endpoint, Reply
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import PATCH, Cloud, Grade
from bluejacket.cloud.arm.locks import check_locks
from bluejacket.cloud.arm.resource import Resource

_HERE = "/providers/Microsoft.Resources/tags/default"
_NAMES = "Microsoft.Resources/subscriptionTags"
MOST = 50


def names_of(cloud: Cloud, _asked: Asked) -> Any:
    """Give all names of tags, with their values and how often each is used."""
    used: dict[str, Counter[str]] = defaultdict(Counter)
    for one in cloud.resources.list(subscription=cloud.subscription):
        for name, value in one.tags.items():
            used[name][value] += 1
    made = {one.id.name: list(one.properties.get("values", ())) for one in _made(cloud)}
    known = {name.lower() for name in used}
    names = [*used, *(name for name in made if name.lower() not in known)]
    return {"value": [_name(cloud, name, used.get(name, Counter()), made.get(name, [])) for name in names]}


def make_name(cloud: Cloud, asked: Asked) -> Any:
    """Make a name that resources may later have as a tag."""
    where = _name_id(cloud, asked.parts["name"])
    old = cloud.resources.get(where)
    found = old or cloud.resources.put(Resource(where, properties={"values": []}))
    body = _name(cloud, where.name, Counter(), list(found.properties["values"]))
    return Reply(body, 200 if old else 201)


def make_value(cloud: Cloud, asked: Asked) -> Any:
    """Make a value of such a name."""
    where, value = _name_id(cloud, asked.parts["name"]), asked.parts["value"]
    values = list(cloud.resources.need(where).properties["values"])
    new = value not in values
    if new:
        cloud.resources.change(where, lambda one: one.properties["values"].append(value))
    return Reply(_value(cloud, where.name, value, 0), 201 if new else 200)


def drop_name(cloud: Cloud, asked: Asked) -> Any:
    """Forget a name; raises CloudError when a resource has such a tag."""
    where = _name_id(cloud, asked.parts["name"])
    if any(where.name.lower() in map(str.lower, one.tags) for one in _all(cloud)):
        what = f"The tag '{where.name}' is in use and cannot be deleted."
        raise CloudError(409, "TagInUse", what)
    return Reply(status=200 if cloud.resources.delete(where) else 204)


def drop_value(cloud: Cloud, asked: Asked) -> Any:
    """Forget a value; raises CloudError when a resource has it."""
    where, value = _name_id(cloud, asked.parts["name"]), asked.parts["value"]
    for one in _all(cloud):
        if value in [kept for name, kept in one.tags.items() if name.lower() == where.name.lower()]:
            raise CloudError(409, "TagInUse", f"The tag value '{value}' is in use and cannot be deleted.")
    found = cloud.resources.get(where)
    if found is None or value not in found.properties["values"]:
        return Reply(status=204)
    cloud.resources.change(where, lambda one: one.properties["values"].remove(value))
    return Reply(status=200)


def tags_at(cloud: Cloud, asked: Asked) -> Any:
    """Give the tags of a resource, a group or the subscription."""
    return _document(_holder(cloud, asked))


def set_tags(cloud: Cloud, asked: Asked) -> Any:
    """Replace the tags (PUT)."""
    return _document(_change(cloud, asked, "replace"))


def update_tags(cloud: Cloud, asked: Asked) -> Any:
    """Merge, replace or delete tags (PATCH)."""
    return _document(_change(cloud, asked, str(asked.body.get("operation", ""))))


def clear_tags(cloud: Cloud, asked: Asked) -> Any:
    """Take all tags away (DELETE)."""
    _change(cloud, asked, "clear")
    return Reply(status=200)


def changed_tags(old: dict[str, str], given: dict[str, str], how: str) -> dict[str, str]:
    """Give the tags after an operation; raises CloudError for an unknown one, or more than 50 tags."""
    lower = {name.lower(): name for name in old}
    if how == "clear":
        return {}
    if how == "replace":
        found = dict(given)
    elif how == "merge":
        found = {**old, **{lower.get(name.lower(), name): value for name, value in given.items()}}
    elif how == "delete":
        gone = {lower.get(name.lower()) for name, value in given.items()}
        found = {name: value for name, value in old.items() if name not in gone}
    else:
        raise invalid(f"The tags operation '{how}' is not valid: it is Merge, Replace or Delete.")
    if len(found) > MOST:
        raise CloudError(400, "TooManyTags", f"A resource can have at most {MOST} tags.")
    return found


def _change(cloud: Cloud, asked: Asked, how: str) -> Resource:
    holder = _holder(cloud, asked)
    check_locks(cloud.resources, holder.id, PATCH)
    given = (asked.body.get("properties") or {}).get("tags") or {}
    plain = {str(name): str(value) for name, value in given.items()}

    def edit(one: Resource) -> None:
        one.tags = changed_tags(one.tags, plain, how.lower())

    if not holder.created:
        edit(holder)
        return cloud.resources.put(holder)
    return cloud.resources.change(holder.id, edit)


def _holder(cloud: Cloud, asked: Asked) -> Resource:
    """Give the record that has the tags; that of the subscription is there only once it has some."""
    where = ResourceId.parse(asked.parts["scope"])
    if not where.group and not where.provider:
        return cloud.resources.get(where) or Resource(where)
    return cloud.resources.need(where)


def _document(holder: Resource) -> dict[str, Any]:
    return {
        "id": holder.id.text + _HERE,
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": dict(holder.tags)},
    }


def _name_id(cloud: Cloud, name: str) -> ResourceId:
    return ResourceId(cloud.subscription, "", "Microsoft.Resources", ("subscriptionTags",), (name,))


def _made(cloud: Cloud) -> list[Resource]:
    return list(cloud.resources.list(type_name=_NAMES))


def _all(cloud: Cloud) -> list[Resource]:
    return list(cloud.resources.list(subscription=cloud.subscription))


def _name(cloud: Cloud, name: str, used: Counter[str], made: list[str]) -> dict[str, Any]:
    values = [*used, *(value for value in made if value not in used)]
    return {
        "id": f"/subscriptions/{cloud.subscription}/tagNames/{name}",
        "tagName": name,
        "count": {"type": "Total", "value": sum(used.values())},
        "values": [_value(cloud, name, value, used[value]) for value in values],
    }


def _value(cloud: Cloud, name: str, value: str, count: int) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{cloud.subscription}/tagNames/{name}/tagValues/{value}",
        "tagValue": value,
        "count": {"type": "Total", "value": count},
    }


_READ, _WRITE, _DROP = (f"Microsoft.Resources/tags/{verb}" for verb in ("read", "write", "delete"))
_LIST = "/subscriptions/{subscription}/tagNames"
_REAL = Grade.REAL
ENDPOINTS = (
    Endpoint("GET", _LIST, _REAL, names_of, "Microsoft.Resources/subscriptions/tagNames/read"),
    Endpoint("PUT", _LIST + "/{name}", _REAL, make_name, "Microsoft.Resources/subscriptions/tagNames/write"),
    Endpoint(
        "DELETE", _LIST + "/{name}", _REAL, drop_name, "Microsoft.Resources/subscriptions/tagNames/delete"
    ),
    Endpoint(
        "PUT",
        _LIST + "/{name}/tagValues/{value}",
        _REAL,
        make_value,
        "Microsoft.Resources/subscriptions/tagNames/tagValues/write",
    ),
    Endpoint(
        "DELETE",
        _LIST + "/{name}/tagValues/{value}",
        _REAL,
        drop_value,
        "Microsoft.Resources/subscriptions/tagNames/tagValues/delete",
    ),
    Endpoint("GET", "/{scope:path}" + _HERE, _REAL, tags_at, _READ),
    Endpoint("PUT", "/{scope:path}" + _HERE, _REAL, set_tags, _WRITE),
    Endpoint("PATCH", "/{scope:path}" + _HERE, _REAL, update_tags, _WRITE),
    Endpoint("DELETE", "/{scope:path}" + _HERE, _REAL, clear_tags, _DROP),
)
