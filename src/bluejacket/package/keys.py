"""Who signs: an interface that a vault can stand behind, and a key in a file of the state folder."""

from __future__ import annotations

import os
import secrets
import stat
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import Protocol

import pysequoia

from bluejacket.errors import Fault, Place, UserError
from bluejacket.package import openpgp_write as pgp
from bluejacket.store.files import disk_faults, sync_folder

# A signature must not be older than its key, and ours carry the foundation's time, which may be older
# than the first use of a key: so every key says that it was made on 2020-01-01.
KEY_TIME = 1577836800
_MOST = 1 << 16  # bytes of a key file


class Signer(Protocol):
    """Signs bytes with OpenPGP; the same bytes, key and time give the same signature."""

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint in hexadecimal capitals."""

    @property
    def identity(self) -> str:
        """What steps depend on that ship certificates or sign files: one word for all keys in use."""

    @property
    def bridge(self) -> Signer:
        """Who signs the package that brings the certificates to machines."""

    @property
    def generation(self) -> int:
        """How often the set of certificates has changed; it is part of that package's release number."""

    @property
    def revoked(self) -> tuple[str, ...]:
        """Fingerprints of keys that machines have to forget."""

    def certificate(self) -> str:
        """Give the armoured public keys that machines are to trust."""

    def sign(self, data: bytes, when: int) -> bytes:
        """Give a detached binary signature of `data`, made at `when` (seconds since 1970)."""

    def signatures(self, data: bytes, when: int) -> bytes:
        """Give the signatures by every key whose word counts, one after another: for files, not packages."""


class OneKey(ABC):
    """What a signer with a single key answers for a whole set of keys; see `Signer` for the members."""

    __slots__ = ()

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """The key's fingerprint in hexadecimal capitals."""

    @abstractmethod
    def certificate(self) -> str:
        """Give the armoured public key."""

    @abstractmethod
    def sign(self, data: bytes, when: int) -> bytes:
        """Give a detached binary signature of `data`, made at `when` (seconds since 1970)."""

    @property
    def identity(self) -> str:
        """The fingerprint: there is one key."""
        return self.fingerprint

    @property
    def bridge(self) -> Signer:
        """This key itself."""
        return self

    @property
    def generation(self) -> int:
        """0: nothing has changed."""
        return 0

    @property
    def revoked(self) -> tuple[str, ...]:
        """None."""
        return ()

    def signatures(self, data: bytes, when: int) -> bytes:
        """Give the one signature."""
        return self.sign(data, when)


@dataclass(frozen=True, slots=True)
class FileSigner(OneKey):
    """A key without a passphrase, protected by the mode of its file alone."""

    key: pgp.Key
    user_id: bytes

    @classmethod
    def obtain(cls, folder: Path, user_id: str, name: str = "packages") -> FileSigner:
        """Read the key `name` of `folder`, made now if it is not there.

        The folder gets mode 0700 and the file 0600, and two builds at once use one key. Raises
        UserError for a key that others may read, that is damaged or of a kind that we cannot use.
        """
        file = folder / f"{name}.key"
        if not file.exists():
            fresh = cls(pgp.Key(secrets.token_bytes(32), KEY_TIME), user_id.encode("utf-8"))
            create_secret(file, fresh.armoured())
        return cls.read(file)

    @classmethod
    def read(cls, file: Path) -> FileSigner:
        """Read a key file, as `armoured` gives it. Raises UserError as `obtain` does."""
        place = Place(file)
        text = read_secret(file)
        try:
            found = list(pgp.packets(_dearmoured(text)))
            if [tag for tag, _ in found] != [pgp.SECRET_KEY, pgp.USER_ID, pgp.SIGNATURE]:
                raise ValueError("not one secret key with one name")
            return cls(pgp.read_secret_body(found[0][1]), found[1][1])
        except (ValueError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            way_out = "restore it, or move it away so that a new one is made (which signs everything anew)"
            raise UserError(Fault(f"is not a key of ours: {reason}", way_out, place)) from None

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint in hexadecimal capitals."""
        return pgp.fingerprint(pgp.public_body(self.key)).hex().upper()

    def certificate(self) -> str:
        """Give the armoured public key."""
        data = pgp.packet(pgp.PUBLIC_KEY, pgp.public_body(self.key)) + self._name()
        return pysequoia.armor(data, pysequoia.ArmorKind.PublicKey)

    def armoured(self) -> str:
        """Give the armoured secret key, which `gpg --import` takes as well."""
        data = pgp.packet(pgp.SECRET_KEY, pgp.secret_body(self.key)) + self._name()
        return pysequoia.armor(data, pysequoia.ArmorKind.SecretKey)

    def sign(self, data: bytes, when: int) -> bytes:
        """Give a detached binary signature of `data`, made at `when` (seconds since 1970)."""
        return pgp.signature(self.key, pgp.BINARY, data, when)

    def _name(self) -> bytes:
        return pgp.packet(pgp.USER_ID, self.user_id) + pgp.self_signature(self.key, self.user_id)


def _dearmoured(text: bytes) -> bytes:
    """Give the packets inside the armour, which has a checksum of its own only in old files."""
    return b"".join(bytes(packet) for packet in pysequoia.packet.PacketPile.from_bytes(text))


def read_secret(file: Path) -> bytes:
    """Read the file of a secret key. Raises UserError when it cannot be read, or others may read it too."""
    place = Place(file)
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        text = file.read_bytes()[:_MOST]
    except OSError as error:
        raise UserError(Fault(f"cannot be read: {error.strerror}", "", place)) from None
    if mode & 0o077:
        way_out = f"`chmod 600 {file}`, and make a new key if somebody may have read it"
        raise UserError(Fault(f"is a secret key that others may read (mode {mode:04o})", way_out, place))
    return text


def create_secret(file: Path, text: str) -> None:
    """Write a secret that appears whole, is never readable by others and never replaces another."""
    with disk_faults(file):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.parent.chmod(0o700)
        handle, name = mkstemp(dir=file.parent, prefix=".part-")  # mode 0600
        part = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            try:
                file.hardlink_to(part)
            except FileExistsError:
                return  # another build was quicker: its key is the one
            sync_folder(file.parent)
        finally:
            part.unlink(missing_ok=True)
