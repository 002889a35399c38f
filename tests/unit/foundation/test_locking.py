"""What stands between a mirror and a lock: every refusal, with its reason and the way out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bluejacket.definition import Release, load
from bluejacket.errors import OutsideError, UserError
from bluejacket.foundation.debian.apt import Apt
from bluejacket.foundation.debian.archive import DebianArchive
from bluejacket.foundation.index import Index
from bluejacket.foundation.lock import Lock, asked_by, chains, epoch_of, lock_file, read_lock, write_lock
from bluejacket.foundation.resolve import resolve
from bluejacket.store import State
from debarchive import NOW, DebArchive
from keys import key
from told import Told
from webserver import Site, serve

FILES = {
    "distribution.toml": """
        [distribution]
        id = "small"
        name = "Small Linux"
        vendor = "Small"
        home = "https://small.example/"
        bug_url = "https://small.example/bugs"
        """,
    "releases/1.toml": """
        [release]
        codename = "One"
        foundation = "small"
        groups = ["all"]
        feed = "main"
        published = 2026-11-01
        [tools]
        packages = ["tool"]
        """,
    "foundations/small.toml": """
        [foundation]
        kind = "debian"
        [[foundation.suite]]
        name = "forky"
        mirror = "MIRROR"
        keyring = "keyring.gpg"
        """,
    "feeds/main.toml": """
        [feed]
        description = "Small"
        address = "https://small.example/feed"
        variable = "small_feed"
        """,
    "components/all.toml": """
        [group]
        description = "All"
        [[component]]
        name = "app"
        reason = "the test wants it"
        """,
}


class Small:
    """A distribution of one component on an archive of its own."""

    def __init__(self, folder: Path, site: Site, archive: DebArchive) -> None:
        self.folder, self.site, self.archive = folder / "distro", site, archive
        for name, text in FILES.items():
            self.write(name, text)
        (self.folder / "keyring.gpg").write_bytes(archive.keyring())
        self.told = Told()
        self.state = State(folder / "state", self.told)
        self.strict = True

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = (line.strip() for line in text.splitlines())
        file.write_text("\n".join(lines).strip().replace("MIRROR", self.site.url().rstrip("/")) + "\n")

    def release(self) -> Release:
        return load(self.folder).release("1")

    def refresh(self) -> Index:
        class OwnApt(Apt):
            def checks_valid_until(inner) -> bool:  # noqa: N805
                return self.strict

        release = self.release()
        state = self.state
        apt = OwnApt(self.folder / "no-apt")
        return DebianArchive(
            release.foundation, release.folder, state.store, state.indexes, state.report, apt
        ).refresh()

    def lock(self) -> Lock:
        release, index = self.release(), self.refresh()
        lock = resolve(release, index, index)
        write_lock(lock, lock_file(release))
        return lock


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    archive = DebArchive(tmp_path / "mirror")
    archive.add("app", Depends="library (>= 1), first | second", Recommends="nice")
    for name in ("library", "first", "second", "nice", "tool", "unused"):
        archive.add(name)
    archive.publish()
    with serve(archive.root) as site:
        yield Small(tmp_path, site, archive)


def test_the_lock_pins_the_closure_and_says_why(small: Small) -> None:
    lock = small.lock()
    assert [p.package.name for p in lock.packages] == ["app", "first", "library"]
    assert [p.package.name for p in lock.tools] == ["tool"]
    assert lock.epoch == int(NOW.timestamp())
    assert lock.tolerated == ()
    assert read_lock(small.release()) == lock
    (chain,) = chains(lock.packages, "library")
    assert [(c.by, c.relation) for c in chain] == [("", "app"), ("app", "library >= 1-0")]


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
