"""Making and reading X.509 certificates as a vault's policy describes them (RFC 5280)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import Certificate
from cryptography.x509.oid import ObjectIdentifier

from bluejacket.cloud.vault import algorithms, faults
from bluejacket.cloud.vault.algorithms import PrivateKey

PKCS12, PEM = "application/x-pkcs12", "application/x-pem-file"
_USAGES = (
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
    "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly",
)  # fmt: skip
_NAMES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
_SERVER, _CLIENT = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"
_MOST_MONTHS = 1200


def policy_of(asked: Any, certificate: Certificate | None = None) -> dict[str, Any]:
    """Give a whole policy from what a request has of it; raises VaultFault."""
    asked = asked if isinstance(asked, dict) else {}
    key = dict(asked.get("key_props") or {})
    kty = str(key.get("kty") or "RSA").removesuffix("-HSM")
    found_key = {
        "exportable": key.get("exportable") is not False,
        "kty": kty,
        "reuse_key": bool(key.get("reuse_key")),
    }
    if kty == "RSA":
        found_key["key_size"] = key.get("key_size") or 2048
    else:
        found_key |= {"crv": key.get("crv") or "P-256"}
    content_type = (asked.get("secret_props") or {}).get("contentType") or PKCS12
    if content_type not in (PKCS12, PEM):
        raise faults.bad(f"The content type '{content_type}' is not supported: it is {PKCS12} or {PEM}.")
    properties = dict(asked.get("x509_props") or {})
    subject = str(properties.get("subject") or (certificate.subject.rfc4514_string() if certificate else ""))
    sans = {name: list(values) for name, values in (properties.get("sans") or {}).items() if values}
    if not subject and not sans:
        raise faults.bad("The policy has neither a subject nor subject alternative names.")
    months = properties.get("validity_months") or 12
    if not isinstance(months, int) or not 1 <= months <= _MOST_MONTHS:
        raise faults.bad(f"The validity is from 1 to {_MOST_MONTHS} months.")
    default_usage = ["digitalSignature", "keyEncipherment"] if kty == "RSA" else ["digitalSignature"]
    return {
        "key_props": found_key,
        "secret_props": {"contentType": content_type},
        "x509_props": {
            "subject": subject,
            "sans": sans,
            "ekus": list(properties.get("ekus") or [_SERVER, _CLIENT]),
            "key_usage": list(properties.get("key_usage") or default_usage),
            "validity_months": months,
            "basic_constraints": {"ca": False},
        },
        "lifetime_actions": asked.get("lifetime_actions")
        or [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "AutoRenew"}}],
        "issuer": {"name": str((asked.get("issuer") or {}).get("name") or "Self")},
        "attributes": {"enabled": True},
    }


def self_signed(key: PrivateKey, policy: dict[str, Any], now: float) -> Certificate:
    """Make a certificate that its own key signs; raises VaultFault for a name that cannot be."""
    asked = policy["x509_props"]
    name = _name(asked["subject"])
    begin = datetime.fromtimestamp(int(now), UTC) - timedelta(minutes=10)  # clocks of clients differ
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(_months_after(begin, asked["validity_months"]))
    )
    for extension, critical in _extensions(key, asked):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256())


def request(key: PrivateKey, policy: dict[str, Any]) -> bytes:
    """Give the certificate signing request (RFC 2986), DER."""
    builder = x509.CertificateSigningRequestBuilder(_name(policy["x509_props"]["subject"]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def bundle(value: Any, password: Any) -> tuple[PrivateKey, list[Certificate], str]:
    """Read key, certificates (its own first) and content type: PEM, or PKCS #12 in base64.

    Raises VaultFault.
    """
    secret = str(password).encode() if password else None
    try:
        text = str(value or "")
        if "-----BEGIN" in text:
            data = text.encode("ascii")
            key: Any = serialization.load_pem_private_key(data, secret)
            chain = x509.load_pem_x509_certificates(data)
            content_type = PEM
        else:
            found = pkcs12.load_pkcs12(base64.b64decode(text), secret)
            key = found.key
            chain = [
                one.certificate for one in ([found.cert] if found.cert else []) + list(found.additional_certs)
            ]
            content_type = PKCS12
    except (ValueError, TypeError, binascii.Error):
        what = "The specified PEM or PKCS #12 content cannot be read, or its password is wrong."
        raise faults.bad(what) from None
    own = [one for one in chain if key is not None and one.public_key() == key.public_key()]
    if not own or not hasattr(key, "private_bytes"):
        raise faults.bad("The content has no private key with the certificate that belongs to it.")
    read = algorithms.from_jwk(_private_jwk(key))
    return read, own[:1] + [one for one in chain if one not in own], content_type


def key_properties(key: PrivateKey) -> dict[str, Any]:
    """Give what a policy says of a key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return {"kty": "RSA", "key_size": key.key_size}
    return {"kty": "EC", "crv": algorithms.curve_of(key)}


