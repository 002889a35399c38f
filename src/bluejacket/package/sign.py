"""Signing packages and files. Same bytes, key and time: same signature."""

from __future__ import annotations

from pathlib import Path

import pysequoia
import rpm_rs

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.package.keys import Signer


def sign_package(rpm: Path, signer: Signer, when: int, into: Path) -> Path:
    """Write a signed copy of `rpm` into the folder `into` (which may be the package's own).

    The signature covers the header, which holds the digest of the payload (rpm-format(7)). Raises
    OutsideError for a file that is no RPM.
    """
    try:
        package = rpm_rs.Package.open(str(rpm))
        package.clear_signatures()
        package.apply_signature(signer.sign(package.header_bytes(), when))
        data = package.to_bytes()
    except RuntimeError as error:
        raise OutsideError(Fault(f"cannot be signed: {error}", "", Place(rpm))) from error
    signed = into / rpm.name
    part = into / f".part-{rpm.name}"
    part.write_bytes(data)
    part.chmod(0o644)  # whatever the umask
    part.rename(signed)
    return signed


def sign_detached(data: bytes, signer: Signer, when: int) -> str:
    """Give an armoured detached signature, such as repomd.xml.asc, by all keys that sign at the time."""
    return pysequoia.armor(signer.signatures(data, when), pysequoia.ArmorKind.Signature)


def built_at(rpm: Path) -> int:
    """Give the build time of a package, in seconds since 1970."""
    return int(rpm_rs.PackageMetadata.open(str(rpm)).build_time)


def package_verifier(certificates: str) -> rpm_rs.Verifier:
    """Give what verifies packages signed by any of the armoured certificates."""
    found = [
        pysequoia.armor(bytes(cert), pysequoia.ArmorKind.PublicKey).encode("ascii")
        for cert in pysequoia.Cert.split_bytes(certificates.encode("ascii"))
    ]
    verifier = rpm_rs.Verifier(found[0])
    for more in found[1:]:
        verifier.load_from_asc_bytes(more)
    return verifier
