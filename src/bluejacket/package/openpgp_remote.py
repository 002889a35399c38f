"""OpenPGP of keys that somebody else holds: packets of an RSA key, whose signatures come as raw numbers.

No library at hand takes a signer from outside. What is needed is small: version 4 keys of algorithm 1 with
SHA-512 (RFC 9580), which rpm 4.20, rpm 6, GnuPG and Sequoia all verify. Signatures by PKCS #1 v1.5 have no
chance in them (RFC 8017, section 8.2): the same bytes, key and time give the same signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from bluejacket.package import openpgp_write as pgp

RSA = 1  # section 9.1


@dataclass(frozen=True, slots=True)
class RsaKey:
    """The public half: modulus and exponent, big-endian, and the time in seconds when it counts as made."""

    modulus: bytes
    exponent: bytes
    created: int

    @property
    def body(self) -> bytes:
        """The body of its public key packet (sections 5.5.2.2 and 5.5.5.1)."""
        head = b"\x04" + self.created.to_bytes(4, "big") + bytes([RSA])
        return head + pgp.mpi(self.modulus) + pgp.mpi(self.exponent)

    @property
    def bits(self) -> int:
        """The length of the modulus."""
        return int.from_bytes(self.modulus, "big").bit_length()


def signature(
    key: RsaKey,
    sign: Callable[[bytes], bytes],
    kind: int,
    content: bytes,
    when: int,
    extra: bytes = b"",
) -> bytes:
    """Give a version 4 signature packet over `content`, made at `when` (section 5.2.3).

    `sign` takes a SHA-512 digest and gives the signature by PKCS #1 v1.5.
    """
    own = pgp.fingerprint(key.body)
    hashed = _subpacket(2, when.to_bytes(4, "big")) + _subpacket(33, b"\x04" + own) + extra
    head = bytes([4, kind, RSA, pgp.SHA512]) + len(hashed).to_bytes(2, "big") + hashed
    trailer = b"\x04\xff" + len(head).to_bytes(4, "big")  # section 5.2.4
    digest = hashlib.sha512(content + head + trailer).digest()
    unhashed = _subpacket(16, own[-8:])
    body = head + len(unhashed).to_bytes(2, "big") + unhashed + digest[:2] + pgp.mpi(sign(digest))
    return pgp.packet(pgp.SIGNATURE, body)


def self_signature(key: RsaKey, sign: Callable[[bytes], bytes], user_id: bytes) -> bytes:
    """Give the packet that binds `user_id` to the key, with the right to certify and to sign."""
    hashed_key = b"\x99" + len(key.body).to_bytes(2, "big") + key.body
    content = hashed_key + b"\xb4" + len(user_id).to_bytes(4, "big") + user_id
    extra = (
        _subpacket(27, b"\x03")  # key flags: certify, sign
        + _subpacket(21, bytes([pgp.SHA512, 8]))  # preferred hashes
        + _subpacket(25, b"\x01")  # primary user id
        + _subpacket(30, b"\x01")  # features: SEIPDv1
    )
    return signature(key, sign, pgp.POSITIVE, content, key.created, extra)


def _subpacket(kind: int, body: bytes) -> bytes:
    return bytes([len(body) + 1, kind]) + body
