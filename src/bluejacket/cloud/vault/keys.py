"""Keys: made or imported, and used without ever leaving the vault.

Source: Microsoft, "Azure Key Vault REST API reference", Keys.
"""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.vault import algorithms, faults
from bluejacket.cloud.vault.algorithms import PrivateKey, decoded, encoded
from bluejacket.cloud.vault.objects import KEYS, Head, Version
from bluejacket.cloud.vault.plane import Answer, Plane, Right, new_version

READ = Right("get", "keys/read")
LIST = Right("list", "keys/read")
DELETE = Right("delete", "keys/delete")
GET_POLICY = Right("getrotationpolicy", "keyrotationpolicies/read")
SET_POLICY = Right("setrotationpolicy", "keyrotationpolicies/write")
_RSA_OPS = ("encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey")
_EC_OPS = ("sign", "verify")
_USES = {
    "encrypt": "encrypt",
    "decrypt": "decrypt",
    "sign": "sign",
    "verify": "verify",
    "wrapkey": "wrapKey",
    "unwrapkey": "unwrapKey",
}
_ACTIONS = {"wrapKey": "wrap", "unwrapKey": "unwrap"}
_ALLOWED_LATE = ("decrypt", "verify", "unwrapKey")


def answer(plane: Plane) -> Answer:
    """Answer a request below `/keys`; raises VaultFault."""
    words = plane.words[1:]
    match (plane.method, *words):
        case ("GET",):
            plane.need(KEYS, LIST)
            return plane.listed(KEYS, deleted=False, show=lambda head: _item(plane, head))
        case ("POST", "restore"):
            plane.need(KEYS, _right("restore"))
            return 200, shown(plane, plane.restore(KEYS))
        case ("PUT", name):
            plane.need(KEYS, _right("import"), name)
            return 200, shown(plane, _imported(plane, name))
        case ("POST", name, "create"):
            plane.need(KEYS, _right("create"), name)
            return 200, shown(plane, _created(plane, name))
        case ("POST", name, "rotate"):
            plane.need(KEYS, _right("rotate"), name)
            return 200, shown(plane, _rotated(plane, name))
        case ("POST", name, "backup"):
            plane.need(KEYS, _right("backup"), name)
            plane.latest(KEYS, name)
            return plane.backup((KEYS,), name)
        case ("GET" | "PUT", name, "rotationpolicy"):
            return _rotation_policy(plane, name)
        case ("GET", name, "versions"):
            plane.need(KEYS, LIST, name)
            return plane.listed_versions(KEYS, name, lambda one: _properties(plane, one, versioned=True))
        case ("POST", name, *rest) if rest and rest[-1].lower() in _USES and len(rest) < 3:
            return _used(plane, name, "".join(rest[:-1]), _USES[rest[-1].lower()])
        case ("GET", name, *rest) if len(rest) < 2:
            plane.need(KEYS, READ, name)
            return 200, shown(plane, plane.latest(KEYS, name, *rest))
        case ("PATCH", name, *rest) if len(rest) < 2:
            plane.need(KEYS, _right("update"), name)
            return 200, shown(plane, _updated(plane, name, *rest))
        case ("DELETE", name):
            plane.need(KEYS, DELETE, name)
            plane.latest(KEYS, name)
            plane.objects.mark(plane.vault, (KEYS,), name, plane.moment)
            return 200, _deleted(plane, plane.gone(KEYS, name))
    raise faults.bad("The request is not supported for this address.")


def answer_deleted(plane: Plane) -> Answer:
    """Answer a request below `/deletedkeys`; raises VaultFault."""
    match (plane.method, *plane.words[1:]):
        case ("GET",):
            plane.need(KEYS, LIST)
            return plane.listed(
                KEYS, deleted=True, show=lambda head: _item(plane, head) | plane.deletion(KEYS, head)
            )
        case ("GET", name):
            plane.need(KEYS, READ, name)
            return 200, _deleted(plane, plane.gone(KEYS, name))
        case ("POST", name, "recover"):
            plane.need(KEYS, _right("recover"), name)
            plane.gone(KEYS, name)
            plane.objects.mark(plane.vault, (KEYS,), name, None)
            return 200, shown(plane, plane.latest(KEYS, name))
        case ("DELETE", name):
            plane.need(KEYS, _right("purge"), name)
            plane.gone(KEYS, name)
            plane.purgeable()
            plane.objects.purge(plane.vault, (KEYS,), name)
            return 204, {}
    raise faults.bad("The request is not supported for this address.")


def version_of(plane: Plane, name: str, key: PrivateKey, data: dict[str, Any], version: str = "") -> Version:
    """Give a version of a key that is not kept yet; `data` has its attributes, tags and operations."""
    found = {"jwk": algorithms.public_jwk(key), **data}
    return Version(plane.vault, KEYS, name, version or new_version(), found, algorithms.kept(key))


def shown(plane: Plane, version: Version) -> dict[str, Any]:
    """Give the public half with its attributes."""
    kid = f"{plane.base}/keys/{version.name}/{version.version}"
    key = {"kid": kid, "key_ops": version.data["key_ops"], **version.data["jwk"]}
    found = {"key": key, "attributes": plane.attributes(version.data)}
    return found | {name: version.data[name] for name in ("tags", "managed") if version.data.get(name)}


def operations(key_type: str) -> list[str]:
    """Give what a key of a type is for, unless somebody says it."""
    return list(_RSA_OPS if key_type == "RSA" else _EC_OPS)


