"""The key of Secure Boot: made once, read as it was, and refused when it is not one."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bluejacket.errors import UserError
from bluejacket.package.bootkey import BootKey, obtain_boot_key, write_key


def test_it_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    key = obtain_boot_key(tmp_path / "keys", "example", "Example Linux")
    assert obtain_boot_key(tmp_path / "keys", "example", "Another name") == key
    assert (tmp_path / "keys/example-boot.pem").stat().st_mode & 0o777 == 0o600
    other = obtain_boot_key(tmp_path / "keys", "other", "Other")
    assert other.identity != key.identity


def test_its_certificate_is_what_firmware_takes(tmp_path: Path) -> None:
    key = obtain_boot_key(tmp_path, "example", "Example Linux")
    found = x509.load_pem_x509_certificate(key.certificate)
    public = found.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 2048
    assert found.subject.rfc4514_string() == "CN=Example Linux Secure Boot"
    assert found.not_valid_before_utc.year == 2020
    assert b"PRIVATE" not in key.certificate


@pytest.mark.parametrize("damage", ["", "cut", "swapped"])
def test_a_damaged_one_is_refused(tmp_path: Path, damage: str) -> None:
    key = obtain_boot_key(tmp_path, "example", "Example")
    file = tmp_path / "example-boot.pem"
    other = obtain_boot_key(tmp_path, "other", "Other")
    texts = {"": b"", "cut": key.key[:-200] + key.certificate, "swapped": key.key + other.certificate}
    file.write_bytes(texts[damage])
    with pytest.raises(UserError, match=r"example-boot\.pem: this is no private key with its certificate"):
        obtain_boot_key(tmp_path, "example", "Example")


def test_one_that_others_may_read_is_refused(tmp_path: Path) -> None:
    obtain_boot_key(tmp_path, "example", "Example")
    (tmp_path / "example-boot.pem").chmod(0o644)
    with pytest.raises(UserError, match="a secret key that others may read"):
        obtain_boot_key(tmp_path, "example", "Example")


def test_one_whose_numbers_do_not_belong_together_signs_nothing(tmp_path: Path) -> None:
    key = obtain_boot_key(tmp_path, "example", "Example")
    right = load_pem_private_key(key.key, None)
    assert isinstance(right, rsa.RSAPrivateKey)
    number = right.private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        number.p, number.q, number.d + 2, number.dmp1, number.dmq1, number.iqmp, number.public_numbers
    ).private_key(unsafe_skip_rsa_key_validation=True)
    pem = wrong.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path / "example-boot.pem"
    file.write_bytes(pem + key.certificate)
    read = obtain_boot_key(tmp_path, "example", "Example")
    assert read == BootKey(pem, key.certificate, file)
    with pytest.raises(
        UserError, match=r"example-boot\.pem: the boot key is damaged: its numbers do not belong together"
    ):
        write_key(read, tmp_path, "/run/sign")
    assert not (tmp_path / "boot.key").exists()
