"""What stands between a mirror and a lock: every refusal, with its reason and the way out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError, UserError
from bluejacket.foundation.lock import Lock, asked_by, chains, epoch_of, lock_file, read_lock
from bluejacket.foundation.locking import make_lock
from debarchive import NOW
from keys import key
from smalldistro import FILES, Small, small_distro, with_updates


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    with small_distro(tmp_path) as made:
        yield made


def test_the_lock_pins_the_closure_and_says_why(small: Small) -> None:
    lock = small.lock()
    assert [p.package.name for p in lock.packages] == ["app", "first", "library"]
    assert [p.package.name for p in lock.tools] == ["tool"]
    assert lock.epoch == int(NOW.timestamp())
    assert lock.tolerated == ()
    assert read_lock(small.release()) == lock
    (chain,) = chains(lock.packages, "library")
    assert [(c.by, c.relation) for c in chain] == [("", "app"), ("app", "library >= 1-0")]


def test_what_an_own_package_is_built_from_is_pinned_alone_and_stays_out_of_the_closure(small: Small) -> None:
    small.archive.add("unused", version="2")
    small.archive.publish()
    own = """
        [[component]]
        name = "own"
        kind = "spec"
        spec = "own.spec"
        build_from = ["unused"]
        reason = "the test wants it"
        """
    small.write("own.spec", "Name: own")
    small.write("components/all.toml", FILES["components/all.toml"] + own)
    lock = small.lock()
    (unused,) = lock.materials
    assert (unused.package.name, unused.package.evr) == ("unused", "2-0")
    assert [cause.by for cause in unused.causes] == ["own"]
    assert "unused" not in {p.package.name for p in lock.packages}
    assert read_lock(small.release()) == lock
    small.write("components/all.toml", FILES["components/all.toml"] + own.replace("unused", "unuse"))
    with pytest.raises(UserError, match=r"component own of release 1 wants the package unuse.*unused"):
        small.lock()


def test_the_same_index_gives_the_same_lock(small: Small) -> None:
    first = lock_file(small.release())
    small.lock()
    text = first.read_text()
    small.lock()
    assert first.read_text() == text


def test_an_expired_index_is_refused(small: Small) -> None:
    small.archive.publish(NOW - timedelta(days=30))
    with pytest.raises(OutsideError, match=r"forky is 23 days past its Valid-Until .*Check-Valid-Until"):
        small.lock()


def test_an_expired_index_is_told_when_apt_accepts_it(small: Small) -> None:
    small.archive.publish(NOW - timedelta(days=30))
    small.strict = False
    (text,) = small.lock().tolerated
    assert "23 days past its Valid-Until" in text


def test_an_older_index_is_always_refused(small: Small) -> None:
    small.lock()
    small.archive.publish(NOW - timedelta(hours=1))
    small.strict = False
    with pytest.raises(OutsideError, match="older than the one accepted before"):
        small.lock()


def test_a_foreign_signature_is_refused(small: Small) -> None:
    small.archive.publish(by=key("Mallory <m@example.org>"))
    with pytest.raises(OutsideError, match="InRelease of forky"):
        small.lock()


def test_an_unsigned_index_is_refused(small: Small) -> None:
    file = small.archive.base / "dists/forky/InRelease"
    file.write_bytes(b"Suite: testing\nCodename: forky\n")
    with pytest.raises(OutsideError, match="InRelease of forky"):
        small.lock()


def test_an_index_of_another_suite_is_refused(small: Small) -> None:
    small.archive.suite = "other"
    small.archive.publish()
    wrong = small.archive.base / "dists/other/InRelease"
    (small.archive.base / "dists/forky/InRelease").write_bytes(
        wrong.read_bytes().replace(b"testing", b"testing")
    )
    with pytest.raises(OutsideError, match="index of other in the place of forky"):
        small.lock()


def test_a_changed_package_list_is_refused(small: Small) -> None:
    file = small.archive.base / "dists/forky/main/binary-amd64/Packages.xz"
    data = bytearray(file.read_bytes())
    data[40] ^= 1
    file.write_bytes(data)
    with pytest.raises(OutsideError, match=r"forky main index.*(SHA-256|hash)"):
        small.lock()


def edit(small: Small, find: str, replace: str) -> None:
    file = small.folder / "components/all.toml"
    file.write_text(file.read_text().replace(find, replace))


def no_such_package(small: Small) -> None:
    edit(small, 'name = "app"', 'name = "ap"')


def no_such_dependency(small: Small) -> None:
    small.archive.add("app", Depends="missing (>= 2)")
    small.archive.publish(NOW + timedelta(seconds=1))


def conflict(small: Small) -> None:
    small.archive.add("library", Conflicts="first, second")
    small.archive.publish(NOW + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (no_such_package, r"component ap .* wants the package ap, .*did you mean app\?"),
        (no_such_dependency, r"release 1 cannot be put together: .*missing >= 2"),
        (conflict, r"release 1 cannot be put together: .*conflicts with"),
    ],
)
def test_what_cannot_be_solved_is_told_in_words(
    small: Small, harm: Callable[[Small], None], words: str
) -> None:
    harm(small)
    with pytest.raises(UserError, match=words):
        small.lock()
    assert not lock_file(small.release()).exists()


def test_no_lock_an_old_lock_and_a_garbled_lock_name_the_command(small: Small) -> None:
    with pytest.raises(UserError, match=r"has no lock \(`bluejacket lock 1` makes a new one\)"):
        read_lock(small.release())
    small.lock()
    edit(small, 'name = "app"', 'name = "app"\npackages = ["app", "unused"]')
    with pytest.raises(UserError, match="ask for something else than its lock holds"):
        read_lock(small.release())
    lock_file(small.release()).write_text("{")
    with pytest.raises(UserError, match="the lock cannot be read"):
        read_lock(small.release())


def test_an_overlay_takes_part_in_the_choice(small: Small) -> None:
    small.write("overlays/app.toml", '[overlay]\npackage = "app"\nreason = "r"\ndrop_requires = ["first"]\n')
    assert [p.package.name for p in small.lock().packages] == ["app", "library"]
    small.write("overlays/app.toml", '[overlay]\npackage = "app"\nreason = "r"\ndrop_requires = ["gone"]\n')
    with pytest.raises(UserError, match="names gone under drop_requires"):
        small.lock()


def test_two_locks_at_once_agree(small: Small) -> None:
    made: list[Lock] = []
    threads = [threading.Thread(target=lambda: made.append(small.lock())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 3
    assert len(set(made)) == 1
    assert json.loads(lock_file(small.release()).read_text())["asked"] == asked_by(small.release())
    assert epoch_of(made[0].indexes) == made[0].epoch


def test_a_suite_left_out_is_told_until_it_is_taken_again(small: Small) -> None:
    with_updates(small)
    release = small.release()
    lock, _ = make_lock(small.state, release, leave_out=["forky-security"])
    app = lock.find("app")
    assert app is not None
    assert app.package.upstream_version == "1.0-1"
    assert [record.suite for record in lock.indexes] == ["forky"]
    (text,) = lock.tolerated
    assert text == (
        "release 1 is locked without forky-security, which small has; `bluejacket lock 1` takes it again"
    )
    assert text in small.told.warnings
    assert read_lock(release) == lock, "the definitions ask for the same as before"
    lock, changes = make_lock(small.state, release)
    assert changes.moved == (("app", "1.0-1", "1.0-1+deb13u1"),)
    assert lock.tolerated == ()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            ["forky-securty"],
            r'small has no suite forky-securty \(the nearest known one is "forky-security"\)',
        ),
        (["forky", "forky-security"], "without forky, forky-security, small has no suite"),
    ],
)
def test_only_suites_that_are_there_can_be_left_out(small: Small, names: list[str], words: str) -> None:
    with_updates(small)
    with pytest.raises(UserError, match=words):
        make_lock(small.state, small.release(), leave_out=names)
    assert not lock_file(small.release()).exists()
