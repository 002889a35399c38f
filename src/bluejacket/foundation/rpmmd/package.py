"""An RPM's own signature and digests, judged over the bytes on the disk.

The signature covers the main header (V4: tags 268 RSA and 267 DSA; V6: tag 278 OPENPGP, several),
and the header holds the digest of the payload. Nothing of the header is believed before a signature
over it was found good.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from bluejacket.errors import Fault
from bluejacket.foundation.openpgp import BadSignature, Keyring, verify_detached
from bluejacket.foundation.rpmmd.header import BadPackage, Header, read_headers

__all__ = ["BadPackage", "Signed", "verify_package"]

_CHUNK = 1 << 20
_OPENPGP, _RSA, _DSA = 278, 268, 267  # of the signature header
_NAME, _VERSION, _RELEASE, _EPOCH, _ARCH, _SOURCE = 1000, 1001, 1002, 1003, 1022, 1106
# PAYLOADSHA256, PAYLOADSHA512 and PAYLOADSHA3_256 of rpm 6; the first is in V4 as well.
_PAYLOAD_DIGESTS = ((5092, "sha256"), (5121, "sha512"), (5123, "sha3_256"))
_PAYLOAD_ALGORITHM = 5093  # V4: the number of the hash in RFC 9580 section 9.5; 8 is SHA-256


@dataclass(frozen=True, slots=True)
class Signed:
    """A verified package, the primary keys' fingerprints that signed it, and when the newest did."""

    nevra: str
    fingerprints: tuple[str, ...]
    when: datetime


def verify_package(file: Path, keyring: Keyring, name: str = "") -> Signed:
    """Verify one RPM against named keys.

    Raises BadPackage for a damaged one, BadSignature for one that nobody we trust has signed.
    """
    name = name or file.name
    with file.open("rb") as package:
        try:
            signatures, header = read_headers(package)
            found = _signatures(signatures)
        except BadPackage as error:
            raise BadPackage(Fault(f"{name} is no whole RPM: {error}")) from None
        if not found:
            raise BadSignature(Fault(f"{name} is not signed", f"expected: a key of {keyring}"))
        verified = verify_detached(header.raw, found, keyring, name)
        _check_payload(header, package, name)
    return Signed(_nevra(header), verified.fingerprints, verified.when)


def _signatures(header: Header) -> bytes:
    """rpm 6 ignores the tags of V4 where the new one is."""
    try:
        new = [base64.b64decode(text, validate=True) for text in header.strings(_OPENPGP)]
    except ValueError:  # binascii.Error is one, and so is what is not ASCII
        raise BadPackage("its signature is no base64") from None
    return b"".join(new) or header.binary(_RSA) + header.binary(_DSA)


def _check_payload(header: Header, package: BinaryIO, name: str) -> None:
    expected = {kind: values[0] for tag, kind in _PAYLOAD_DIGESTS if (values := header.strings(tag))}
    if header.number(_PAYLOAD_ALGORITHM) not in (None, 8):
        expected.pop("sha256", None)
    if not expected:
        raise BadPackage(Fault(f"{name} holds no digest of its payload, so its signature covers none of it"))
    seen = {kind: hashlib.new(kind) for kind in expected}
    while chunk := package.read(_CHUNK):
        for hasher in seen.values():
            hasher.update(chunk)
    for kind, hasher in seen.items():
        got = hasher.hexdigest()
        if got != expected[kind].lower():
            raise BadPackage(
                Fault(f"the payload of {name} has {kind} {got}, its header says {expected[kind]}")
            )


def _nevra(header: Header) -> str:
    name, version, release, arch = (
        "".join(header.strings(tag)[:1]) for tag in (_NAME, _VERSION, _RELEASE, _ARCH)
    )
    epoch = header.number(_EPOCH)
    # A source package's own architecture is its builder's.
    arch = "src" if header.number(_SOURCE) else arch
    return f"{name}-{f'{epoch}:' if epoch else ''}{version}-{release}.{arch}"
