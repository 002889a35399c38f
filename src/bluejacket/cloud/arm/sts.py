"""The token service, in the manner of Microsoft Entra ID and of AD FS; `signin` has its addresses.

Flows: client credentials with a secret or an assertion, password, device code, refresh. Source: Microsoft,
"OAuth 2.0 and OpenID Connect protocols", and RFC 6749, 7523 and 8628. Errors carry Entra's numbers.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.kind import Caller
from bluejacket.cloud.arm.tokens import LIFETIME_S, Tokens

DEVICE_LIFETIME_S = 900


class Clients(Protocol):
    """Knows applications by what they log in with; `cloud.access.principals.Principals` is the real one."""

    def check(self, client_id: str, secret: str) -> Caller | None:
        """Give the application that has this secret, or None."""

    def keys_of(self, client_id: str) -> list[tuple[rsa.RSAPublicKey, Caller]]:
        """Give the public keys of the application's certificates, each with who it is."""


class Denied(Exception):
    """A refusal of the token service (RFC 6749, section 5.2), with Entra's number."""

    def __init__(self, error: str, number: int, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.error, self.number, self.words, self.status = error, number, words, status


@dataclass(slots=True)
class _Device:
    """A device that waits for its person. `approved` is who he is, once he has said yes."""

    user_code: str
    scope: str
    client_id: str
    ends: float
    approved: Caller | None = None


@dataclass
class TokenService:
    """Answers the requests for tokens of one tenant."""

    account: Account
    tokens: Tokens
    clients: tuple[Clients, ...]
    clock: Callable[[], float] = time.time
    _devices: dict[str, _Device] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, form: Mapping[str, str], tenant: str) -> dict[str, Any]:
        """Give the tokens that a form asks for; raises Denied."""
        self.check_tenant(tenant)
        flow = form.get("grant_type", "")
        flows = {
            "client_credentials": self._client,
            "password": self._password,
            "refresh_token": self._refresh,
            "device_code": self._device,
            "urn:ietf:params:oauth:grant-type:device_code": self._device,
        }
        if flow not in flows:
            words = f"The app requested an unsupported grant type '{flow}'."
            raise Denied("unsupported_grant_type", 70003, words)
        return flows[flow](form)

    def begin_device(self, form: Mapping[str, str], tenant: str) -> dict[str, Any]:
        """Give a device its code (RFC 8628, section 3.2)."""
        self.check_tenant(tenant)
        code, user_code = secrets.token_urlsafe(32), secrets.token_hex(4).upper()
        device = _Device(
            user_code, _wanted(form), form.get("client_id", ""), self.clock() + DEVICE_LIFETIME_S
        )
        with self._lock:
            gone = [key for key, one in self._devices.items() if one.ends < self.clock()]
            for key in gone:
                del self._devices[key]
            self._devices[code] = device
        page = f"{self.tokens.base}/devicelogin"
        way = f"use a web browser to open the page {page} and enter the code {user_code} to authenticate."
        return {
            "user_code": user_code,
            "device_code": code,
            "verification_uri": page,
            "verification_url": page,
            "expires_in": DEVICE_LIFETIME_S,
            "interval": 1,
            "message": f"To sign in, {way}",
        }

    def approve(self, user_code: str, name: str, password: str) -> bool:
        """Let the device of a code in, as the person whose password this is. False for a wrong one."""
        person = self.account.check_user(name, password)
        with self._lock:
            for device in self._devices.values():
                if person and device.user_code == user_code.strip().upper() and device.ends > self.clock():
                    device.approved = person
                    return True
        return False

    def _client(self, form: Mapping[str, str]) -> dict[str, Any]:
        client_id = form.get("client_id", "")
        caller = self._by_assertion(form) if form.get("client_assertion") else self._by_secret(form)
        return self._token(caller, client_id, _audience(_wanted(form)))

    def _by_secret(self, form: Mapping[str, str]) -> Caller:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if not secret:
            words = "The request body must contain the following parameter: 'client_assertion' or"
            raise Denied("invalid_client", 7000218, f"{words} 'client_secret'.", 401)
        checks = (self.account.check, *(clients.check for clients in self.clients))
        for check in checks:
            if caller := check(client_id, secret):
                return caller
        words = "Invalid client secret provided. Ensure the secret being sent in the request is the client"
        words += f" secret value, not the client secret ID, for a secret added to app '{client_id}'."
        raise Denied("invalid_client", 7000215, words, 401)

    def _by_assertion(self, form: Mapping[str, str]) -> Caller:
        """Take an assertion (RFC 7523, section 2.2) that the application signed with its certificate's key.

        One that the owner had of this very service counts as well: that is a federated credential.
        """
        client_id, known = form.get("client_id", "").lower(), list[tuple[rsa.RSAPublicKey, Caller]]()
        if client_id == self.account.client_id:
            known.append((self.tokens.public_key, self.account.principal))
        for clients in self.clients:
            known += clients.keys_of(client_id)
        for key, caller in known:
            try:
                told = jwt.decode(
                    form["client_assertion"],
                    key,
                    algorithms=["RS256", "PS256"],
                    options={"require": ["aud", "exp", "sub"], "verify_aud": False},
                )
            except jwt.PyJWTError:
                continue
            # Clients name the address that they ask, by any of our names for it.
            here = str(told["aud"]).startswith(f"{self.tokens.base}/")
            if here and told["sub"].lower() in (client_id, caller.object_id):
                return caller
        words = "The certificate with identifier used to sign the client assertion is not registered on "
        words += "application, or the assertion is expired or for another service."
        raise Denied("invalid_client", 700027, words, 401)

    def _password(self, form: Mapping[str, str]) -> dict[str, Any]:
        person = self.account.check_user(form.get("username", ""), form.get("password", ""))
        if person is None:
            words = "Error validating credentials due to invalid username or password."
            raise Denied("invalid_grant", 50126, words)
        return self._person(person, form.get("client_id", ""), _wanted(form))

    def _refresh(self, form: Mapping[str, str]) -> dict[str, Any]:
        try:
            told = jwt.decode(
                form.get("refresh_token", ""),
                self.tokens.public_key,
                algorithms=["RS256"],
                audience="refresh",
            )
        except jwt.PyJWTError:
            words = "The refresh token is invalid or has expired."
            raise Denied("invalid_grant", 700082, words) from None
        if told.get("oid") != self.account.user_object_id:
            raise Denied("invalid_grant", 50034, "The user account does not exist.")
        return self._person(self.account.user, form.get("client_id", ""), _wanted(form))

    def _device(self, form: Mapping[str, str]) -> dict[str, Any]:
        code = form.get("device_code") or form.get("code", "")
        with self._lock:
            device = self._devices.get(code)
            if device is None or device.ends < self.clock():
                self._devices.pop(code, None)
                raise Denied("expired_token", 70020, "The provided value for 'device_code' is not valid.")
            if device.approved is None:
                words = "OAuth 2.0 device flow error. Authorization is pending. Continue polling."
                raise Denied("authorization_pending", 70016, words)
            del self._devices[code]
        return self._person(device.approved, device.client_id, device.scope)

    def _token(self, caller: Caller, client_id: str, audience: str) -> dict[str, Any]:
        token = self.tokens.issue(
            caller.object_id,
            caller.client_id or client_id,
            audience,
            owner=caller.owner,
            idtyp="app",
            app_displayname=caller.name,
        )
        return {
            "token_type": "Bearer",
            "expires_in": LIFETIME_S,
            "ext_expires_in": LIFETIME_S,
            "expires_on": str(int(self.clock()) + LIFETIME_S),
            "resource": audience,
            "access_token": token,
        }

    def _person(self, person: Caller, client_id: str, scope: str) -> dict[str, Any]:
        audience = _audience(scope)
        named: dict[str, Any] = {
            "upn": person.name,
            "unique_name": person.name,
            "preferred_username": person.name,
            "name": self.account.name,
        }

        def issue(to: str, **more: Any) -> str:
            return self.tokens.issue(person.object_id, client_id, to, owner=person.owner, **named, **more)

        about = {"uid": person.object_id, "utid": self.tokens.tenant}
        return {
            "token_type": "Bearer",
            "scope": scope,
            "expires_in": LIFETIME_S,
            "ext_expires_in": LIFETIME_S,
            "expires_on": str(int(self.clock()) + LIFETIME_S),
            "resource": audience,
            "access_token": issue(audience, idtyp="user", scp="user_impersonation"),
            "refresh_token": issue("refresh", lifetime_s=90 * 24 * 3600),
            "id_token": issue(client_id),
            "client_info": base64.urlsafe_b64encode(json.dumps(about).encode()).decode().rstrip("="),
        }

    def check_tenant(self, tenant: str) -> None:
        """Raise Denied for a tenant that is not ours."""
        if tenant.lower() not in {self.tokens.tenant, "organizations", "common", "consumers", "adfs"}:
            words = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID"
            raise Denied("invalid_request", 90002, f"{words} and are signing into the correct cloud.")


def _wanted(form: Mapping[str, str]) -> str:
    """Give the scope of a form; AD FS and version 1 call it `resource`."""
    return form.get("scope") or form.get("resource", "")


def _audience(scope: str) -> str:
    """Give the audience that a scope means: `https://localhost:8443//.default` is `https://localhost:8443/`."""
    for word in scope.split():
        if word.endswith("/.default"):
            return word[: -len("/.default")]
        if "://" in word:
            return word.removesuffix("/user_impersonation")
    return scope.strip()
