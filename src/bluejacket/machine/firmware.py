"""The firmware's variables: whose signatures it takes, with Secure Boot on.

Source: UEFI Specification, section 32 (Secure Boot and driver signing); virt-fw-vars(1).
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path, PurePosixPath
from shutil import copyfile
from tempfile import TemporaryDirectory
from uuid import UUID

from bluejacket.machine.launch import VARIABLES
from bluejacket.tools import Sandbox

COMMON = PurePosixPath("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
"""Variables with the keys that hardware is sold with, and Secure Boot on."""


def own_variables(box: Sandbox, certificate: bytes, into: Path) -> None:
    """Write variables that take what the certificate (PEM) vouches for, and nothing else.

    Raises ToolFailed for what is no certificate.
    """
    owner = _owner(certificate)
    words = [word for key in ("--set-pk", "--add-kek", "--add-db") for word in (key, owner, _SEEN)]
    _write(box, VARIABLES, certificate, [*words, "--sb"], into)


def common_variables(box: Sandbox, certificate: bytes, into: Path) -> None:
    """Write the variables that hardware is sold with, which take what the certificate vouches for as well.

    Raises ToolFailed for what is no certificate.
    """
    _write(box, COMMON, certificate, ["--add-db", _owner(certificate), _SEEN], into)


_SEEN = "/run/vars/certificate.pem"


def _owner(certificate: bytes) -> str:
    """Name the signature's owner: firmware wants a GUID, and compares it with nothing."""
    raw = bytearray(sha256(certificate).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80  # RFC 9562 section 5.8
    raw[8] = raw[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(raw)))


def _write(box: Sandbox, base: PurePosixPath, certificate: bytes, words: list[str], into: Path) -> None:
    with TemporaryDirectory(prefix="bluejacket-") as name:
        folder = Path(name)
        (folder / "certificate.pem").write_bytes(certificate)
        box.run(
            ["virt-fw-vars", f"--input={base}", "--output=/run/vars/vars.fd", *words],
            name="virt-fw-vars",
            binds={folder: "/run/vars"},
        )
        copyfile(folder / "vars.fd", into)
    into.chmod(0o600)
