"""The lock and the signed index behind it, on a small archive that is really signed and served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bluejacket.cli.entry import main
from bluejacket.errors import OutsideError
from bluejacket.feed.snapshot import Upstream
from bluejacket.foundation.lock import write_lock
from bluejacket.inquiry.answer import Answer, Check, Outcome, Standing, TracedPackage
from bluejacket.inquiry.checks import Inspector
from bluejacket.inquiry.trust import CannotTell, Origin
from keys import key
from smalldistro import Small, small_distro


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    with small_distro(tmp_path_factory.mktemp("small")) as small:
        small.lock()
        yield small


def origin_of(small: Small) -> Origin:
    return Origin.of(small.state, small.release())


def upstream_checks(small: Small, digest: str) -> list[Check]:
    """Give the checks of a package that was made from the file of this hash."""
    upstream = Upstream("debian", "app", "1.0-1", digest)
    package = TracedPackage(
        "app-1.0-1.x86_64", "00" * 32, "", 0, "app", "app", "1.0-1", upstream,
        Standing.UNKNOWN, ("small/1/20261101.1",), (), (),
    )  # fmt: skip
    release = small.release()
    inspector = Inspector(small.state, {("small", "1"): release})
    found = inspector.checks(Answer("package", "app", packages=(package,)))
    return [check for check in found if check.what.startswith("small/1")]


def outcomes(checks: list[Check]) -> list[tuple[str, Outcome]]:
    return [(check.what.partition(" ")[2], check.outcome) for check in checks]


def test_the_way_back_to_the_signed_index_is_verified(locked: Small) -> None:
    app = locked.lock().find("app")
    assert app is not None
    found = upstream_checks(locked, app.package.sha256)
    assert outcomes(found) == [
        ("1 upstream files, their hashes", Outcome.NOT_POSSIBLE),  # locking fetches no package
        ("1 upstream files, pinned by the lock", Outcome.OK),
        ("signature of the index of debian forky", Outcome.OK),
        ("1 upstream files, listed by these indexes", Outcome.OK),
    ]
    assert "verified again" in found[2].because


def test_a_file_that_the_lock_does_not_pin_is_not_vouched_for(locked: Small) -> None:
    found = upstream_checks(locked, "ab" * 32)
    assert outcomes(found)[1:] == [("1 upstream files, pinned by the lock", Outcome.NOT_POSSIBLE)]
    assert "the lock has moved on" in found[1].because


def test_a_lock_that_names_what_the_index_does_not_list_is_found(locked: Small) -> None:
    lock = origin_of(locked).lock
    forged = replace(lock.packages[0].package, sha256="cd" * 32)
    origin = replace(
        origin_of(locked), lock=replace(lock, packages=(replace(lock.packages[0], package=forged),))
    )
    index = origin.verify(lock.indexes[0])
    assert origin.unlisted({"cd" * 32, lock.packages[0].package.sha256}, [index]) == {"cd" * 32}


def test_what_is_not_kept_cannot_be_verified(locked: Small, tmp_path: Path) -> None:
    origin = replace(origin_of(locked), state=type(locked.state)(tmp_path))
    with pytest.raises(CannotTell, match="keeps no copy of the signed index"):
        origin.verify(origin.lock.indexes[0])
    index = origin_of(locked).verify(origin.lock.indexes[0])
    with pytest.raises(CannotTell, match="none of the lists"):
        origin.unlisted({"ab" * 32}, [index])


def test_a_signer_that_the_foundation_does_not_name_is_not_trusted(locked: Small) -> None:
    origin = origin_of(locked)
    (record,) = origin.lock.indexes
    assert origin.trusted(record) == record.signers
    assert origin.trusted(replace(record, signers=("AB" * 20,))) == ()
    with pytest.raises(CannotTell, match="has no suite sid of debian any more"):
        origin.trusted(replace(record, suite="sid"))


def test_a_damaged_copy_of_the_index_is_found(locked: Small) -> None:
    origin = origin_of(locked)
    (record,) = origin.lock.indexes
    file = locked.state.store.peek(record.sha256)
    assert file is not None
    whole = file.read_bytes()
    try:
        file.write_bytes(whole + b"\n")
        with pytest.raises(OutsideError, match="another hash than the lock names"):
            origin.verify(record)
    finally:
        file.write_bytes(whole)
    keyring = locked.folder / "keyring.gpg"
    trusted = keyring.read_bytes()
    try:
        keyring.write_bytes(bytes(key().extract_certificate()))
        with pytest.raises(OutsideError, match="not in the keyring"):
            origin_of(locked).verify(record)
    finally:
        keyring.write_bytes(trusted)


def test_the_store_keeps_what_vouches_for_a_lock(locked: Small) -> None:
    origin = origin_of(locked)
    wanted = set(origin.vouching())
    assert len(wanted) == 2  # the index and its one list
    state = ["--state", str(locked.state.root), "--distro", str(locked.folder)]
    assert main([*state, "store", "gc"]) == 0
    assert all(locked.state.store.peek(digest) for digest in wanted)


def test_a_release_without_a_lock_cannot_be_told_of(locked: Small, tmp_path: Path) -> None:
    release = replace(locked.release(), folder=tmp_path)
    with pytest.raises(CannotTell, match="has no lock"):
        Origin.of(locked.state, release)
    write_lock(origin_of(locked).lock, tmp_path / "locks" / "1.json")
    assert Origin.of(locked.state, release).pinned
