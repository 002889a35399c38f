"""All keys of a distribution, and how one takes over from another.

A key is new until it is announced: then machines get its certificate, while the former key goes on signing.
Once they have it, it takes over: it signs all packages, and both sign what lies beside them, so that a
machine which slept through it all still trusts the feed and the package that brings the certificates, which
the former key goes on signing. At last the former key is revoked: it signs nothing, and machines forget it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from bluejacket.errors import Fault, OutsideError, Place, UserError
from bluejacket.package import openpgp_write as pgp
from bluejacket.package.keys import KEY_TIME, FileSigner, Signer, create_secret
from bluejacket.package.vaultkeys import SUFFIX, VaultSigner, read_signer
from bluejacket.store import locked, replace_text

_FORMAT = 1
_SHORT = 8  # characters that name a key


class Role(StrEnum):
    """What a key is for."""

    NEW = "new"
    ANNOUNCED = "announced"
    ACTIVE = "active"
    RETIRING = "retiring"
    REVOKED = "revoked"


_TRUSTED = (Role.ANNOUNCED, Role.ACTIVE, Role.RETIRING)


@dataclass(frozen=True, slots=True)
class Turn:
    """When a key came to a role (seconds since 1970), and why, where that was asked."""

    role: Role
    when: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KeptKey:
    """One key: its fingerprint, the name of its file, and its turns, the oldest first."""

    fingerprint: str
    file: str
    turns: tuple[Turn, ...]

    @property
    def role(self) -> Role:
        """What it is for now."""
        return self.turns[-1].role

    def turned(self, turn: Turn) -> KeptKey:
        """Give it after one more turn."""
        return replace(self, turns=(*self.turns, turn))


@dataclass(frozen=True, slots=True)
class Register:
    """The keys of a distribution, in the order of their making.

    `generation` counts how often the set that machines are to trust, or to forget, has changed.
    """

    keys: tuple[KeptKey, ...]
    generation: int = 0

    def of(self, *roles: Role) -> tuple[KeptKey, ...]:
        """Give the keys in these roles."""
        return tuple(key for key in self.keys if key.role in roles)

    def find(self, name: str) -> KeptKey:
        """Give the key whose fingerprint begins or ends so. Raises UserError, which names all."""
        name = "".join(name.split()).upper().removeprefix("0X")
        found = [k for k in self.keys if k.fingerprint.startswith(name) or k.fingerprint.endswith(name)]
        if len(name) < _SHORT or len(found) != 1:
            known = ", ".join(key.fingerprint for key in self.keys)
            raise UserError(Fault(f"{name or 'nothing'} names no single key", f"there are {known}"))
        return found[0]

    def turn(self, key: KeptKey, role: Role, now: int, reason: str = "") -> Register:
        """Give the register after a key has come to a role."""
        before, after = key.role in _TRUSTED, role in _TRUSTED
        changed = before != after or role is Role.REVOKED
        keys = tuple(k.turned(Turn(role, now, reason)) if k is key else k for k in self.keys)
        return Register(keys, self.generation + changed)


@dataclass(frozen=True)
class KeySet:
    """The keys of a register as one signer; see `Signer` for what the members are."""

    register: Register
    signers: Mapping[str, Signer]  # by fingerprint, of all keys that machines are to trust

    @cached_property
    def active(self) -> Signer:
        """The key that signs packages."""
        return self.signers[self.register.of(Role.ACTIVE)[0].fingerprint]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the active key."""
        return self.active.fingerprint

    @cached_property
    def identity(self) -> str:
        """The fingerprint while there was only ever one key, else a digest of all that counts."""
        if self.generation == 0:
            return self.fingerprint
        roles = [(key.fingerprint, key.role) for key in self.register.keys if key.role is not Role.NEW]
        text = json.dumps([roles, self.generation, self.certificate()])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def bridge(self) -> Signer:
        """The oldest key that machines may know alone."""
        retiring = self.register.of(Role.RETIRING)
        return self.signers[retiring[0].fingerprint] if retiring else self.active

    @property
    def generation(self) -> int:
        """That of the register."""
        return self.register.generation

    @property
    def revoked(self) -> tuple[str, ...]:
        """The fingerprints of the revoked keys."""
        return tuple(key.fingerprint for key in self.register.of(Role.REVOKED))

    def certificate(self) -> str:
        """Give the armoured public keys of all trusted keys, in the order of their making."""
        return "".join(self.signers[key.fingerprint].certificate() for key in self.register.of(*_TRUSTED))

    def sign(self, data: bytes, when: int) -> bytes:
        """Give a signature by the active key."""
        return self.active.sign(data, when)

    def signatures(self, data: bytes, when: int) -> bytes:
        """Give the signatures by the active key and by those that it took over from."""
        others = [self.signers[key.fingerprint] for key in self.register.of(Role.RETIRING)]
        return b"".join(signer.sign(data, when) for signer in (self.active, *others))


def obtain_keys(folder: Path, user_id: str, name: str) -> KeySet:
    """Give the keys of the distribution `name` in a folder; a first one is made if there is none.

    Raises UserError and OutsideError as `FileSigner.obtain` and `read_register` do.
    """
    if not _register_file(folder, name).exists():
        FileSigner.obtain(folder, user_id, name)
    return read_keys(folder, name)


