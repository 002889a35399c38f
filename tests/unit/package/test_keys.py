"""Keys are secret and whole; signatures depend on bytes, key and time alone."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pysequoia
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluejacket.errors import UserError
from bluejacket.foundation.openpgp import BadSignature, Keyring, verify_detached
from bluejacket.package import openpgp_write as pgp
from bluejacket.package.keys import KEY_TIME, FileSigner
from bluejacket.package.sign import sign_detached

WHEN = 1_790_000_000
SIGNER = FileSigner(pgp.Key(bytes(range(32)), KEY_TIME), b"Example packages")


def keyring(signer: FileSigner) -> Keyring:
    return Keyring.parse(signer.certificate().encode(), "test")


def test_a_key_is_made_once_and_kept_secret(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        signer = FileSigner.obtain(tmp_path / "keys", "Example")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "keys/packages.key").stat().st_mode) == 0o600
    assert [f.name for f in (tmp_path / "keys").iterdir()] == ["packages.key"]
    assert FileSigner.obtain(tmp_path / "keys", "Another") == signer
    assert FileSigner.obtain(tmp_path / "others", "Example").fingerprint != signer.fingerprint


def test_builds_at_once_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: FileSigner.obtain(tmp_path / "keys", "Example"), range(16)))
    assert len({signer.fingerprint for signer in found}) == 1


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    FileSigner.obtain(tmp_path, "Example")
    (tmp_path / "packages.key").chmod(0o640)
    with pytest.raises(UserError, match=r"others may read \(mode 0640\) \(`chmod 600"):
        FileSigner.obtain(tmp_path, "Example")


@pytest.mark.parametrize("rubbish", ["", "rubbish", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n"])
def test_a_damaged_key_is_refused(tmp_path: Path, rubbish: str) -> None:
    file = tmp_path / "packages.key"
    file.write_text(rubbish)
    file.chmod(0o600)
    with pytest.raises(UserError, match="is not a key of ours"):
        FileSigner.obtain(tmp_path, "Example")


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "packages.key"
    file.write_text(str(pysequoia.Tsk.generate("x", cipher_suite=pysequoia.CipherSuite.RSA2k)))
    file.chmod(0o600)
    with pytest.raises(UserError, match="is not a key of ours: not one secret key with one name"):
        FileSigner.read(file)


def test_a_seed_that_does_not_fit_its_public_half_is_refused() -> None:
    body = bytearray(pgp.secret_body(SIGNER.key))
    body[-10] ^= 1
    with pytest.raises(ValueError, match="does not fit"):
        pgp.read_secret_body(bytes(body))


def test_the_certificate_is_one_that_sequoia_takes() -> None:
    cert = pysequoia.Cert.from_bytes(SIGNER.certificate().encode())
    assert cert.fingerprint.upper() == SIGNER.fingerprint
    assert [str(user) for user in cert.user_ids] == ["Example packages"]
    assert "PRIVATE" not in SIGNER.certificate()
    assert cert.expiration is None


@settings(max_examples=300)
@given(
    seed=st.binary(min_size=32, max_size=32), data=st.binary(max_size=200), when=st.integers(KEY_TIME, WHEN)
)
def test_sequoia_verifies_every_signature(seed: bytes, data: bytes, when: int) -> None:
    """Many keys and texts: a number with a leading zero is written shorter, and that must be right."""
    signer = FileSigner(pgp.Key(seed, KEY_TIME), b"x")
    signature = signer.sign(data, when)
    assert signer.sign(data, when) == signature
    sig = pysequoia.Sig.from_bytes(signature)
    seen = pysequoia.verify(
        data, store=lambda _: [pysequoia.Cert.from_bytes(signer.certificate().encode())], signature=sig
    )
    assert len(seen.valid_sigs) == 1
    assert sig.created is not None
    assert int(sig.created.timestamp()) == when
    assert pgp.read_secret_body(pgp.secret_body(signer.key)) == signer.key


def test_other_bytes_another_time_or_key_give_another_signature() -> None:
    one = SIGNER.sign(b"data", WHEN)
    assert one != SIGNER.sign(b"date", WHEN)
    assert one != SIGNER.sign(b"data", WHEN + 1)
    assert one != FileSigner(pgp.Key(bytes(32), KEY_TIME), b"x").sign(b"data", WHEN)


def test_changed_bytes_are_refused() -> None:
    signature = sign_detached(b"data", SIGNER, WHEN).encode()
    assert verify_detached(b"data", signature, keyring(SIGNER)).fingerprints == (SIGNER.fingerprint,)
    with pytest.raises(BadSignature):
        verify_detached(b"date", signature, keyring(SIGNER))
