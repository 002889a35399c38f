"""Certificates: signed by themselves, or imported; each has a key and a secret of the same name and version.

Source: Microsoft, "Azure Key Vault REST API reference", Certificates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cryptography.x509 import Certificate

from bluejacket.cloud.vault import algorithms, faults, keys, x509
from bluejacket.cloud.vault.algorithms import PrivateKey, encoded
from bluejacket.cloud.vault.objects import CERTIFICATES, KEYS, SECRETS, Head, Version
from bluejacket.cloud.vault.plane import Answer, Plane, Right, new_version

READ, LIST = Right("get", "certificates/read"), Right("list", "certificates/read")
DELETE = Right("delete", "certificates/delete")
_ALL = (CERTIFICATES, KEYS, SECRETS)


def answer(plane: Plane) -> Answer:
    """Answer a request below `/certificates`; raises VaultFault."""
    match (plane.method, *plane.words[1:]):
        case ("GET",):
            plane.need(CERTIFICATES, LIST)
            return plane.listed(CERTIFICATES, deleted=False, show=lambda head: _item(plane, head))
        case ("GET", "issuers"):
            plane.need(CERTIFICATES, Right("listissuers", "certificatecas/read"))
            return 200, {"value": [], "nextLink": None}
        case ("GET" | "PUT" | "DELETE", "contacts") | ("PUT" | "PATCH" | "DELETE", "issuers", _):
            raise faults.bad(
                "Contacts and issuers of certificates are not offered here: use the issuer 'Self'."
            )
        case ("POST", "restore"):
            plane.need(CERTIFICATES, _right("restore"))
            return 200, _shown(plane, plane.restore(CERTIFICATES))
        case ("POST", name, "create"):
            plane.need(CERTIFICATES, _right("create"), name)
            return _created(plane, name)
        case ("POST", name, "import"):
            plane.need(CERTIFICATES, _right("import"), name)
            return _imported(plane, name)
        case ("GET" | "PATCH", name, "policy"):
            plane.need(CERTIFICATES, READ if plane.method == "GET" else _right("update"), name)
            return _policy(plane, name)
        case ("GET" | "DELETE", name, "pending"):
            plane.need(CERTIFICATES, READ if plane.method == "GET" else _right("update"), name)
            return _pending(plane, name)
        case ("POST", name, "backup"):
            plane.need(CERTIFICATES, _right("backup"), name)
            plane.latest(CERTIFICATES, name)
            return plane.backup(_ALL, name)
        case ("GET", name, "versions"):
            plane.need(CERTIFICATES, LIST, name)
            return plane.listed_versions(
                CERTIFICATES, name, lambda one: _properties(plane, one, versioned=True)
            )
        case ("GET", name, *rest) if len(rest) < 2:
            plane.need(CERTIFICATES, READ, name)
            return 200, _shown(plane, plane.latest(CERTIFICATES, name, *rest))
        case ("PATCH", name, *rest) if len(rest) < 2:
            plane.need(CERTIFICATES, _right("update"), name)
            return 200, _shown(plane, _updated(plane, name, *rest))
        case ("DELETE", name):
            plane.need(CERTIFICATES, DELETE, name)
            plane.latest(CERTIFICATES, name)
            plane.objects.mark(plane.vault, _ALL, name, plane.moment)
            return 200, _deleted(plane, plane.gone(CERTIFICATES, name))
    raise faults.bad("The request is not supported for this address.")


def answer_deleted(plane: Plane) -> Answer:
    """Answer a request below `/deletedcertificates`; raises VaultFault."""
    match (plane.method, *plane.words[1:]):
        case ("GET",):
            plane.need(CERTIFICATES, LIST)
            return plane.listed(
                CERTIFICATES,
                deleted=True,
                show=lambda head: _item(plane, head) | plane.deletion(CERTIFICATES, head),
            )
        case ("GET", name):
            plane.need(CERTIFICATES, READ, name)
            return 200, _deleted(plane, plane.gone(CERTIFICATES, name))
        case ("POST", name, "recover"):
            plane.need(CERTIFICATES, _right("recover"), name)
            plane.gone(CERTIFICATES, name)
            plane.objects.mark(plane.vault, _ALL, name, None)
            return 200, _shown(plane, plane.latest(CERTIFICATES, name))
        case ("DELETE", name):
            plane.need(CERTIFICATES, _right("purge"), name)
            plane.gone(CERTIFICATES, name)
            plane.purgeable()
            plane.objects.purge(plane.vault, _ALL, name)
            return 204, {}
    raise faults.bad("The request is not supported for this address.")


def _created(plane: Plane, name: str) -> Answer:
    """Make the certificate at once; the operation that is polled for it is over when it is asked for."""
    _names_free(plane, name)
    policy = x509.policy_of(plane.body.get("policy"))
    if policy["issuer"]["name"].lower() != "self":
        what = f"The issuer '{policy['issuer']['name']}' is not offered here: use 'Self', or import one."
        raise faults.bad(what)
    asked = policy["key_props"]
    head = plane.objects.head(plane.vault, KEYS, name)
    if asked["reuse_key"] and head is not None:
        key = algorithms.read(plane.latest(KEYS, name).material)
    else:
        key = algorithms.generate(asked["kty"], asked.get("key_size"), asked.get("crv"))
    made = x509.self_signed(key, policy, plane.now())
    _keep(plane, name, key, [made], policy)
    operation = _operation(plane, name, "inProgress", x509.request(key, policy))
    head = plane.objects.head(plane.vault, CERTIFICATES, name)
    assert head is not None, "_keep() has made it"
    head.data["operation"] = operation | {"status": "completed", "target": f"/certificates/{name}"}
    plane.objects.write(head)
    return 202, operation


def _imported(plane: Plane, name: str) -> Answer:
    _names_free(plane, name)
    key, chain, content_type = x509.bundle(plane.body.get("value"), plane.body.get("pwd"))
    asked = dict(plane.body.get("policy") or {})
    asked["secret_props"] = asked.get("secret_props") or {"contentType": content_type}
    asked["key_props"] = {**(asked.get("key_props") or {}), **x509.key_properties(key)}
    policy = x509.policy_of(asked | {"issuer": asked.get("issuer") or {"name": "Unknown"}}, chain[0])
    return 200, _shown(plane, _keep(plane, name, key, chain, policy))


def _keep(
    plane: Plane, name: str, key: PrivateKey, chain: Sequence[Certificate], policy: dict[str, Any]
) -> Version:
    """Keep a certificate with its key and secret, all or none."""
    version = new_version()
    attributes = plane.fresh(plane.body.get("attributes"))
    attributes |= {"nbf": x509.begins(chain[0]), "exp": x509.ends(chain[0])}
    tags = plane.tags() or {}
    common = {"attributes": attributes, "tags": tags}
    content_type = policy["secret_props"]["contentType"]
    der = x509.der(chain[0])
    shown = {**common, "x5t": encoded(x509.thumbprint(chain[0])), "policy": policy}
    certificate = Version(plane.vault, CERTIFICATES, name, version, shown, der)
    ops = keys.operations(policy["key_props"]["kty"])
    made_key = keys.version_of(plane, name, key, {**common, "key_ops": ops, "managed": True}, version)
    exportable = policy["key_props"]["exportable"]
    value = x509.secret_value(key if exportable else None, chain, content_type)
    data = {**common, "contentType": content_type, "managed": True}
    secret = Version(plane.vault, SECRETS, name, version, data, value.encode("ascii"))
    head = plane.objects.head(plane.vault, CERTIFICATES, name) or Head(plane.vault, CERTIFICATES, name)
    head.data["policy"] = policy
    plane.objects.add(certificate, made_key, secret, heads=[head])
    return certificate


def _names_free(plane: Plane, name: str) -> None:
    """Raise VaultFault when a key or a secret of the name is somebody's own, or is deleted."""
    for kind in _ALL:
        plane.free(kind, name)
    for kind in (KEYS, SECRETS):
        found = plane.objects.version(plane.vault, kind, name)
        if found is not None and not found.data.get("managed"):
            what = f"There is a {kind[:-1]} of the name {name} that belongs to no certificate."
            raise faults.VaultFault(409, "Conflict", what)


