"""Keys come, take over and go, and every signature counts for whom it is meant."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import rpm_rs

from bluejacket.errors import OutsideError, UserError
from bluejacket.foundation.openpgp import BadSignature, Keyring, verify_detached
from bluejacket.package.keys import FileSigner
from bluejacket.package.rotation import (
    Role,
    announce,
    new_key,
    obtain_keys,
    read_keys,
    read_register,
    revoke,
    use,
)
from bluejacket.package.sign import package_verifier, sign_detached
from feeds import SIGNER, STRANGER, THINGS, make

WHEN = 1_790_000_000
NAME = "harbour"


def trusts(certificate: str, armoured: str) -> bool:
    try:
        verify_detached(b"data", armoured.encode(), Keyring.parse(certificate.encode(), "test"), "data")
    except BadSignature:
        return False
    return True


def test_one_key_is_what_it_always_was(tmp_path: Path) -> None:
    keys = obtain_keys(tmp_path, "Harbour", NAME)
    alone = FileSigner.read(tmp_path / f"{NAME}.key")
    assert [f.name for f in tmp_path.iterdir()] == [f"{NAME}.key"]
    assert (keys.identity, keys.generation, keys.revoked) == (alone.fingerprint, 0, ())
    assert keys.certificate() == alone.certificate()
    assert keys.signatures(b"data", WHEN) == alone.sign(b"data", WHEN)
    assert keys.bridge == alone


def test_a_key_takes_over_and_the_former_one_is_revoked(tmp_path: Path) -> None:
    first = obtain_keys(tmp_path, "Harbour", NAME)
    old = first.active
    fresh = new_key(tmp_path, "Harbour", NAME, WHEN)
    assert stat.S_IMODE((tmp_path / fresh.file).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / f"{NAME}.json").stat().st_mode) == 0o600
    unknown = read_keys(tmp_path, NAME)
    assert (unknown.identity, unknown.certificate()) == (first.identity, first.certificate())

    announce(tmp_path, NAME, fresh.fingerprint[-16:].lower(), WHEN + 1)
    announced = read_keys(tmp_path, NAME)
    new = FileSigner.read(tmp_path / fresh.file)
    assert announced.certificate() == old.certificate() + new.certificate()
    assert announced.signatures(b"data", WHEN) == old.sign(b"data", WHEN)
    assert (announced.fingerprint, announced.generation) == (old.fingerprint, 1)
    assert announced.identity != first.identity

    use(tmp_path, NAME, fresh.fingerprint, WHEN + 2)
    both = read_keys(tmp_path, NAME)
    assert (both.fingerprint, both.bridge, both.generation) == (new.fingerprint, old, 1)
    assert both.certificate() == announced.certificate()
    assert both.sign(b"data", WHEN) == new.sign(b"data", WHEN)
    signature = sign_detached(b"data", both, WHEN)
    assert trusts(old.certificate(), signature)
    assert trusts(new.certificate(), signature)
    assert not trusts(STRANGER.certificate(), signature)

    revoke(tmp_path, NAME, old.fingerprint, WHEN + 3, "its time is over")
    after = read_keys(tmp_path, NAME)
    assert (after.revoked, after.generation, after.bridge) == ((old.fingerprint,), 2, new)
    assert after.certificate() == new.certificate()
    assert not trusts(old.certificate(), sign_detached(b"data", after, WHEN))
    assert len({first.identity, announced.identity, both.identity, after.identity}) == 4
    turns = read_register(tmp_path, NAME).find(old.fingerprint).turns
    assert [turn.role for turn in turns] == [Role.ACTIVE, Role.RETIRING, Role.REVOKED]
    assert turns[-1].reason == "its time is over"


def test_steps_out_of_order_are_refused(tmp_path: Path) -> None:
    active = obtain_keys(tmp_path, "Harbour", NAME).fingerprint
    fresh = new_key(tmp_path, "Harbour", NAME, WHEN).fingerprint
    with pytest.raises(UserError, match=r"is new, not announced \(announce it first"):
        use(tmp_path, NAME, fresh, WHEN)
    with pytest.raises(UserError, match="is active, not new"):
        announce(tmp_path, NAME, active, WHEN)
    with pytest.raises(UserError, match="signs at the moment"):
        revoke(tmp_path, NAME, active, WHEN, "stolen")
    with pytest.raises(UserError, match="revoked for a reason"):
        revoke(tmp_path, NAME, fresh, WHEN, " ")
    with pytest.raises(UserError, match="names no single key"):
        announce(tmp_path, NAME, fresh[:7], WHEN)
    announce(tmp_path, NAME, fresh, WHEN)
    use(tmp_path, NAME, fresh, WHEN)
    with pytest.raises(UserError, match="is retiring: another key took over"):
        use(tmp_path, NAME, active, WHEN)
    revoke(tmp_path, NAME, active, WHEN, "over")
    with pytest.raises(UserError, match="is revoked already"):
        revoke(tmp_path, NAME, active, WHEN, "again")
    assert read_keys(tmp_path, NAME).fingerprint == fresh


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1, "generation": 0, "keys": []}'])
def test_a_damaged_register_is_told(tmp_path: Path, text: str) -> None:
    obtain_keys(tmp_path, "Harbour", NAME)
    (tmp_path / f"{NAME}.json").write_text(text)
    with pytest.raises(OutsideError, match="is no register of keys"):
        read_keys(tmp_path, NAME)


def test_a_key_file_of_another_key_is_refused(tmp_path: Path) -> None:
    obtain_keys(tmp_path, "Harbour", NAME)
    new_key(tmp_path, "Harbour", NAME, WHEN)
    file = tmp_path / f"{NAME}.key"
    file.write_text(STRANGER.armoured())
    with pytest.raises(UserError, match="the register of keys names"):
        read_keys(tmp_path, NAME)


def test_a_package_may_be_signed_by_any_of_the_certificates(tmp_path: Path) -> None:
    package = rpm_rs.PackageMetadata.open(str(make(THINGS[0], tmp_path, STRANGER).rpm))
    for certificates in ((SIGNER, STRANGER), (STRANGER, SIGNER)):
        package.verify_signature(package_verifier("".join(one.certificate() for one in certificates)))
    with pytest.raises(RuntimeError):
        package.verify_signature(package_verifier(SIGNER.certificate()))
