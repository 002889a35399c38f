"""A signer whose key is in a Key Vault and never leaves it.

The key has a file beside the others, which holds no secret: where the key is, its public half, and the
signature that binds our name to it. So only signing needs the vault.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

import pysequoia

from bluejacket.errors import Fault, Place, UserError
from bluejacket.package import openpgp_remote as remote
from bluejacket.package import openpgp_write as pgp
from bluejacket.package.keys import KEY_TIME, FileSigner, OneKey, Signer
from bluejacket.package.vaultclient import VaultKey, octets

SUFFIX = ".vault"
_FORMAT = 1
_LEAST = 3072  # bits: what is signed today is verified for as long as a release lives, and beyond 2030


@dataclass(frozen=True, slots=True)
class VaultSigner(OneKey):
    """One version of an RSA key in a vault; see `Signer` for what the members are."""

    url: str
    key: remote.RsaKey
    user_id: bytes
    binding: bytes  # the self-signature's packet

    @classmethod
    def meet(cls, url: str, user_id: str) -> VaultSigner:
        """Get to know a key, in its newest version unless `url` names one; the vault signs once.

        Raises UserError for a key that cannot sign for us, OutsideError when the vault refuses.
        """
        jwk = VaultKey(url).public()
        if jwk.get("kty") not in ("RSA", "RSA-HSM") or "sign" not in jwk.get("key_ops", ()):
            way_out = (
                f"make one with `az keyvault key create --kty RSA --size 4096`, of at least {_LEAST} bits"
            )
            raise UserError(Fault(f"{url} is no RSA key that may sign", way_out))
        key = remote.RsaKey(octets(jwk["n"]), octets(jwk["e"]), KEY_TIME)
        if key.bits < _LEAST:
            raise UserError(Fault(f"{url} has {key.bits} bits", f"a signing key has at least {_LEAST}"))
        version = VaultKey(jwk["kid"])
        name = user_id.encode("utf-8")
        return cls(jwk["kid"], key, name, remote.self_signature(key, version.sign, name))

    @classmethod
    def read(cls, file: Path) -> VaultSigner:
        """Read the file of a key, as `text` gives it. Raises UserError for one that is damaged."""
        try:
            found = json.loads(file.read_text("utf-8"))
            if found["format"] != _FORMAT:
                raise ValueError("it is of another version of Bluejacket")
            key = remote.RsaKey(_bytes(found["modulus"]), _bytes(found["exponent"]), KEY_TIME)
            VaultKey(found["url"])
            signer = cls(found["url"], key, found["user_id"].encode("utf-8"), _bytes(found["binding"]))
            pysequoia.Cert.from_bytes(signer.certificate().encode("ascii"))
        except OSError as error:
            raise UserError(Fault(f"cannot be read: {error.strerror}", "", Place(file))) from None
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            what = f"names no key of a vault: {reason}"
            raise UserError(Fault(what, "restore it from a backup", Place(file))) from None
        return signer

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint in hexadecimal capitals."""
        return pgp.fingerprint(self.key.body).hex().upper()

    def certificate(self) -> str:
        """Give the armoured public key."""
        data = (
            pgp.packet(pgp.PUBLIC_KEY, self.key.body) + pgp.packet(pgp.USER_ID, self.user_id) + self.binding
        )
        return pysequoia.armor(data, pysequoia.ArmorKind.PublicKey)

    def text(self) -> str:
        """Give what its file holds: no secret."""
        table = {
            "format": _FORMAT,
            "url": self.url,
            "modulus": _text(self.key.modulus),
            "exponent": _text(self.key.exponent),
            "user_id": self.user_id.decode("utf-8"),
            "binding": _text(self.binding),
        }
        return json.dumps(table, indent=1) + "\n"

    def sign(self, data: bytes, when: int) -> bytes:
        """Give a detached binary signature of `data`, made at `when` (seconds since 1970), by the vault."""
        return remote.signature(self.key, VaultKey(self.url).sign, pgp.BINARY, data, when)


def read_signer(file: Path) -> Signer:
    """Read the file of a key, whether it holds the key or says which vault does. Raises UserError."""
    return VaultSigner.read(file) if file.suffix == SUFFIX else FileSigner.read(file)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
