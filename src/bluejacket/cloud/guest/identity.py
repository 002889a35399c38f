"""/metadata/identity: tokens of a machine's managed identities, for that machine alone.

Source: Microsoft Learn, "How to use managed identities for Azure resources on an Azure VM to acquire an
access token", with its table of errors.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from time import time
from typing import Any

from bluejacket.cloud.guest.askers import Asker
from bluejacket.cloud.guest.http import Request, Response
from bluejacket.cloud.guest.seams import Identities, Principal, Tokens

_CHOICES = ("client_id", "object_id", "msi_res_id", "mi_res_id")
_LIFE_S = 24 * 3600
_NOT_KEPT = {"Cache-Control": "no-store"}
_MANY = (
    "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in "
    "the token request"
)


class IdentityService:
    """Answers what is asked below /metadata/identity."""

    def __init__(self, identities: Identities, tokens: Tokens, tenant: str) -> None:
        self._identities = identities
        self._tokens = tokens
        self._tenant = tenant

    def info(self) -> Response:
        """Say which tenant the machine's identities belong to."""
        return Response.json({"tenantId": self._tenant})

    def token(self, asker: Asker, request: Request) -> Response:
        """Give a token for `resource`, of the identity that the request names or of the only one."""
        audience = request.first("resource")
        if not audience:
            return _refused("invalid_request", "Required audience parameter not specified")
        given = {key: request.first(key) for key in _CHOICES if request.first(key)}
        if len(given) > 1:
            return _refused("invalid_request", f"Only one of {', '.join(given)} may be specified")
        host = self._identities.of_vm(asker.vm_id)
        users = list(host.users) if host else []
        system = host.system if host else None
        if given:
            ((key, value),) = given.items()
            chosen = _named([*([system] if system else []), *users], key, value)
        elif system is None and len(users) > 1:
            return _refused("invalid_request", _MANY)
        else:
            chosen = system or next(iter(users), None)
        if chosen is None:
            return _refused("invalid_request", "Identity not found")
        return self._issued(chosen, audience)

    def _issued(self, who: Principal, audience: str) -> Response:
        claims = {"lifetime_s": _LIFE_S, "xms_mirid": who.resource}
        token = self._tokens.issue(who.object_id, who.client_id, audience, **claims)
        ends = int(_claims(token)["exp"])
        left = str(max(ends - int(time()), 0))
        found = {
            "access_token": token,
            "client_id": who.client_id,
            "expires_in": left,
            "expires_on": str(ends),
            "ext_expires_in": left,
            "not_before": str(_claims(token).get("nbf", int(time()))),
            "resource": audience,
            "token_type": "Bearer",
        }
        return Response(200, json.dumps(found).encode(), "application/json; charset=utf-8", _NOT_KEPT)


def _named(everybody: Sequence[Principal], key: str, value: str) -> Principal | None:
    """Give the identity with a value; a machine's own goes by client_id and object_id only."""
    field = {"client_id": "client_id", "object_id": "object_id"}.get(key, "resource")
    return next((one for one in everybody if str(getattr(one, field)).lower() == value.lower()), None)


def _claims(token: str) -> dict[str, Any]:
    """Give what a token of our own says (RFC 7515, section 3): it needs no proof here."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _refused(error: str, description: str) -> Response:
    return Response.json({"error": error, "error_description": description}, 400)
