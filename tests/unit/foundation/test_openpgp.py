"""Signatures judged against named keys, each refusal with its reason."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysequoia import Cert, Tsk

from bluejacket.errors import UserError
from bluejacket.foundation.openpgp import BadSignature, Keyring, spelled, verify_detached, verify_inline
from keys import clear, detached, expired, key, revoked

OURS, FOREIGN = key("Ours"), key("Foreign")
INDEX = b"Origin: Test\nSuite: stable\n- dashed\n"


def ring(*keys: Tsk | Cert) -> Keyring:
    certs = [one.extract_certificate() if isinstance(one, Tsk) else one for one in keys]
    return Keyring(certs, "test.gpg")


def name(of: Tsk) -> str:
    return spelled(of.extract_certificate().fingerprint)


@pytest.mark.parametrize("v6", [False, True], ids=["V4", "V6"])
def test_good_signatures(v6: bool) -> None:
    ours = key(v6=v6)
    fingerprint = spelled(ours.extract_certificate().fingerprint)
    inline = verify_inline(clear(ours, INDEX), ring(FOREIGN, ours))
    assert inline.content.rstrip(b"\n") == INDEX.rstrip(b"\n")
    assert inline.fingerprints == (fingerprint,)
    for armor in (True, False):
        seen = verify_detached(INDEX, detached(ours, INDEX, armor=armor), ring(ours))
        assert (seen.content, seen.fingerprints) == (INDEX, (fingerprint,))
        assert abs((seen.when - inline.when).total_seconds()) < 60


def test_text_around_the_signed_part_is_left_out() -> None:
    message = b"Suite: evil\n\n" + clear(OURS, INDEX) + b"\nSuite: evil\n"
    assert b"evil" not in verify_inline(message, ring(OURS)).content


def test_one_of_several_signatures_suffices() -> None:
    both = detached(FOREIGN, INDEX, armor=False) + detached(OURS, INDEX, armor=False)
    assert verify_detached(INDEX, both, ring(OURS)).fingerprints == (name(OURS),)
    assert verify_detached(INDEX, both, ring(OURS, FOREIGN)).fingerprints == (name(FOREIGN), name(OURS))


def refusal(call: object, *arguments: object) -> str:
    assert callable(call)
    with pytest.raises(BadSignature) as caught:
        call(*arguments)
    return str(caught.value)


def test_foreign_key_is_named_and_so_is_the_expected_one() -> None:
    told = refusal(verify_inline, clear(FOREIGN, INDEX), ring(OURS), "InRelease")
    subkey = told.partition("signed by ")[2].partition(",")[0]
    assert told == (
        f"InRelease has no good signature: signed by {subkey}, which is not in the keyring "
        f"(expected: a key of test.gpg ({name(OURS)}))"
    )
    assert len(subkey) == 40


def test_key_of_the_keyring_that_is_not_named() -> None:
    both = bytes(OURS.extract_certificate()) + bytes(FOREIGN.extract_certificate())
    keyring = Keyring.parse(both, "test.gpg", only=[name(OURS)])
    told = refusal(verify_inline, clear(FOREIGN, INDEX), keyring)
    assert f"signed by {name(FOREIGN)}, which the keyring holds but which is not among the named keys" in told


def test_expired_key_is_refused_for_what_it_signed_before() -> None:
    owner = key("Old")
    signature, message = detached(owner, INDEX), clear(owner, INDEX)
    late = ring(expired(owner))
    for told in (refusal(verify_detached, INDEX, signature, late), refusal(verify_inline, message, late)):
        assert f"signed by {name(owner)}, which expired on 20" in told


def test_revoked_key_is_refused() -> None:
    owner = key("Stolen")
    told = refusal(verify_inline, clear(owner, INDEX), ring(revoked(owner)))
    assert f"signed by {name(owner)}, which is revoked" in told


def test_changed_content_is_refused() -> None:
    told = refusal(verify_inline, clear(OURS, INDEX).replace(b"stable", b"evil  "), ring(OURS))
    assert f"the content is not what {name(OURS)} signed" in told
    told = refusal(verify_detached, INDEX + b"x", detached(OURS, INDEX), ring(OURS))
    assert f"the signature of {name(OURS)} does not fit the content" in told


def test_weak_hash_is_refused() -> None:
    packet = bytearray(detached(OURS, INDEX, armor=False))
    header = 2 if packet[1] < 192 else 3  # RFC 9580 section 4.2.1.2: two-octet lengths
    assert packet[header] == 4, "a V4 signature"
    packet[header + 3] = 2  # RFC 9580 section 9.5: SHA-1
    told = refusal(verify_detached, INDEX, bytes(packet), ring(OURS))
    assert f"the signature of {name(OURS)} uses SHA1, which is too weak" in told


@pytest.mark.parametrize("message", [b"", b"Origin: Test\n", b"\x00\xff" * 10, INDEX * 1000])
def test_unsigned_is_refused(message: bytes) -> None:
    assert "no" in refusal(verify_inline, message, ring(OURS))
    assert "signature" in refusal(verify_detached, INDEX, message, ring(OURS))


@given(st.data())
@settings(deadline=None)
def test_no_changed_byte_passes(data: st.DataObject) -> None:
    """Any one changed byte leaves the content as it was, or the message is refused."""
    message = clear(OURS, INDEX)
    place = data.draw(st.integers(0, len(message) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != message[place]))
    changed = message[:place] + bytes([byte]) + message[place + 1 :]
    try:
        seen = verify_inline(changed, ring(OURS))
    except BadSignature:
        return
    assert seen.content.split() == INDEX.split()
    assert seen.fingerprints == (name(OURS),)


@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 40))
@settings(deadline=None, max_examples=120)
def test_rubbish_is_refused_by_name(rubbish: bytes, at: int, cut: int) -> None:
    """Whatever is put into a signature or a keyring ends in an error of ours, or in the truth."""
    for whole in (detached(OURS, INDEX, armor=False), detached(OURS, INDEX)):
        try:
            seen = verify_detached(INDEX, whole[:at] + rubbish + whole[at + cut :], ring(OURS))
        except BadSignature:
            continue
        assert seen.fingerprints == (name(OURS),)
    certificate = bytes(OURS.extract_certificate())
    with contextlib.suppress(UserError):
        held = Keyring.parse(certificate[:at] + rubbish + certificate[at + cut :], "test.gpg")
        assert held.fingerprints


def test_keyring_with_several_certificates(tmp_path: Path) -> None:
    certs = [OURS.extract_certificate(), FOREIGN.extract_certificate()]
    binary, armoured = tmp_path / "b.gpg", tmp_path / "a.asc"
    binary.write_bytes(b"".join(bytes(cert) for cert in certs))
    armoured.write_text("".join(str(cert) for cert in certs))
    for file in (binary, armoured):
        assert Keyring.read(file).fingerprints == (name(OURS), name(FOREIGN))
        spaced = " ".join(name(OURS)[n : n + 4] for n in range(0, 40, 4)).lower()
        assert Keyring.read(file, only=[spaced]).fingerprints == (name(OURS),)


def test_keyring_faults_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "keys.gpg"
    with pytest.raises(UserError, match=r"keys\.gpg: cannot be read: No such file"):
        Keyring.read(file)
    file.write_bytes(b"junk")
    with pytest.raises(UserError, match=r"keys\.gpg: is no OpenPGP keyring"):
        Keyring.read(file)
    file.write_bytes(bytes(8) + b"KBXf" + bytes(20))
    with pytest.raises(UserError, match=r"keys\.gpg: is a GnuPG keybox"):
        Keyring.read(file)
    file.write_bytes(bytes(OURS.extract_certificate()))
    with pytest.raises(UserError, match=f"holds no key {'A' * 40} .it holds {name(OURS)}; name one"):
        Keyring.read(file, only=["A" * 40])
