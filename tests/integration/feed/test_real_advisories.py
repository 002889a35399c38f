"""Advisories from the real archive: trixie alone, and with its security fixes.

Should the security stream be empty, trixie's own updates count as they were one changelog entry ago.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from advisoryschemas import CSAF, OSV, PROVIDER
from bluejacket.definition import Release, load
from bluejacket.feed.advisory import Advisory, Kind, Severity
from bluejacket.feed.advisory.drafts import facts_now
from bluejacket.feed.advisory.facts import Facts, facts_of_all, former_facts
from bluejacket.feed.advisory.files import advisory_files, write_advisories
from bluejacket.feed.advisory.history import new_changes, version_of
from bluejacket.feed.advisory.issue import all_updates, issue
from bluejacket.feed.advisory.mentions import named_cves
from bluejacket.feed.advisory.record import to_json
from bluejacket.feed.advisory.updateinfo import updateinfo_xml
from bluejacket.feed.advisory.verify import verify_advisories
from bluejacket.feed.built import signer_of
from bluejacket.feed.verify import dnf, prepare_dnf
from bluejacket.foundation.lock import Lock, lock_file
from bluejacket.foundation.locked import fetch_locked
from bluejacket.foundation.locking import make_lock
from bluejacket.foundation.metadata import Evr
from bluejacket.package.imported import import_packages
from bluejacket.package.made import Made
from bluejacket.store import State
from bluejacket.tools import Sandbox
from browser import browser
from csafrules import broken_rules, file_name
from feeds import SIGNER, compose
from updates import with_updateinfo

SECURITY = "trixie-security"
SHOWN = 'Array.from(document.querySelectorAll("tbody tr")).filter(r => !r.hidden).map(r => r.dataset.id)'
STABLE_UPDATE = "+deb"  # in the revision of what was changed after the release


@dataclass(frozen=True)
class Moved:
    """Release 3 before and after its security fixes; `lock` is the file of the earlier state."""

    release: Release
    lock: Path
    now: Lock
    before: tuple[Facts, ...]
    after: tuple[Facts, ...]
    is_real: bool


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, distro: Path, state: State) -> Moved:
    folder = tmp_path_factory.mktemp("advisories")
    copy = folder / "distro"
    shutil.copytree(distro, copy, ignore=shutil.ignore_patterns("locks", "advisories"))
    release = load(copy).release("3")
    old, _ = make_lock(state, release, leave_out=(SECURITY,))
    kept = folder / "before.json"
    lock_file(release).rename(kept)
    now, _ = make_lock(state, release)
    before = former_facts(entry.package for entry in old.packages)
    after = facts_now(state, release, now, before)
    if any(one.changes for one in after):
        return Moved(release, kept, now, before, after, is_real=True)
    after = facts_now(state, release, now, [one for one in before if STABLE_UPDATE not in one.release])
    return Moved(release, kept, now, tuple(map(earlier, after)), after, is_real=False)


def earlier(facts: Facts) -> Facts:
    """Give a package as it was before its newest changelog entry; unchanged where it has one alone."""
    versions = [found for change in facts.changes if (found := version_of(change.author))]
    if len(versions) < 2 or versions[0] != facts.package.source_evr:
        return facts
    evr = Evr.parse(versions[1])
    former = replace(
        facts.package,
        epoch=int(evr.epoch),
        version=evr.version,
        release=evr.release,
        source_evr=versions[1],
    )
    return facts._replace(package=former)


@pytest.fixture(scope="module")
def advisories(moved: Moved) -> tuple[Advisory, ...]:
    return issue(moved.release, (), moved.before, moved.after, moved.now.epoch)


def test_the_difference_makes_advisories(moved: Moved, advisories: tuple[Advisory, ...]) -> None:
    assert advisories
    assert [one.id.rpartition(":")[2] for one in advisories] == [
        f"{at:04}" for at in range(1, len(advisories) + 1)
    ]
    after = {one.package.nevra: one.package for one in moved.after}
    before = {one.package.nevra for one in moved.before}
    for one in advisories:
        assert (one.kind, one.severity, one.severity_source) == (Kind.SECURITY, Severity.UNKNOWN, "")
        assert one.cves
        assert one.fixed
        for fixed in one.fixed:
            assert fixed.nevra not in before
            assert fixed.sha256 == after[fixed.nevra].sha256
        assert one.issued == moved.now.epoch


def test_each_cve_stands_in_a_new_entry(moved: Moved, advisories: tuple[Advisory, ...]) -> None:
    updates = {update.source: update for update in all_updates(moved.release, moved.before, moved.after)}
    for one in advisories:
        update = next(u for u in updates.values() if set(one.sources) & set(u.sources))
        named = {cve for change in update.changes for cve in named_cves(change.text)}
        assert set(one.cves) <= named
        told = [one for one in moved.after if one.package.source in update.sources]
        entries = {c for p in told for u in updates.values() for c in new_changes(p.changes, u.before)}
        assert set(update.changes) <= entries


def test_the_kernel_wants_a_reboot(advisories: tuple[Advisory, ...]) -> None:
    for one in advisories:
        assert one.reboot_suggested is bool(
            {"linux", "linux-signed-amd64", "glibc", "systemd", "dbus"} & set(one.sources)
        )


@pytest.fixture(scope="module")
def made(moved: Moved, advisories: tuple[Advisory, ...], state: State) -> list[Made]:
    """The packages that have the fixes."""
    names = {fixed.name for one in advisories for fixed in one.fixed}
    locked = [entry for entry in moved.now.packages if entry.package.name in names]
    files = fetch_locked(state, moved.release, locked, "Packages")
    packages = [entry.package for entry in locked]
    return import_packages(state.store, moved.release, packages, files, signer_of(state, moved.release))


def test_their_documents_are_valid(moved: Moved, advisories: tuple[Advisory, ...]) -> None:
    files = advisory_files(advisories, moved.release, SIGNER)
    tables = {name: json.loads(data) for name, data in files.items() if name.endswith(".json")}
    PROVIDER.validate(tables.pop("csaf/provider-metadata.json"))
    stems = {one.id.lower().replace(":", "_") for one in advisories}
    for kind in ("osv", "csaf"):
        assert {Path(name).stem for name in tables if name.startswith(f"{kind}/")} == stems
    for name, table in tables.items():
        if name.startswith("osv/"):
            OSV.validate(table)
        else:
            CSAF.validate(table)
            assert broken_rules(table) == []
            assert Path(name).name == file_name(table)


def rows(facts: Iterable[Facts]) -> list[dict[str, object]]:
    """Give what an image's list of packages says of them."""
    packages = [one.package for one in facts]
    return [{"name": p.name, "evr": p.evr, "arch": p.arch, "sha256": p.sha256} for p in packages]


