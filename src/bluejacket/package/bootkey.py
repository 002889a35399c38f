"""The key of Secure Boot: who signs loaders, kernels and kernel arguments for the firmware.

Firmware knows RSA keys in X.509 certificates (UEFI Specification, section 32.2.4): with 2048 bits all of it
takes them. A signature is Microsoft Authenticode; systemd-sbsign(1) writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from bluejacket.errors import Fault, Place, UserError
from bluejacket.package.keys import KEY_TIME, create_secret, read_secret
from bluejacket.tools import Sandbox

_BITS = 2048
# RFC 5280 section 4.1.2.5: no end that is known. Firmware has no clock to trust, and does not look.
_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_SBSIGN = "/usr/lib/systemd/systemd-sbsign"
_KEY, _CERTIFICATE = "boot.key", "boot.crt"
_WAY_OUT = "restore the file; without it, remove it, and machines have to be told the new key"


@dataclass(frozen=True, slots=True)
class BootKey:
    """A private key and its certificate, both PEM, and the file that they were read from."""

    key: bytes
    certificate: bytes
    file: Path

    @property
    def identity(self) -> str:
        """What steps depend on that sign with it: the certificate's SHA-256 in hexadecimal."""
        from cryptography import x509
        from cryptography.hazmat.primitives.hashes import SHA256

        return x509.load_pem_x509_certificate(self.certificate).fingerprint(SHA256()).hex()


def obtain_boot_key(folder: Path, name: str, owner: str) -> BootKey:
    """Read the boot key of the distribution `name`, called `owner` in words; made now if it is not there.

    Raises UserError for a file that others may read, or that holds no key with its certificate.
    """
    file = folder / f"{name}-boot.pem"
    if not file.exists():
        create_secret(file, _fresh(owner))
    return _read(file)


def _fresh(owner: str) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = rsa.generate_private_key(65537, _BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{owner} Secure Boot"[:64])])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(KEY_TIME, UTC))
        .not_valid_after(_END)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (secret + made.public_bytes(Encoding.PEM)).decode("ascii")


def _read(file: Path) -> BootKey:
    try:
        return BootKey(*_parsed(read_secret(file)), file)
    except ValueError as error:
        raise _damaged(file) from error


@lru_cache(maxsize=4)
def _parsed(text: bytes) -> tuple[bytes, bytes]:
    """Take apart a key with its certificate; ValueError if they are none. `write_key` proves the key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    key = load_pem_private_key(text, None, unsafe_skip_rsa_key_validation=True)
    certificate = x509.load_pem_x509_certificate(text)
    if certificate.public_key() != key.public_key():
        raise ValueError("the certificate is another key's")
    start = text.index(b"-----BEGIN CERTIFICATE-----")
    return text[:start], certificate.public_bytes(Encoding.PEM)


@lru_cache(maxsize=4)
def _prove(key: BootKey) -> None:
    """Prove a key that signs: it takes 60 ms, which a run that signs nothing should not wait for."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        load_pem_private_key(key.key, None)
    except ValueError as error:
        what = "the boot key is damaged: its numbers do not belong together"
        raise UserError(Fault(what, _WAY_OUT, Place(key.file))) from error


def _damaged(file: Path) -> UserError:
    return UserError(Fault("this is no private key with its certificate", _WAY_OUT, Place(file)))


def sign_efi(box: Sandbox, key: BootKey, source: Path, target: Path, epoch: int) -> None:
    """Write `source`, a program for the firmware, to `target` with a signature dated `epoch` (Unix seconds).

    Raises ToolFailed when it cannot be signed.
    """
    with TemporaryDirectory(prefix="bluejacket-") as name:
        folder = Path(name)
        words = write_key(key, folder, "/run/sign")
        box.run(
            [_SBSIGN, "sign", *words, "--output=/run/sign/signed.efi", "/run/source.efi"],
            name="sbsign",
            binds={folder: "/run/sign"},
            ro_binds={source: "/run/source.efi"},
            env={"SOURCE_DATE_EPOCH": str(epoch)},
        )
        copyfile(folder / "signed.efi", target)
    target.chmod(0o644)


def write_key(key: BootKey, folder: Path, seen_as: str) -> list[str]:
    """Put key and certificate into `folder`, and give systemd-sbsign's words for them there.

    Raises UserError for a key whose numbers do not belong together.
    """
    _prove(key)
    for name, content in ((_KEY, key.key), (_CERTIFICATE, key.certificate)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(content)
    return [f"--private-key={seen_as}/{_KEY}", f"--certificate={seen_as}/{_CERTIFICATE}"]
