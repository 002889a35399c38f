"""A release on RPM repositories: locked from a metalink to the packages' signatures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from createrepo_c import UpdateCollection, UpdateCollectionPackage, UpdateRecord
from pysequoia import Tsk

from bluejacket.definition import Release, Severity, load
from bluejacket.errors import OutsideError, UserError
from bluejacket.feed.advisory.drafts import drafts, facts_now, foreign_advisories
from bluejacket.feed.advisory.facts import Facts, former_facts
from bluejacket.feed.fixes import pending, see
from bluejacket.feed.sources import corresponding, mirror
from bluejacket.feed.upstream import Reason, newer
from bluejacket.foundation.lock import Lock, lock_file, read_lock
from bluejacket.foundation.locked import fetch_locked
from bluejacket.foundation.locking import make_lock
from bluejacket.foundation.openpgp import BadSignature, spelled
from bluejacket.store import State
from keys import key
from rpmrepo import Spec, metalink, package, repository
from smalldistro import FILES, write_definition
from told import Told
from webserver import Site, serve

pytestmark = pytest.mark.integration

CVE = "CVE-2026-1111"
OURS, FOREIGN = key("Ours"), key("Foreign")
FOUNDATION = """
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
    """


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
        files = FILES | {"foundations/small.toml": FOUNDATION.replace("KEY", fingerprint)}
        for name, text in files.items():
            write_definition(made.folder / name, text, site)
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


def with_sources(small: Small, *signers: Tsk) -> None:
    """Give the foundation a repository of source packages, which lacks that of `library`."""
    folder = small.site.folder / "sources"
    package(Spec("app", arch="src"), folder / "Packages", signers)
    package(Spec("app", "2.0", arch="src"), folder / "Packages", signers)
    repository(folder, signer=OURS)
    file = small.folder / "foundations/small.toml"
    updates = file.read_text().rpartition("[[foundation.repository]]")[2]
    of_sources = updates.replace("updates", "sources").replace("security = true", "source = true")
    file.write_text(file.read_text() + "[[foundation.repository]]" + of_sources)


def test_source_packages_are_found_verified_and_mirrored(small: Small, tmp_path: Path) -> None:
    with_sources(small, OURS)
    lock, release = small.lock(), small.release()
    app, library = lock.sources
    assert (app.name, app.version, app.of, app.archive) == ("app", "1.0-1", ("app",), "sources")
    assert (library.name, library.missing) == ("library", True)
    assert "small has no source of 1 source packages: library 1:1.1-1" in small.told.warnings
    done = mirror(small.state, release, corresponding(small.state, release, lock), tmp_path / "mirrored")
    assert (done.files, done.missing) == (1, (library,))
    assert (tmp_path / "mirrored/app/1.0-1/app-1.0-1.src.rpm").stat().st_size == app.size


def test_source_package_of_a_foreign_key_is_refused(small: Small, tmp_path: Path) -> None:
    with_sources(small, FOREIGN)
    lock, release = small.lock(), small.release()
    with pytest.raises(BadSignature, match="has no good signature: signed by"):
        mirror(small.state, release, corresponding(small.state, release, lock), tmp_path / "mirrored")
    assert not list((tmp_path / "mirrored").rglob("*.rpm"))


def test_dependency_on_a_path_asks_for_the_lists_of_files(small: Small) -> None:
    folder = small.site.folder / "frozen/Packages"
    package(Spec("app", "2.0", requires=["/usr/share/data/deep"]), folder, [OURS])
    (folder / "app-1.0-1.x86_64.rpm").unlink()
    small.publish(1001)
    assert [p.package.name for p in small.lock().packages] == ["app", "data"]
    assert "looking for /usr/share/data/deep in the lists of all files" in small.told.details
    assert sum("filelists" in asked.path for asked in small.site.asked) == 2


def test_only_one_package_moves_and_paths_are_still_met(small: Small) -> None:
    folder = small.site.folder / "frozen/Packages"
    package(Spec("app", "2.0", requires=["/usr/share/data/deep", "library"]), folder, [OURS])
    (folder / "app-1.0-1.x86_64.rpm").unlink()
    small.publish(1001)
    fetch_locked(small.state, small.release(), small.lock().packages, "Packages")
    package(Spec("data", "2.0", files={"/usr/share/data/deep": b"deep\n"}), folder, [OURS])
    (folder / "data-1.0-1.x86_64.rpm").unlink()
    package(Spec("library", "1.2", epoch=1), small.site.folder / "updates/Packages", [OURS])
    small.publish(1002)
    lock, changes = make_lock(small.state, small.release(), only=["library"])
    assert [p.package.nevra for p in lock.packages] == [
        "app-2.0-1.x86_64",
        "data-1.0-1.x86_64",
        "library-1:1.2-1.x86_64",
    ]
    assert changes.reasons == ("asked for",)
    assert len(fetch_locked(small.state, small.release(), lock.packages, "Packages")) == 3


def test_newer_packages_are_told_with_their_repository(small: Small) -> None:
    lock = small.lock()
    package(Spec("library", "1.2", epoch=1), small.site.folder / "updates/Packages", [OURS])
    small.publish(1001)
    (library,) = newer(small.state, small.release(), lock)
    assert (library.source, library.before, library.after) == ("library", "1:1.1-1", "1:1.2-1")
    assert (library.reason, library.suites, library.security) == (Reason.NEW_VERSION, ("updates",), True)
    repository(small.site.folder / "updates", revision="1002", signer=OURS, updates=[told("1.2")])
    (library,) = found = newer(small.state, small.release(), lock)
    assert (library.reason, library.cves, library.ratings) == (Reason.SECURITY, (CVE,), {CVE: Severity.HIGH})
    (fix,) = pending(small.release(), see(small.state, small.release(), found, 0), lock, None, 0)
    assert (fix.cve, fix.severity, fix.goal) == (CVE, Severity.HIGH, small.release().fix_days.high)


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
    file = small.folder / "foundations/small.toml"
    file.write_text(file.read_text().replace('id = "frozen"', 'id = "frozen"\npriority = 50'))
    assert "library-1.0-1.x86_64" in [p.package.nevra for p in small.lock().packages]


def test_lock_is_the_same_from_the_same_metadata(small: Small) -> None:
    small.lock()
    first = json.loads(lock_file(small.release()).read_text())
    small.lock()
    assert json.loads(lock_file(small.release()).read_text()) == first


def told(version: str) -> UpdateRecord:
    """Give an advisory of the foundation, that this version of `library` fixes a CVE."""
    record = UpdateRecord()
    record.id, record.type, record.severity = "RPMS-2026-1", "security", "Important"
    record.title = f"library: {CVE}"
    collection, fixed = UpdateCollection(), UpdateCollectionPackage()
    fixed.name, fixed.epoch, fixed.version, fixed.release = "library", "1", version, "1"
    fixed.arch, fixed.filename = "x86_64", f"library-{version}-1.x86_64.rpm"
    collection.append(fixed)
    record.append_collection(collection)
    return record


def test_the_foundations_own_advisories_become_drafts(small: Small) -> None:
    """With their severity and CVEs, which no changelog has to name; nothing is downloaded for it."""
    repository(small.site.folder / "updates", revision="1001", signer=OURS, updates=[told("1.1")])
    lock, release = small.lock(), small.release()
    now = former_facts(entry.package for entry in lock.packages)
    before = [Facts(replace(one.package, epoch=0, version="1.0", source_evr="1.0-1")) for one in now]
    after = facts_now(small.state, release, lock, before)
    foreign = foreign_advisories(small.state, release)
    (found,) = drafts(release, before, after, lock.epoch, foreign=foreign)
    assert (found.component, found.fixed_in) == ("library", "1:1.1-1")
    assert (found.advisory.severity, found.advisory.severity_source) == ("high", "RPMS-2026-1")
    assert found.advisory.cves == (CVE,)
