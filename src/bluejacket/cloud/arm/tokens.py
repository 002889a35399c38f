"""Access tokens: JSON Web Tokens (RFC 7519) signed with RS256 by the cloud's own key.

Errors are Azure's: code and sentence are those that Resource Manager answers with.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.kind import Caller
from bluejacket.store import locked, replace_text

LIFETIME_S = 8 * 3600
MANAGED_LIFETIME_S = 24 * 3600


class Tokens:
    """Issues and reads the tokens of a tenant. `base` is the cloud's address, without a slash at the end."""

    def __init__(self, key: Path, tenant: str, base: str, clock: Callable[[], float] = time.time) -> None:
        self._file = key
        self.tenant = tenant
        self.base = base
        self._clock = clock

    @property
    def issuer(self) -> str:
        """Who the tokens say has made them."""
        return f"{self.base}/{self.tenant}/"

    def issue(
        self,
        object_id: str,
        client_id: str,
        audience: str,
        *,
        lifetime_s: int = LIFETIME_S,
        owner: bool = False,
        **claims: Any,
    ) -> str:
        """Give a token for `audience` (a URL). `owner` is that of `Caller`; more claims as they are named."""
        begins = int(self._clock())
        told = {
            "aud": audience,
            "iss": self.issuer,
            "iat": begins,
            "nbf": begins,
            "exp": begins + lifetime_s,
            "appid": client_id,
            "oid": object_id,
            "sub": object_id,
            "tid": self.tenant,
            "uti": uuid4().hex,
            "ver": "1.0",
        }
        if owner:
            told["wids"] = [_OWNER]
        return jwt.encode(told | claims, self._key, algorithm="RS256", headers={"kid": self.kid})

    def read(self, token: str, audiences: Collection[str]) -> Caller:
        """Give the caller whose token this is; `audiences` are compared without a slash at the end.

        Raises CloudError 401.
        """
        found = self._claims(token)
        if str(found.get("tid", "")) != self.tenant or found.get("iss") != self.issuer:
            what = f"The access token is from the wrong issuer. It must match the tenant '{self.tenant}'"
            raise _refused("InvalidAuthenticationTokenTenant", f"{what} associated with this subscription.")
        audience = str(found.get("aud", ""))
        if audience.rstrip("/") not in {one.rstrip("/") for one in audiences}:
            raise _refused(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{audience}'. It should "
                f"exactly match with one of the allowed audiences {', '.join(f'{a!r}' for a in audiences)}.",
            )
        name = str(found.get("upn") or found.get("app_displayname") or "")
        return Caller(str(found["oid"]), str(found.get("appid", "")), name, _OWNER in found.get("wids", ()))

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """The key that our tokens are checked with."""
        return self._key.public_key()

    def public_keys(self) -> dict[str, Any]:
        """Give the key set that others check our tokens with (RFC 7517)."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{"use": "sig", "kid": self.kid, "alg": "RS256", **key}]}

    @cached_property
    def kid(self) -> str:
        """The key's id: a digest of its public half."""
        spelled = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(spelled).hexdigest()[:40]

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                options={
                    "require": ["exp", "aud", "iss", "oid"],
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            ends, begins = int(found["exp"]), int(found.get("nbf", 0))
        except (jwt.PyJWTError, ValueError, TypeError):
            raise _refused("InvalidAuthenticationToken", "The access token is invalid.") from None
        if ends <= self._clock():
            what = f"The access token expiry UTC time '{_utc(ends)}' is earlier than current UTC time"
            raise _refused("ExpiredAuthenticationToken", f"{what} '{_utc(self._clock())}'.")
        if begins > self._clock() + 300:
            raise _refused("InvalidAuthenticationToken", "The access token is not yet valid.")
        return found

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        with locked(self._file.with_name(f".{self._file.name}.lock")):
            if not self._file.exists():
                made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
                spelled = made.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
                replace_text(self._file, spelled.decode(), mode=0o600)
        # It is our own, and to check it as a stranger's takes longer than all the rest of a start.
        text = self._file.read_bytes()
        key = serialization.load_pem_private_key(text, None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, rsa.RSAPrivateKey), f"{self._file} is an RSA key"
        return key


_OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"  # the id of the built-in role Owner


def _refused(code: str, message: str) -> CloudError:
    return CloudError(401, code, message)


def _utc(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%m/%d/%Y %I:%M:%S %p}"
