"""An RPM's own signature and digests, judged over the bytes on the disk.

The signature covers the main header (V4: tags 268 RSA and 267 DSA; V6: tag 278 OPENPGP, several),
and the header holds the digest of the payload. rpm-rs finds the parts and the signatures; whether
a key is revoked or expired it does not judge, so the mathematics are pysequoia's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import rpm_rs

from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.openpgp import BadSignature, Keyring, verify_detached

_CHUNK = 1 << 20
_LARGEST_HEADER = 256 << 20  # bytes, rpm's own limit (lib/header.c, HEADER_DATA_MAX)
# RPMTAG_PAYLOADSHA256, PAYLOADSHA512 and PAYLOADSHA3_256 of rpm 6; the first is in V4 as well.
_PAYLOAD_DIGESTS = ((5092, "sha256"), (5121, "sha512"), (5123, "sha3_256"))
_PAYLOAD_ALGORITHM = 5093  # V4: the number of the hash in RFC 9580 section 9.5; 8 is SHA-256


class BadPackage(OutsideError):
    """A package that is damaged, or not the one that its index or its signature describes."""


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
    try:
        about = rpm_rs.PackageMetadata.open(str(file))
        offsets = about.package_segment_offsets()
        signatures = about.raw_signatures()
    except (RuntimeError, ValueError, OSError) as error:
        raise BadPackage(Fault(f"{name} is no whole RPM: {error}")) from None
    if not signatures:
        raise BadSignature(Fault(f"{name} is not signed", f"expected: a key of {keyring}"))
    with file.open("rb") as package:
        package.seek(offsets.header)
        length = offsets.payload - offsets.header
        if length > _LARGEST_HEADER:
            raise BadPackage(Fault(f"{name} has a header of {length} bytes"))
        header = package.read(length)
        verified = verify_detached(header, b"".join(signatures), keyring, name)
        _check_payload(about.header, package, name)
    return Signed(str(about.nevra()), verified.fingerprints, verified.when)


def _check_payload(header: rpm_rs.Header, package: BinaryIO, name: str) -> None:
    expected = {kind: digest for tag, kind in _PAYLOAD_DIGESTS if (digest := _text(header, tag))}
    if header.entry_is_present(_PAYLOAD_ALGORITHM) and _first(header.entry(_PAYLOAD_ALGORITHM)) != 8:
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


def _text(header: rpm_rs.Header, tag: int) -> str:
    return str(_first(header.entry(tag))) if header.entry_is_present(tag) else ""


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value