def _created(plane: Plane, name: str) -> Version:
    body = plane.body
    plane.free(KEYS, name)
    if body.get("release_policy") or (body.get("attributes") or {}).get("exportable"):
        raise faults.bad(
            "Exportable keys need a premium vault with a release policy, which is not offered here."
        )
    key = algorithms.generate(str(body.get("kty") or ""), body.get("key_size"), body.get("crv"))
    return _kept(plane, name, key, str(body["kty"]), body.get("key_ops"))


def _imported(plane: Plane, name: str) -> Version:
    jwk = plane.body.get("key")
    if not isinstance(jwk, dict) or plane.body.get("Hsm"):
        raise faults.bad("The property 'key' has to be a JSON web key, and of software protection.")
    plane.free(KEYS, name)
    return _kept(plane, name, algorithms.from_jwk(jwk), str(jwk["kty"]), jwk.get("key_ops"))


def _kept(plane: Plane, name: str, key: PrivateKey, key_type: str, asked: Any) -> Version:
    ops = list(asked) if asked else operations(key_type)
    unknown = [one for one in ops if one not in (*operations(key_type), "import")]
    if unknown:
        raise faults.bad(f"The key operation '{unknown[0]}' is not possible with a key of type {key_type}.")
    attributes = plane.fresh(plane.body.get("attributes"))
    made = version_of(
        plane, name, key, {"attributes": attributes, "tags": plane.tags() or {}, "key_ops": ops}
    )
    plane.objects.add(made)
    return made


def _rotated(plane: Plane, name: str) -> Version:
    old = plane.latest(KEYS, name)
    jwk, former = old.data["jwk"], algorithms.read(old.material)
    size = None if jwk["kty"] == "EC" else former.key_size
    key = algorithms.generate(jwk["kty"], size, jwk.get("crv"))
    data = {"attributes": plane.fresh(None), "tags": old.data["tags"], "key_ops": old.data["key_ops"]}
    made = version_of(plane, name, key, data)
    plane.objects.add(made)
    return made


def _updated(plane: Plane, name: str, version: str = "") -> Version:
    found = plane.latest(KEYS, name, version)
    found.data["attributes"] = plane.fresh(plane.body.get("attributes"), found.data["attributes"])
    tags = plane.tags()
    if tags is not None:
        found.data["tags"] = tags
    if plane.body.get("key_ops") is not None:
        wanted = [str(one) for one in plane.body["key_ops"]]
        if set(wanted) - {*operations(found.data["jwk"]["kty"]), "import"}:
            raise faults.bad("A key operation is not possible with a key of this type.")
        found.data["key_ops"] = wanted
    plane.objects.change(found)
    return found


def _used(plane: Plane, name: str, version: str, use: str) -> Answer:
    plane.need(KEYS, Right(use, f"keys/{_ACTIONS.get(use, use)}/action"), name)
    found = plane.latest(KEYS, name, version)
    plane.usable(found, use, after_expiry=use in _ALLOWED_LATE)
    if use not in found.data["key_ops"]:
        what = f"Operation {use} is not permitted on this key."
        raise faults.VaultFault(403, "Forbidden", what, "KeyOperationForbidden")
    key, algorithm = algorithms.read(found.material), str(plane.body.get("alg") or "")
    kid = f"{plane.base}/keys/{found.name}/{found.version}"
    if use == "verify":
        digest = decoded(plane.body.get("digest") or "", "digest")
        signature = decoded(plane.body.get("value") or "", "value")
        return 200, {"value": algorithms.verify(key, algorithm, digest, signature)}
    value = decoded(plane.body.get("value") or "", "value")
    if not value:
        raise faults.bad("The property 'value' is required.")
    if use == "sign":
        return 200, {"kid": kid, "value": encoded(algorithms.sign(key, algorithm, value))}
    work = algorithms.encrypt if use in ("encrypt", "wrapKey") else algorithms.decrypt
    return 200, {"kid": kid, "value": encoded(work(key, algorithm, value))}


def _rotation_policy(plane: Plane, name: str) -> Answer:
    plane.need(KEYS, GET_POLICY if plane.method == "GET" else SET_POLICY, name)
    plane.latest(KEYS, name)
    head = plane.objects.head(plane.vault, KEYS, name)
    assert head is not None, "latest() has found it"
    if plane.method == "PUT":
        old = head.data.get("rotation", {}).get("attributes", {})
        wanted = plane.body.get("attributes") or {}
        head.data["rotation"] = {
            "lifetimeActions": plane.body.get("lifetimeActions") or [],
            "attributes": {
                "expiryTime": wanted.get("expiryTime"),
                "created": old.get("created", plane.moment),
                "updated": plane.moment,
            },
        }
        plane.objects.write(head)
    policy = head.data.get("rotation") or {
        "lifetimeActions": [{"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}}],
        "attributes": {},
    }
    return 200, {"id": f"{plane.base}/keys/{head.name}/rotationpolicy", **policy}


def _properties(plane: Plane, version: Version, *, versioned: bool) -> dict[str, Any]:
    address = f"{plane.base}/keys/{version.name}"
    found = {
        "kid": f"{address}/{version.version}" if versioned else address,
        "attributes": plane.attributes(version.data),
    }
    return found | {name: version.data[name] for name in ("tags", "managed") if version.data.get(name)}


def _item(plane: Plane, head: Head) -> dict[str, Any]:
    return _properties(plane, plane.newest(KEYS, head), versioned=False)


def _deleted(plane: Plane, head: Head) -> dict[str, Any]:
    return shown(plane, plane.newest(KEYS, head)) | plane.deletion(KEYS, head)


def _right(word: str) -> Right:
    return Right(word, f"keys/{word}/action")