def read_keys(folder: Path, name: str) -> KeySet:
    """Give the keys that are there. Raises UserError for a key file that is damaged or missing."""
    register = read_register(folder, name)
    signers = {key.fingerprint: read_signer(folder / key.file) for key in register.of(*_TRUSTED)}
    for fingerprint, signer in signers.items():
        if signer.fingerprint != fingerprint:
            what = f"the register of keys names {fingerprint}, and its file has {signer.fingerprint}"
            raise UserError(Fault(what, "restore the file", Place(folder)))
    return KeySet(register, signers)


def read_register(folder: Path, name: str) -> Register:
    """Read which keys there are, and what for. Raises OutsideError for a register that cannot be read."""
    file = _register_file(folder, name)
    if not file.exists():
        first = FileSigner.read(folder / f"{name}.key")
        return Register((KeptKey(first.fingerprint, f"{name}.key", (Turn(Role.ACTIVE, KEY_TIME),)),))
    try:
        table = json.loads(file.read_text("utf-8"))
        if table["format"] != _FORMAT:
            raise ValueError("it is of another version of Bluejacket")
        keys = tuple(
            KeptKey(
                row["fingerprint"],
                row["file"],
                tuple(Turn(Role(t["role"]), t["when"], t["reason"]) for t in row["turns"]),
            )
            for row in table["keys"]
        )
        if [key.role for key in keys].count(Role.ACTIVE) != 1:
            raise ValueError("not one key of it is active")
        return Register(keys, table["generation"])
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        what = f"is no register of keys: {error}"
        raise OutsideError(Fault(what, "restore it: it says which key signs", Place(file))) from error


def new_key(folder: Path, user_id: str, name: str, now: int, vault: str = "") -> KeptKey:
    """Make a key that nobody knows yet, at `now` (seconds since 1970), or take the one of a vault's address.

    A vault's key that is the first of all signs at once. Raises as `VaultSigner.meet` does.
    """
    if vault:
        return _vault_key(folder, user_id, name, now, vault)
    obtain_keys(folder, user_id, name)
    with locked(folder / ".lock"):
        register = read_register(folder, name)
        signer = FileSigner(pgp.Key(secrets.token_bytes(32), KEY_TIME), user_id.encode("utf-8"))
        key = KeptKey(signer.fingerprint, f"{name}-{signer.fingerprint[:16]}.key", (Turn(Role.NEW, now),))
        create_secret(folder / key.file, signer.armoured())
        _write(folder, name, replace(register, keys=(*register.keys, key)))
        return key


def _vault_key(folder: Path, user_id: str, name: str, now: int, vault: str) -> KeptKey:
    signer = VaultSigner.meet(vault, user_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(folder / ".lock"):
        there = _register_file(folder, name).exists() or (folder / f"{name}.key").exists()
        register = read_register(folder, name) if there else Register(())
        if any(key.fingerprint == signer.fingerprint for key in register.keys):
            raise UserError(
                Fault(f"{signer.fingerprint} is one of the keys already", "rotate it in the vault")
            )
        role = Turn(Role.NEW, now) if there else Turn(Role.ACTIVE, KEY_TIME)
        key = KeptKey(signer.fingerprint, f"{name}-{signer.fingerprint[:16]}{SUFFIX}", (role,))
        create_secret(folder / key.file, signer.text())
        _write(folder, name, replace(register, keys=(*register.keys, key)))
        return key


def announce(folder: Path, name: str, wanted: str, now: int) -> KeptKey:
    """Have machines learn a new key. Raises UserError for one that is not new."""
    with locked(folder / ".lock"):
        register = read_register(folder, name)
        key = _in_role(register.find(wanted), Role.NEW, "only a new key is announced")
        _write(folder, name, register.turn(key, Role.ANNOUNCED, now))
        return key


def use(folder: Path, name: str, wanted: str, now: int, reason: str = "") -> KeptKey:
    """Let an announced key take over; the former one is retiring from now on.

    Raises UserError for a key that was not announced. `reason` stays in the register.
    """
    with locked(folder / ".lock"):
        register = read_register(folder, name)
        key = register.find(wanted)
        if key.role is Role.RETIRING:
            raise UserError(Fault(f"{key.fingerprint} is retiring: another key took over from it"))
        _in_role(key, Role.ANNOUNCED, "announce it first, so that machines learn it")
        register = register.turn(register.of(Role.ACTIVE)[0], Role.RETIRING, now)
        _write(folder, name, register.turn(register.find(key.fingerprint), Role.ACTIVE, now, reason))
        return key


def revoke(folder: Path, name: str, wanted: str, now: int, reason: str) -> KeptKey:
    """Have machines forget a key. Raises UserError for the one that signs, and without a reason."""
    if not reason.strip():
        raise UserError(Fault("a key is revoked for a reason", "say it with --reason"))
    with locked(folder / ".lock"):
        register = read_register(folder, name)
        key = register.find(wanted)
        if key.role is Role.ACTIVE:
            what = f"{key.fingerprint} signs at the moment"
            raise UserError(Fault(what, "let another key take over first: `bluejacket key use`"))
        if key.role is Role.REVOKED:
            raise UserError(Fault(f"{key.fingerprint} is revoked already"))
        _write(folder, name, register.turn(key, Role.REVOKED, now, reason.strip()))
        return key


def _in_role(key: KeptKey, role: Role, way_out: str) -> KeptKey:
    if key.role is not role:
        raise UserError(Fault(f"{key.fingerprint} is {key.role}, not {role}", way_out))
    return key


def _write(folder: Path, name: str, register: Register) -> None:
    table = {"format": _FORMAT, "generation": register.generation, "keys": [asdict(k) for k in register.keys]}
    replace_text(_register_file(folder, name), json.dumps(table, indent=1) + "\n", 0o600)


def _register_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"
