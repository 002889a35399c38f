"""The cloud's own certificate authority, which nobody trusts unless told to: `REQUESTS_CA_BUNDLE`.

Keys are ECDSA on P-256 (RFC 5480). Certificates have what strict verifiers ask for (RFC 5280, section 4.2).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bluejacket.store import locked, replace_text

HOSTS = ("localhost", "127.0.0.1", "::1", "*.vault.localhost", "vault.localhost")
"""What the control plane is called."""
_YEARS = 10
_DAYS = 397  # the most that clients take of a server's certificate
_EARLY = timedelta(days=1)  # for clocks that go slow, as a machine's may


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate, followed by its authority's, and its key; both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


class Authority:
    """Issues certificates. Its own is made when it is first needed, and kept in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def file(self) -> Path:
        """The file of the authority's own certificate, PEM; made now if it is not there."""
        assert self._pair is not None, "making it is what writes the file"
        return self._folder / "ca.pem"

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate, PEM."""
        return self._pair[0].public_bytes(serialization.Encoding.PEM)

    def issue(self, names: Sequence[str]) -> Issued:
        """Give a certificate for host names and addresses, the first being its common name."""
        authority, signing = self._pair
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        public = key.public_key()
        made = (
            x509.CertificateBuilder()
            .subject_name(_name(names[0]))
            .issuer_name(authority.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _EARLY)
            .not_valid_after(min(now + timedelta(days=_DAYS), authority.not_valid_after_utc))
            .add_extension(x509.SubjectAlternativeName([_called(name) for name in names]), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(_usage(sign=True), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
            .add_extension(_issuer(authority), False)
            .sign(signing, hashes.SHA256())
        )
        chain = made.public_bytes(serialization.Encoding.PEM) + self.certificate
        return Issued(chain, _spelled(key))

    @cached_property
    def _pair(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        files = self._folder / "ca.pem", self._folder / "ca-key.pem"
        with locked(self._folder / ".lock"):
            if not files[0].exists():  # it is written last
                made, key = _authority()
                replace_text(files[1], _spelled(key).decode(), mode=0o600)
                replace_text(files[0], made.public_bytes(serialization.Encoding.PEM).decode())
        loaded = serialization.load_pem_private_key(files[1].read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey), f"{files[1]} is an EC key"
        return x509.load_pem_x509_certificate(files[0].read_bytes()), loaded


def _authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    now, name = datetime.now(UTC), _name("Bluejacket local cloud")
    public = key.public_key()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(_usage(sign=False), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        .sign(key, hashes.SHA256())
    )
    return made, key


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        key_cert_sign=not sign,
        crl_sign=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    found = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _called(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _spelled(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
