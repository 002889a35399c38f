"""Material at rest: every secret, key and backup is encrypted before it reaches the database.

AES-256-GCM (NIST SP 800-38D) under a key in a file of its own, which a copy of the database lacks. What a
blob belongs to is authenticated with it, so that one secret's bytes cannot stand in for another's.
"""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.package.keys import create_secret

_NONCE = 12


class Seal:
    """Encrypts and decrypts with the key of a file, made now if it is not there (mode 0600)."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            create_secret(file, base64.b64encode(os.urandom(32)).decode())
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise OutsideError(
                Fault("is a secret key that others may read", f"`chmod 600 {file}`", Place(file))
            )
        try:
            self._cipher = AESGCM(base64.b64decode(file.read_text("ascii"), validate=True))
        except ValueError:
            way_out = "restore it: without it nothing in the vaults can be read"
            raise OutsideError(Fault("is no key of the vaults", way_out, Place(file))) from None

    def close(self, plain: bytes, what: str) -> bytes:
        """Encrypt; `what` says whose bytes they are."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, what.encode("utf-8"))

    def open(self, closed: bytes, what: str) -> bytes:
        """Decrypt what was closed with the same `what`; raises ValueError for anything else."""
        try:
            return self._cipher.decrypt(closed[:_NONCE], closed[_NONCE:], what.encode("utf-8"))
        except InvalidTag:
            raise ValueError("not sealed by this cloud, or damaged") from None
