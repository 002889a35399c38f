"""Secrets: values with versions. Source: Microsoft, "Azure Key Vault REST API reference", Secrets."""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.vault import faults
from bluejacket.cloud.vault.objects import SECRETS, Head, Version
from bluejacket.cloud.vault.plane import Answer, Plane, Right, new_version

_MOST = 25 * 1024  # bytes of a value
LIST = Right("list", "secrets/readMetadata/action")
GET = Right("get", "secrets/getSecret/action")
GET_DELETED = Right("get", "secrets/readMetadata/action")
SET = Right("set", "secrets/setSecret/action")
UPDATE = Right("set", "secrets/update/action")
DELETE = Right("delete", "secrets/delete")
RECOVER = Right("recover", "secrets/recover/action")
PURGE = Right("purge", "secrets/purge/action")
BACKUP = Right("backup", "secrets/backup/action")
RESTORE = Right("restore", "secrets/restore/action")


def answer(plane: Plane) -> Answer:
    """Answer a request below `/secrets`; raises VaultFault."""
    method, words = plane.method, plane.words[1:]
    match (method, *words):
        case ("GET",):
            plane.need(SECRETS, LIST)
            return plane.listed(SECRETS, deleted=False, show=lambda head: _item(plane, head))
        case ("POST", "restore"):
            plane.need(SECRETS, RESTORE)
            return 200, _item(plane, _head(plane.restore(SECRETS)), versioned=True)
        case ("PUT", name):
            plane.need(SECRETS, SET, name)
            return 200, shown(plane, set_secret(plane, name))
        case ("GET", name, "versions"):
            plane.need(SECRETS, LIST, name)
            return plane.listed_versions(SECRETS, name, lambda one: _properties(plane, one, versioned=True))
        case ("POST", name, "backup"):
            plane.need(SECRETS, BACKUP, name)
            plane.latest(SECRETS, name)
            return plane.backup((SECRETS,), name)
        case ("GET", name, *rest) if len(rest) < 2:
            plane.need(SECRETS, GET, name)
            found = plane.latest(SECRETS, name, *rest)
            plane.usable(found, "get", after_expiry=True)
            return 200, shown(plane, found)
        case ("PATCH", name, *rest) if len(rest) < 2:
            plane.need(SECRETS, UPDATE, name)
            return 200, _properties(plane, _updated(plane, name, *rest), versioned=True)
        case ("DELETE", name):
            plane.need(SECRETS, DELETE, name)
            plane.latest(SECRETS, name)
            plane.objects.mark(plane.vault, (SECRETS,), name, plane.moment)
            return 200, _deleted(plane, plane.gone(SECRETS, name))
    raise faults.bad(f"The request {method} is not supported for this address.")


def answer_deleted(plane: Plane) -> Answer:
    """Answer a request below `/deletedsecrets`; raises VaultFault."""
    match (plane.method, *plane.words[1:]):
        case ("GET",):
            plane.need(SECRETS, LIST)
            return plane.listed(SECRETS, deleted=True, show=lambda head: _deleted(plane, head, item=True))
        case ("GET", name):
            plane.need(SECRETS, GET_DELETED, name)
            return 200, _deleted(plane, plane.gone(SECRETS, name))
        case ("POST", name, "recover"):
            plane.need(SECRETS, RECOVER, name)
            plane.gone(SECRETS, name)
            plane.objects.mark(plane.vault, (SECRETS,), name, None)
            return 200, _properties(plane, plane.latest(SECRETS, name), versioned=True)
        case ("DELETE", name):
            plane.need(SECRETS, PURGE, name)
            plane.gone(SECRETS, name)
            plane.purgeable()
            plane.objects.purge(plane.vault, (SECRETS,), name)
            return 204, {}
    raise faults.bad("The request is not supported for this address.")


def set_secret(plane: Plane, name: str) -> Version:
    """Add a version from the request's body; raises VaultFault."""
    value = plane.body.get("value")
    if not isinstance(value, str):
        raise faults.bad("The property 'value' is required and has to be a string.")
    if len(value.encode("utf-8")) > _MOST:
        raise faults.bad(f"The value of a secret is at most {_MOST} bytes long.")
    plane.free(SECRETS, name)
    data: dict[str, Any] = {
        "attributes": plane.fresh(plane.body.get("attributes")),
        "tags": plane.tags() or {},
    }
    if plane.body.get("contentType") is not None:
        data["contentType"] = str(plane.body["contentType"])
    made = Version(plane.vault, SECRETS, name, new_version(), data, value.encode("utf-8"))
    plane.objects.add(made)
    return made


def shown(plane: Plane, version: Version) -> dict[str, Any]:
    """Give a secret with its value."""
    found = _properties(plane, version, versioned=True)
    return {"value": version.material.decode("utf-8"), **found}


def _updated(plane: Plane, name: str, version: str = "") -> Version:
    found = plane.latest(SECRETS, name, version)
    found.data["attributes"] = plane.fresh(plane.body.get("attributes"), found.data["attributes"])
    tags = plane.tags()
    if tags is not None:
        found.data["tags"] = tags
    if plane.body.get("contentType") is not None:
        found.data["contentType"] = str(plane.body["contentType"])
    plane.objects.change(found)
    return found


def _properties(plane: Plane, version: Version, *, versioned: bool) -> dict[str, Any]:
    address = f"{plane.base}/secrets/{version.name}"
    found = {
        "id": f"{address}/{version.version}" if versioned else address,
        "attributes": plane.attributes(version.data),
    }
    for key in ("tags", "contentType", "managed"):
        if version.data.get(key):
            found[key] = version.data[key]
    if version.data.get("managed"):
        found["kid"] = f"{plane.base}/keys/{version.name}/{version.version}"
    return found


def _item(plane: Plane, head: Head, *, versioned: bool = False) -> dict[str, Any]:
    return _properties(plane, plane.newest(SECRETS, head), versioned=versioned)


def _deleted(plane: Plane, head: Head, *, item: bool = False) -> dict[str, Any]:
    return _item(plane, head, versioned=not item) | plane.deletion(SECRETS, head)


def _head(version: Version) -> Head:
    return Head(version.vault, version.kind, version.name)
