"""What applications and service principals log in with: secrets, kept as digests, and certificates.

Both belong to the application's record, with a note of which of the two objects they were given to; either
logs in as the service principal. Source: Microsoft Graph, "passwordCredential" and "keyCredential".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from bluejacket.cloud.arm.account import new_secret
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Resources
from bluejacket.cloud.arm.resource import Resource

LIFETIME_S = 365 * 86400
_SCRYPT = {"n": 1 << 12, "r": 8, "p": 1}  # 4 MiB and a few milliseconds
_NOBODY: Mapping[str, Any] = {"salt": "00" * 16, "digest": "", "begins": 0.0, "ends": 0.0}
"""What no secret fits: an unknown client takes as long as a wrong secret."""
_SKEW_S = 300  # by which a client's clock may go before ours
_KEY_FIELDS = ("keyId", "displayName", "type", "usage", "startDateTime", "endDateTime", "customKeyIdentifier")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Those of all applications; `id_of` gives a record's id by the application's client id."""

    resources: Resources
    id_of: Callable[[str], ResourceId]
    clock: Callable[[], float] = time.time

    def fits(self, client_id: str, secret: str) -> bool:
        """Tell whether a secret is good now. Each try costs a few milliseconds, for unknown ones too."""
        found = self.resources.get(self.id_of(client_id)) if client_id else None
        rows = (found.hidden.get("secrets") if found else None) or [_NOBODY]
        fits = [
            hmac.compare_digest(_digest(secret, row["salt"]), row["digest"])
            and row["begins"] - _SKEW_S <= self.clock() < row["ends"]
            for row in rows
        ]
        return any(fits)

    def keys(self, client_id: str) -> list[rsa.RSAPublicKey]:
        """Give the public keys of an application's certificates that are good now."""
        found = self.resources.get(self.id_of(client_id)) if client_id else None
        keys = []
        for row in found.hidden.get("certificates", []) if found else []:
            begins, ends = _seconds(row["startDateTime"]), _seconds(row["endDateTime"])
            key = _certificate(row["key"]).public_key()
            if isinstance(key, rsa.RSAPublicKey) and begins - _SKEW_S <= self.clock() < ends:
                keys.append(key)
        return keys

    def shown(self, client_id: str, of: str) -> dict[str, Any]:
        """Give what Graph shows of them; `of` is `applications` or `servicePrincipals`."""
        found = self.resources.get(self.id_of(client_id)) if client_id else None
        hidden = found.hidden if found else {}
        return {
            "passwordCredentials": [
                _shown_secret(row) for row in hidden.get("secrets", []) if row["of"] == of
            ],
            "keyCredentials": [
                {key: row[key] for key in _KEY_FIELDS} | {"key": None}
                for row in hidden.get("certificates", [])
                if row["of"] == of
            ],
        }

    def add_secret(self, client_id: str, of: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Draw one more secret; gives its document, the only one with the secret in it.

        `wanted` is a passwordCredential without a secret. Raises CloudError 404 and 400.
        """
        secret = new_secret(30)
        row = self._secret_row(secret, of, wanted)
        self.resources.change(
            self.id_of(client_id), lambda record: record.hidden.setdefault("secrets", []).append(row)
        )
        return _shown_secret(row) | {"secretText": secret}

    def remove_secret(self, client_id: str, of: str, key: str) -> None:
        """Forget a secret by its id. Raises CloudError 404, and 400 for an id that none has."""

        def edit(record: Resource) -> None:
            rows = record.hidden.get("secrets", [])
            kept = [row for row in rows if (row["of"], row["id"]) != (of, key.lower())]
            if len(kept) == len(rows):
                raise _refused(f"No password credential found with keyId '{key}'.")
            record.hidden["secrets"] = kept

        self.resources.change(self.id_of(client_id), edit)

    def replace_certificates(self, client_id: str, of: str, wanted: Sequence[Mapping[str, Any]]) -> None:
        """Have these certificates and no others; one without a key is one that is there, by its id.

        Raises CloudError 404, and 400 for what is no certificate or would outlive its own.
        """

        def edit(record: Resource) -> None:
            rows = record.hidden.get("certificates", [])
            mine = {row["keyId"]: row for row in rows if row["of"] == of}
            new = [self._certificate_row(one, of, mine) for one in wanted]
            record.hidden["certificates"] = [row for row in rows if row["of"] != of] + new

        self.resources.change(self.id_of(client_id), edit)

    def _secret_row(self, secret: str, of: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        now, salt = float(int(self.clock())), secrets.token_hex(16)
        begins, ends = wanted.get("startDateTime"), wanted.get("endDateTime")
        first = _seconds(begins) if begins else now
        return {
            "id": str(uuid4()),
            "of": of,
            "name": wanted.get("displayName"),
            "hint": secret[:3],
            "begins": first,
            "ends": _seconds(ends) if ends else first + LIFETIME_S,
            "salt": salt,
            "digest": _digest(secret, salt),
        }

    def _certificate_row(
        self, wanted: Mapping[str, Any], of: str, known: Mapping[str, dict[str, Any]]
    ) -> dict[str, Any]:
        key_id = str(wanted.get("keyId") or uuid4()).lower()
        if not wanted.get("key"):
            if key_id in known:
                return known[key_id]
            raise _refused("Key credential is missing its key.")
        certificate = _certificate(str(wanted["key"]))
        if not isinstance(certificate.public_key(), rsa.RSAPublicKey):
            raise _refused("Key credential wants the certificate of an RSA key.")
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        row = {
            "keyId": key_id,
            "of": of,
            "displayName": wanted.get("displayName") or certificate.subject.rfc4514_string(),
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
            "startDateTime": wanted.get("startDateTime") or _zulu(begins.timestamp()),
            "endDateTime": wanted.get("endDateTime") or _zulu(ends.timestamp()),
            "customKeyIdentifier": certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303
            "key": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
        }
        if _seconds(row["endDateTime"]) > ends.timestamp():
            raise CloudError(400, "KeyCredentialsInvalidEndDate", "Key credential end date is invalid.")
        if _seconds(row["startDateTime"]) < begins.timestamp():
            raise CloudError(400, "KeyCredentialsInvalidStartDate", "Key credential start date is invalid.")
        return row


def _shown_secret(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "keyId": row["id"],
        "displayName": row["name"],
        "hint": row["hint"],
        "startDateTime": _zulu(row["begins"]),
        "endDateTime": _zulu(row["ends"]),
        "customKeyIdentifier": None,
        "secretText": None,
    }


def _certificate(text: str) -> x509.Certificate:
    """Read a certificate in base64, of DER or of PEM. Raises CloudError 400."""
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
        if raw.startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(raw)
        return x509.load_der_x509_certificate(raw)
    except ValueError:
        raise _refused("Key credential has a key that is no certificate in base64.") from None


def _seconds(text: object) -> float:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise _refused(f"'{text}' is no date and time.") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _zulu(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _refused(words: str) -> CloudError:
    return CloudError(400, "Request_BadRequest", words)


def _digest(secret: str, salt: str) -> str:
    return hashlib.scrypt(secret.encode("utf-8"), salt=bytes.fromhex(salt), **_SCRYPT).hex()
