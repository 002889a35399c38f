"""OpenPGP keys made for a test."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from pysequoia import Cert, CipherSuite, Profile, SignatureMode, Tsk, sign


def key(name: str = "Test <test@example.org>", *, v6: bool = False) -> Tsk:
    profile = Profile.RFC9580 if v6 else Profile.RFC4880
    return Tsk.generate(name, profile=profile, cipher_suite=CipherSuite.Cv25519)


def detached(by: Tsk, data: bytes, *, armor: bool = True) -> bytes:
    return sign(by.signer(), data, mode=SignatureMode.DETACHED, armor=armor)


def clear(by: Tsk, data: bytes) -> bytes:
    return sign(by.signer(), data, mode=SignatureMode.CLEAR)


def revoked(owner: Tsk) -> Cert:
    cert = owner.extract_certificate()
    return Cert.from_bytes(bytes(cert) + bytes(cert.revoke(owner.certifier())))


def expired(owner: Tsk) -> Cert:
    """Give the certificate as it is once it has expired, a second from now."""
    end = datetime.now(UTC) + timedelta(seconds=1)
    cert = owner.extract_certificate().set_expiration(end, owner.certifier())
    while datetime.now(UTC) <= end:
        time.sleep(0.05)
    return cert