def _policy(plane: Plane, name: str) -> Answer:
    plane.latest(CERTIFICATES, name)
    head = plane.objects.head(plane.vault, CERTIFICATES, name)
    assert head is not None, "latest() has found it"
    if plane.method == "PATCH":
        head.data["policy"] = x509.policy_of(head.data["policy"] | plane.body)
        plane.objects.write(head)
    return 200, {"id": f"{plane.base}/certificates/{name}/policy", **head.data["policy"]}


def _pending(plane: Plane, name: str) -> Answer:
    plane.latest(CERTIFICATES, name)
    head = plane.objects.head(plane.vault, CERTIFICATES, name)
    operation = head.data.get("operation") if head else None
    if head is None or not operation:
        what = f"Pending certificate not found: {name}"
        raise faults.VaultFault(404, "PendingCertificateNotFound", what)
    found = {
        **operation,
        "id": f"{plane.base}/certificates/{name}/pending",
        "target": f"{plane.base}{operation['target']}",
    }
    if plane.method == "DELETE":
        del head.data["operation"]
        plane.objects.write(head)
    return 200, found


def _operation(plane: Plane, name: str, status: str, csr: bytes) -> dict[str, Any]:
    return {
        "id": f"{plane.base}/certificates/{name}/pending",
        "issuer": {"name": "Self"},
        "csr": x509.base64_of(csr),
        "cancellation_requested": False,
        "status": status,
        "request_id": new_version(),
    }


def _updated(plane: Plane, name: str, version: str = "") -> Version:
    found = plane.latest(CERTIFICATES, name, version)
    asked = plane.body.get("attributes") or {}
    found.data["attributes"] = plane.fresh({"enabled": asked.get("enabled")}, found.data["attributes"])
    tags = plane.tags()
    if tags is not None:
        found.data["tags"] = tags
    plane.objects.change(found)
    return found


def _properties(plane: Plane, version: Version, *, versioned: bool) -> dict[str, Any]:
    address = f"{plane.base}/certificates/{version.name}"
    return {
        "id": f"{address}/{version.version}" if versioned else address,
        "x5t": version.data["x5t"],
        "attributes": plane.attributes(version.data),
        "tags": version.data["tags"],
        "subject": version.data["policy"]["x509_props"]["subject"],
    }


def _shown(plane: Plane, version: Version) -> dict[str, Any]:
    where = f"{version.name}/{version.version}"
    return _properties(plane, version, versioned=True) | {
        "kid": f"{plane.base}/keys/{where}",
        "sid": f"{plane.base}/secrets/{where}",
        "cer": x509.base64_of(version.material),
        "policy": {"id": f"{plane.base}/certificates/{version.name}/policy", **version.data["policy"]},
        "contentType": version.data["policy"]["secret_props"]["contentType"],
    }


def _item(plane: Plane, head: Head) -> dict[str, Any]:
    return _properties(plane, plane.newest(CERTIFICATES, head), versioned=False)


def _deleted(plane: Plane, head: Head) -> dict[str, Any]:
    return _shown(plane, plane.newest(CERTIFICATES, head)) | plane.deletion(CERTIFICATES, head)


def _right(word: str) -> Right:
    return Right(word, f"certificates/{word}/action")