def secret_value(key: PrivateKey | None, chain: Sequence[Certificate], content_type: str) -> str:
    """Give what the secret of a certificate holds; without the key if it may not be exported."""
    if content_type == PEM:
        private = b""
        if key is not None:
            private = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        return (private + b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)).decode()
    packed = pkcs12.serialize_key_and_certificates(
        None, key, chain[0], list(chain[1:]), serialization.NoEncryption()
    )
    return base64.b64encode(packed).decode()


def der(certificate: Certificate) -> bytes:
    """Give a certificate as DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def base64_of(data: bytes) -> str:
    """Write base64 (RFC 4648, section 4)."""
    return base64.b64encode(data).decode()


def thumbprint(certificate: Certificate) -> bytes:
    """Give the SHA-1 by which Windows and Azure name certificates (RFC 7517, x5t)."""
    return certificate.fingerprint(hashes.SHA1())  # noqa: S303


def begins(certificate: Certificate) -> int:
    """Give when it begins to be valid, in seconds since 1970."""
    return int(certificate.not_valid_before_utc.timestamp())


def ends(certificate: Certificate) -> int:
    """Give when it ceases to be valid, in seconds since 1970."""
    return int(certificate.not_valid_after_utc.timestamp())


def _extensions(key: PrivateKey, asked: dict[str, Any]) -> list[tuple[x509.ExtensionType, bool]]:
    usage = {word.lower() for word in asked["key_usage"]}
    flags = {name: word.lower() in usage for word, name in zip(_USAGES, _NAMES, strict=True)}
    if not flags["key_agreement"]:
        flags |= {"encipher_only": False, "decipher_only": False}
    sans = asked["sans"]
    names: list[x509.GeneralName] = [x509.DNSName(one) for one in sans.get("dns_names", ())]
    names += [x509.RFC822Name(one) for one in sans.get("emails", ())]
    try:
        purposes = [ObjectIdentifier(one) for one in asked["ekus"]]
    except ValueError:
        raise faults.bad("An extended key usage is no object identifier.") from None
    found: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.KeyUsage(**flags), True),
        (x509.ExtendedKeyUsage(purposes), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ]
    return [*found, (x509.SubjectAlternativeName(names), False)] if names else found


def _name(text: str) -> x509.Name:
    try:
        return x509.Name.from_rfc4514_string(text.replace(", ", ",")) if text else x509.Name([])
    except ValueError:
        raise faults.bad(
            f"The subject '{text}' is not a distinguished name, such as CN=example.com."
        ) from None


def _months_after(begin: datetime, months: int) -> datetime:
    year, month = divmod(begin.month - 1 + months, 12)
    for day in range(begin.day, 0, -1):  # the last day of a shorter month
        try:
            return begin.replace(year=begin.year + year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has a first day")


def _private_jwk(key: Any) -> dict[str, Any]:
    """Give a key as a private JSON web key, so that one place judges its kind and size."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        found = {
            "n": numbers.public_numbers.n,
            "e": numbers.public_numbers.e,
            "d": numbers.d,
            "p": numbers.p,
            "q": numbers.q,
        }
        return {"kty": "RSA", **{name: algorithms.encoded_number(value) for name, value in found.items()}}
    try:
        jwk = algorithms.public_jwk(key)
    except (AttributeError, StopIteration):
        raise faults.bad("The key is of a kind that this vault does not support.") from None
    return {**jwk, "d": algorithms.encoded_number(key.private_numbers().private_value)}
