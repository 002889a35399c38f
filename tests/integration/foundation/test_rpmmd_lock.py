"""A release on RPM repositories: locked from a metalink to the packages' signatures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bluejacket.definition import Release, load
from bluejacket.errors import OutsideError, UserError
from bluejacket.foundation.lock import Lock, lock_file, read_lock
from bluejacket.foundation.locking import fetch_locked, make_lock
from bluejacket.foundation.openpgp import BadSignature, spelled
from bluejacket.store import State
from keys import key
from rpmrepo import Spec, metalink, package, repository
from told import Told
from webserver import Site, serve

pytestmark = pytest.mark.integration

OURS, FOREIGN = key("Ours"), key("Foreign")
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
        foundation = "rpms"
        groups = ["all"]
        feed = "main"
        published = 2026-11-01
        [tools]
        packages = ["tool"]
        """,
    "foundations/rpms.toml": """
        [foundation]
        kind = "rpmmd"
        release = "43"
        [[foundation.repository]]
        id = "frozen"
        metalink = "MIRROR/metalink-$releasever-$basearch"
        metadata_signed = false
        key_file = ["keys.asc"]
        keys = ["KEY"]
        exclude = ["*.i686"]
        [[foundation.repository]]
        id = "updates"
        baseurl = ["MIRROR/updates"]
        key_file = ["keys.asc"]
        keys = ["KEY"]
        security = true
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


@dataclass
class Small:
    folder: Path
    site: Site
    state: State
    told: Told

    def release(self) -> Release:
        return load(self.folder).release("1")

    def lock(self) -> Lock:
        return make_lock(self.state, self.release())[0]

    def publish(self, timestamp: int = 1000) -> None:
        frozen = repository(self.site.folder / "frozen", revision=str(timestamp))
        link = metalink([self.site.url("/frozen/")], frozen.read_bytes(), timestamp)
        (self.site.folder / "metalink-43-x86_64").write_bytes(link)
        repository(self.site.folder / "updates", revision=str(timestamp), signer=OURS)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    root = tmp_path / "mirror"
    frozen, updates = root / "frozen/Packages", root / "updates/Packages"
    package(Spec("app", requires=["library"], recommends=["extra"]), frozen, [OURS])
    package(Spec("library", "1.0"), frozen, [OURS])
    package(Spec("library", "1.1", epoch=1), updates, [OURS])
    for name in ("extra", "tool", "data"):
        package(Spec(name, files={f"/usr/share/{name}/deep": b"deep\n"}), frozen, [OURS])
    with serve(root) as site:
        told = Told()
        made = Small(tmp_path / "distro", site, State(tmp_path / "state", told), told)
        fingerprint = spelled(OURS.extract_certificate().fingerprint)
        for name, text in FILES.items():
            file = made.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            text = text.replace("MIRROR", site.url().rstrip("/")).replace("KEY", fingerprint)
            file.write_text("\n".join(line.strip() for line in text.splitlines()).strip() + "\n")
        (made.folder / "keys.asc").write_text(str(OURS.extract_certificate()))
        made.publish()
        yield made


def test_lock_takes_the_newest_of_all_repositories(small: Small) -> None:
    lock = small.lock()
    got = [(p.package.nevra, p.package.archive) for p in lock.packages]
    assert got == [("app-1.0-1.x86_64", "frozen"), ("library-1:1.1-1.x86_64", "updates")]
    assert [p.package.name for p in lock.tools] == ["tool"]
    app = lock.packages[0].package
    assert (app.requires, app.recommends, app.location) == (
        ("library",),
        ("extra",),
        "Packages/app-1.0-1.x86_64.rpm",
    )
    assert app.summary == "app of a test"
    assert [record.archive for record in lock.indexes] == ["frozen", "updates"]
    assert read_lock(small.release()) == lock


def test_locked_packages_are_fetched_and_verified(small: Small) -> None:
    lock = small.lock()
    files = fetch_locked(small.state, small.release(), lock.packages, "Packages")
    assert sorted(files) == sorted(entry.package.sha256 for entry in lock.packages)


def test_dependency_on_a_path_asks_for_the_lists_of_files(small: Small) -> None:
    folder = small.site.folder / "frozen/Packages"
    package(Spec("app", "2.0", requires=["/usr/share/data/deep"]), folder, [OURS])
    (folder / "app-1.0-1.x86_64.rpm").unlink()
    small.publish(1001)
    assert [p.package.name for p in small.lock().packages] == ["app", "data"]
    assert "looking for /usr/share/data/deep in the lists of all files" in small.told.details
    assert sum("filelists" in asked.path for asked in small.site.asked) == 2


def test_path_that_nobody_has(small: Small) -> None:
    folder = small.site.folder / "frozen/Packages"
    (folder / "app-1.0-1.x86_64.rpm").unlink()
    package(Spec("app", "2.0", requires=["/nowhere"]), folder, [OURS])
    small.publish(1001)
    with pytest.raises(UserError, match=r"nothing provides /nowhere needed by app-2\.0-1"):
        small.lock()


def test_package_of_a_foreign_key_is_refused(small: Small) -> None:
    folder = small.site.folder / "frozen/Packages"
    package(Spec("app", requires=["library"]), folder, [FOREIGN])
    small.publish(1001)
    lock = small.lock()
    for _ in range(2):  # also when it is in the store already
        with pytest.raises(BadSignature, match=r"app-1\.0-1\.x86_64 has no good signature: signed by"):
            fetch_locked(small.state, small.release(), lock.packages, "Packages")


def test_lock_whose_packages_are_gone_says_how_to_renew_it(small: Small) -> None:
    lock = small.lock()
    (small.site.folder / "updates/Packages/library-1.1-1.x86_64.rpm").unlink()
    with pytest.raises(OutsideError, match="`bluejacket lock 1` renews the lock"):
        fetch_locked(small.state, small.release(), lock.packages, "Packages")


def test_repository_of_a_better_priority_wins(small: Small) -> None:
    file = small.folder / "foundations/rpms.toml"
    file.write_text(file.read_text().replace('id = "frozen"', 'id = "frozen"\npriority = 50'))
    assert "library-1.0-1.x86_64" in [p.package.nevra for p in small.lock().packages]


def test_lock_is_the_same_from_the_same_metadata(small: Small) -> None:
    small.lock()
    first = json.loads(lock_file(small.release()).read_text())
    small.lock()
    assert json.loads(lock_file(small.release()).read_text()) == first