def test_all_formats_the_packages_and_an_image_agree(
    moved: Moved, advisories: tuple[Advisory, ...], made: list[Made], tmp_path: Path
) -> None:
    """And an image of the former packages lacks every fix."""
    text = updateinfo_xml(advisories, moved.release, moved.now.epoch)
    folder = with_updateinfo(compose(tmp_path / "plain", *made), tmp_path / "snapshot", text)
    (folder / "advisories.json").write_text(to_json(advisories))
    write_advisories(folder, advisories, moved.release, SIGNER)
    images = {"vm": rows(facts_of_all(made))}
    assert verify_advisories(folder, images, certificate=SIGNER.certificate()) == []
    names = {fixed.name for one in advisories for fixed in one.fixed}
    former = {"vm": rows(one for one in moved.before if one.package.name in names)}
    found = verify_advisories(folder, former, certificate=SIGNER.certificate())
    assert {one.file for one in found} == {"image vm"}
    assert {one.id for one in found if one.field == "fixed"} == {one.id for one in advisories}


def test_people_find_them_in_a_browser(
    moved: Moved, advisories: tuple[Advisory, ...], tmp_path: Path
) -> None:
    write_advisories(tmp_path / "site", advisories, moved.release)
    folder = tmp_path / "site/advisories"
    with browser(tmp_path) as chromium:
        page = chromium.open((folder / "index.html").as_uri(), 320)
        for one in advisories:
            page.type("input[name=q]", one.cves[0])
            shown = page.run(SHOWN)
            assert one.id in shown
            assert set(shown) == {other.id for other in advisories if one.cves[0] in other.cves}
        for file in sorted(folder.glob("*.html")):
            page.go(file.as_uri())
            over = page.run("document.documentElement.scrollWidth - window.innerWidth")
            assert over <= 0, f"{file.name} is {over} pixels wider than a small phone"
            assert page.complaints() == [], file.name


