"""OpenPGP around signatures that somebody else makes: GnuPG's judges take it, and it never changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pysequoia
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from bluejacket.errors import UserError
from bluejacket.foundation.openpgp import BadSignature, Keyring, verify_detached
from bluejacket.package import openpgp_remote as remote
from bluejacket.package import openpgp_write as pgp
from bluejacket.package.keys import KEY_TIME, FileSigner
from bluejacket.package.vaultclient import VaultKey
from bluejacket.package.vaultkeys import VaultSigner, read_signer

WHEN = 1_790_000_000
URL = f"https://cove.vault.localhost:8443/keys/packages/{'0' * 32}"


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 3072)


@pytest.fixture
def signer(private: rsa.RSAPrivateKey) -> VaultSigner:
    numbers = private.public_key().public_numbers()
    key = remote.RsaKey(numbers.n.to_bytes(384, "big"), b"\x01\x00\x01", KEY_TIME)
    user_id = b"Example packages"
    return VaultSigner(URL, key, user_id, remote.self_signature(key, raw(private), user_id))


def raw(private: rsa.RSAPrivateKey) -> Callable[[bytes], bytes]:
    return lambda digest: private.sign(digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA512()))


def test_the_certificate_and_signatures_hold(signer: VaultSigner, private: rsa.RSAPrivateKey) -> None:
    cert = pysequoia.Cert.from_bytes(signer.certificate().encode())
    assert cert.fingerprint.upper() == signer.fingerprint
    assert [str(user) for user in cert.user_ids] == ["Example packages"]
    keyring = Keyring.parse(signer.certificate().encode(), "test")
    made = remote.signature(signer.key, raw(private), pgp.BINARY, b"cargo", WHEN)
    assert made == remote.signature(signer.key, raw(private), pgp.BINARY, b"cargo", WHEN)
    verify_detached(b"cargo", made, keyring, "cargo")
    with pytest.raises(BadSignature):
        verify_detached(b"other", made, keyring, "cargo")


def test_its_file_holds_no_secret_and_is_read_again(signer: VaultSigner, tmp_path: Path) -> None:
    file = tmp_path / "packages.vault"
    file.write_text(signer.text())
    assert read_signer(file) == signer
    assert (
        FileSigner.obtain(tmp_path, "Example").fingerprint
        == read_signer(tmp_path / "packages.key").fingerprint
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [("format", 2), ("url", "https://elsewhere"), ("binding", "AAAA"), ("modulus", "?"), ("user_id", None)],
)
def test_a_damaged_file_is_refused(signer: VaultSigner, tmp_path: Path, key: str, value: object) -> None:
    file = tmp_path / "packages.vault"
    file.write_text(json.dumps(json.loads(signer.text()) | {key: value}))
    with pytest.raises(UserError):
        VaultSigner.read(file)


@pytest.mark.parametrize(
    "url",
    ["http://a.vault.azure.net/keys/k", "https://a.vault.azure.net/secrets/k", "https://a/keys/k/x", ""],
)
def test_an_address_that_is_no_key_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="is no address of a vault's key"):
        VaultKey(url)
