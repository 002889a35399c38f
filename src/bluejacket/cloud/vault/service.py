"""The vaults of a cloud: who they are, and their data plane."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from bluejacket.cloud.access.roles import Roles
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller, Resources
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.tokens import Tokens
from bluejacket.cloud.vault import certificates, faults, keys, secrets
from bluejacket.cloud.vault.hosts import HostNames
from bluejacket.cloud.vault.objects import Objects
from bluejacket.cloud.vault.plane import Answer, Plane

VAULTS = "Microsoft.KeyVault/vaults"
SUFFIX = "vault.localhost"
SUFFIXES = (SUFFIX, "vault.azure.net")
"""Domains below which a host name means a vault: ours, and Azure's own for machines of the cloud."""
_AUDIENCES = ("https://vault.azure.net", "cfa8b339-82a2-471a-a3c9-0fc0be7a4093")
_PARTS: Mapping[str, Callable[[Plane], Answer]] = {
    "secrets": secrets.answer,
    "deletedsecrets": secrets.answer_deleted,
    "keys": keys.answer,
    "deletedkeys": keys.answer_deleted,
    "certificates": certificates.answer,
    "deletedcertificates": certificates.answer_deleted,
}
_STORED = ("rotationpolicy", "lifetime_actions")


@dataclass(frozen=True, slots=True)
class Response:
    """What the data plane answers: `body` is JSON, or nothing."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class KeyVaults:
    """Finds vaults by name and answers for them. One for the whole cloud."""

    resources: Resources
    objects: Objects
    roles: Roles
    tokens: Tokens
    names: HostNames
    now: Callable[[], float] = time.time
    _ids: dict[str, ResourceId] = field(default_factory=dict)

    def uri(self, name: str) -> str:
        """Give the address of a vault for programs of this host."""
        port = urlsplit(self.tokens.base).port or 443
        return f"https://{host_of(name)}:{port}/" if port != 443 else f"https://{host_of(name)}/"

    def find(self, name: str) -> Resource | None:
        """Give the record of the vault of a name, which is unique in the cloud, or None."""
        name = name.lower()
        known = self._ids.get(name)
        found = self.resources.get(known) if known else None
        if found is None:
            for one in self.resources.list(type_name=VAULTS):
                self._ids[one.id.name.lower()] = one.id
                found = one if one.id.name.lower() == name else found
        return found if found is not None and "instance" in found.hidden else None

    def answer(
        self,
        host: str,
        method: str,
        path: str,
        query: Mapping[str, str],
        authorization: str,
        body: bytes,
    ) -> Response:
        """Answer a request to `https://HOST/PATH`; keys of `query` are in lower case."""
        name, _, suffix = host.partition(".")
        headers = {
            "content-type": "application/json; charset=utf-8",
            "cache-control": "no-cache",
            "x-ms-request-id": str(uuid4()),
            "x-ms-keyvault-service-version": "1.9.0.0",
        }
        try:
            record = self.find(name)
            if record is None:
                what = f"The vault '{name}' was not found."
                raise faults.VaultFault(404, "VaultNotFound", what)
            headers["x-ms-keyvault-region"] = record.location
            caller = self._caller(authorization, suffix)
            words = tuple(word for word in path.split("/") if word)
            plane = self.plane(record, caller, f"https://{host}", method, words, query, _document(body))
            part = _PARTS.get(words[0].lower()) if words else None
            if part is None:
                what = f"The resource '{'/'.join(words)}' is not offered by this vault."
                raise faults.VaultFault(404, "NotFound", what)
            status, found = part(plane)
            return Response(status, headers, b"" if status == 204 else json.dumps(found).encode())
        except CloudError as error:
            if error.status == 401:
                resource = (
                    f'authorization="{self.tokens.base}/{self.tokens.tenant}", resource="https://{suffix}"'
                )
                headers["www-authenticate"] = f"Bearer {resource}"
            return Response(error.status, headers, json.dumps({"error": error.body()}).encode())

    def plane(
        self,
        record: Resource,
        caller: Caller,
        base: str,
        method: str,
        words: tuple[str, ...],
        query: Mapping[str, str],
        body: dict[str, Any],
    ) -> Plane:
        """Give one request, ready for the modules that answer it."""
        return Plane(
            record,
            self.objects,
            self.roles,
            caller,
            base,
            method,
            words,
            query,
            body,
            self.tokens.issuer,
            self.now,
        )

    def _caller(self, authorization: str, suffix: str) -> Caller:
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise faults.unauthorized("AKV10000: Request is missing a Bearer or PoP token.")
        domain = suffix.partition(":")[0]
        audiences = (f"https://{suffix}", f"https://{domain}", f"https://{SUFFIX}", *_AUDIENCES)
        port = urlsplit(self.tokens.base).port
        try:
            return self.tokens.read(token.strip(), (*audiences, f"https://{SUFFIX}:{port}"))
        except CloudError as error:
            if error.code == "InvalidAuthenticationTokenAudience":
                told = f"AKV10022: Invalid audience. Expected https://{suffix}."
                raise faults.unauthorized(told) from None
            raise faults.unauthorized(f"AKV10032: Invalid token. {error.message}") from None


def host_of(name: str) -> str:
    """Give the host name of a vault."""
    return f"{name.lower()}.{SUFFIX}"


def is_vault_host(host: str) -> bool:
    """Tell whether a `Host` header means a vault."""
    name, _, rest = host.lower().partition(":")[0].partition(".")
    return bool(name) and rest in SUFFIXES


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body) if body.strip() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise faults.bad("The request body is not valid JSON, or no object.")
    return found
