"""Writing OpenPGP packets whose bytes depend on their input alone (RFC 9580).

The libraries at hand take the clock's time or add a salt. What we need is small: version 4 keys of
EdDSALegacy (algorithm 22), which rpm 4.20, rpm 6, GnuPG and Sequoia all verify, and their signatures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

EDDSA_LEGACY = 22  # section 9.1
SHA512 = 10  # section 9.5
SIGNATURE, SECRET_KEY, PUBLIC_KEY, USER_ID = 2, 5, 6, 13  # section 5
BINARY, POSITIVE = 0x00, 0x13  # section 5.2.1
_CURVE = bytes.fromhex("092b06010401da470f01")  # Ed25519Legacy with its length, section 9.2


class Key(NamedTuple):
    """A private key: its 32 octets and the time in seconds when it was made."""

    seed: bytes
    created: int

    @property
    def private(self) -> Ed25519PrivateKey:
        """The key as the library takes it."""
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def packet(tag: int, body: bytes) -> bytes:
    """Wrap a packet's body (section 4.2.1, the OpenPGP format, five-octet lengths above 191)."""
    size = bytes([len(body)]) if len(body) < 192 else b"\xff" + len(body).to_bytes(4, "big")
    return bytes([0xC0 | tag]) + size + body


def packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give tag and body of what `packet` wrote. Raises ValueError for anything else."""
    at = 0
    while at < len(data):
        if data[at] & 0xC0 != 0xC0 or at + 2 > len(data):
            raise ValueError("not a packet in the OpenPGP format")
        tag, size, at = data[at] & 0x3F, data[at + 1], at + 2
        if size == 255:
            size, at = int.from_bytes(data[at : at + 4], "big"), at + 4
        elif size >= 192:
            size, at = ((size - 192) << 8) + data[at] + 192, at + 1
        if at + size > len(data):
            raise ValueError("a packet is cut off")
        yield tag, data[at : at + size]
        at += size


def public_body(key: Key) -> bytes:
    """Give the body of a public key packet (sections 5.5.2.2 and 5.5.5.5)."""
    point = b"\x40" + key.private.public_key().public_bytes_raw()
    return b"\x04" + key.created.to_bytes(4, "big") + bytes([EDDSA_LEGACY]) + _CURVE + mpi(point)


def secret_body(key: Key) -> bytes:
    """Give the body of an unprotected secret key packet (section 5.5.3)."""
    secret = mpi(key.seed)
    return public_body(key) + b"\x00" + secret + (sum(secret) & 0xFFFF).to_bytes(2, "big")


def read_secret_body(body: bytes) -> Key:
    """Read what `secret_body` wrote. Raises ValueError for another kind of key."""
    head = 6 + len(_CURVE) + 2 + 33
    if len(body) < head + 5 or body[0] != 4 or body[5] != EDDSA_LEGACY or body[6 : 6 + len(_CURVE)] != _CURVE:
        raise ValueError("not a version 4 key on the curve Ed25519")
    if body[head] != 0:
        raise ValueError("protected by a passphrase")
    size = (int.from_bytes(body[head + 1 : head + 3], "big") + 7) // 8
    secret = body[head + 3 : head + 3 + size]
    key = Key(secret.rjust(32, b"\0")[-32:], int.from_bytes(body[1:5], "big"))
    if public_body(key) != body[:head]:
        raise ValueError("damaged: its secret half does not fit its public half")
    return key


def fingerprint(public: bytes) -> bytes:
    """Give the 20 octets of a version 4 fingerprint (section 5.5.4.2)."""
    return hashlib.sha1(_hashed_key(public), usedforsecurity=False).digest()


def self_signature(key: Key, user_id: bytes) -> bytes:
    """Give the packet that binds `user_id` to the key, with the right to certify and to sign."""
    public = public_body(key)
    content = _hashed_key(public) + b"\xb4" + len(user_id).to_bytes(4, "big") + user_id
    extra = (
        _subpacket(27, b"\x03")  # key flags: certify, sign
        + _subpacket(21, bytes([SHA512, 8]))  # preferred hashes
        + _subpacket(25, b"\x01")  # primary user id
        + _subpacket(30, b"\x01")  # features: SEIPDv1
    )
    return signature(key, POSITIVE, content, key.created, extra)


def signature(key: Key, kind: int, content: bytes, when: int, extra: bytes = b"") -> bytes:
    """Give a version 4 signature packet over `content`, without salt, made at `when` (section 5.2.3)."""
    own = fingerprint(public_body(key))
    hashed = _subpacket(2, when.to_bytes(4, "big")) + _subpacket(33, b"\x04" + own) + extra
    head = bytes([4, kind, EDDSA_LEGACY, SHA512]) + len(hashed).to_bytes(2, "big") + hashed
    trailer = b"\x04\xff" + len(head).to_bytes(4, "big")  # section 5.2.4
    digest = hashlib.sha512(content + head + trailer).digest()
    raw = key.private.sign(digest)
    unhashed = _subpacket(16, own[-8:])
    body = head + len(unhashed).to_bytes(2, "big") + unhashed + digest[:2] + mpi(raw[:32]) + mpi(raw[32:])
    return packet(SIGNATURE, body)


def mpi(octets: bytes) -> bytes:
    """Write a multiprecision integer (section 3.2): its length in bits, and no leading zeros."""
    number = int.from_bytes(octets, "big")
    return number.bit_length().to_bytes(2, "big") + octets.lstrip(b"\0")


def _subpacket(kind: int, body: bytes) -> bytes:
    return bytes([len(body) + 1, kind]) + body


def _hashed_key(public: bytes) -> bytes:
    return b"\x99" + len(public).to_bytes(2, "big") + public