def test_dnf_lists_them(
    moved: Moved, advisories: tuple[Advisory, ...], made: list[Made], sandbox: Sandbox, tmp_path: Path
) -> None:
    text = updateinfo_xml(advisories, moved.release, moved.now.epoch)
    feed = with_updateinfo(compose(tmp_path / "plain", *made), tmp_path / "feed", text)
    (tmp_path / "work").mkdir()
    options = prepare_dnf(tmp_path / "work", feed, SIGNER.certificate())
    # DNF5 tells of what is installed, so the packages are, without their files and what they require.
    paths = [f"/run/feed/{file.relative_to(feed)}" for file in feed.glob("packages/*/*.rpm")]
    insert = ["rpm", "--root", "/run/work/root", "-i", "--justdb", "--nodeps", "--noscripts", "--nosignature"]
    sandbox.run([*insert, *paths], name="rpm-justdb", **options)
    line = dnf("--setopt=optional_metadata_types=updateinfo", "advisory", "info", "--all")
    told = sandbox.output(line, name="advisory-info", **options)
    for one in advisories:
        assert one.id in told
        assert one.title in told
        for cve in one.cves:
            assert cve in told
        for fixed in one.fixed:
            assert fixed.nevra in told


def test_drafts_are_written_once_and_found_again(moved: Moved, advisories: tuple[Advisory, ...]) -> None:
    if not moved.is_real:
        earlier_lock = json.loads(moved.lock.read_text())
        by_name = {one.package.name: one.package for one in moved.before}
        for row in (row for row in earlier_lock["packages"] if row["name"] in by_name):
            row["evr"], row["source_version"] = by_name[row["name"]].evr, by_name[row["name"]].source_evr
        moved.lock.write_text(json.dumps(earlier_lock))

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bluejacket", "--distro", str(moved.release.folder), *words]
        return subprocess.run(command, text=True, capture_output=True, timeout=900, check=False)

    done = call("--json", "advisory", "draft", "3", "--since", str(moved.lock), "--write")
    assert done.returncode == 0, done.stderr
    drafted = json.loads(done.stdout)
    assert [one["id"] for one in drafted] == [one.id for one in advisories]
    folder = moved.release.folder / "advisories"
    assert {file.name for file in folder.iterdir()} == {
        f"{one.id.replace(':', '-')}.toml" for one in advisories
    }
    assert json.loads(call("--json", "advisory", "draft", "3", "--since", str(moved.lock)).stdout) == []
    listed = json.loads(call("--json", "advisory", "list", "--cve", advisories[0].cves[0]).stdout)
    assert [(one["id"], one["state"]) for one in listed] == [(advisories[0].id, "written")]
    shown = json.loads(call("--json", "advisory", "show", advisories[0].id).stdout)
    assert shown["cves"] == list(advisories[0].cves)
    kept = issue(load(moved.release.folder).release("3"), (), moved.before, moved.after, moved.now.epoch)
    assert [(one.id, one.title, one.cves) for one in kept] == [
        (one.id, one.title, one.cves) for one in advisories
    ]
    assert kept == advisories or not moved.is_real
