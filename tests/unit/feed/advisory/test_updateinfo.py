"""updateinfo.xml says what the advisories say; createrepo_c and our own reader find it there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import solv

from advisories import ADVISORIES, BUGFIX, SECURITY, SPARED, WITHOUT_CVE
from bluejacket.definition import Release, load
from bluejacket.feed.advisory import Reference, Severity
from bluejacket.feed.advisory.updateinfo import updateinfo_xml
from bluejacket.foundation.rpmmd.updateinfo import parse_updateinfo
from bluejacket.package.describe import createrepo

GOOD = Path(__file__).parents[2] / "definition" / "good"
LATER = 1_800_000_000


@pytest.fixture(scope="module")
def release() -> Release:
    return load(GOOD).release("1")


def test_our_reader_finds_everything(release: Release) -> None:
    text = updateinfo_xml(ADVISORIES, release, LATER)
    found = {one.id: one for one in parse_updateinfo(text.encode(), "updateinfo.xml")}
    assert found.keys() == {one.id for one in ADVISORIES} - {SPARED.id}
    one = found[SECURITY.id]
    assert (one.kind, one.severity, one.status) == ("security", "Important", "final")
    assert one.cves == SECURITY.cves
    assert (one.issued, one.updated) == ("2026-09-21 14:13:20", "2026-09-22 14:13:19")
    assert [p.nevra for p in one.packages] == [p.nevra for p in SECURITY.fixed]
    assert [p.filename for p in one.packages] == [p.filename for p in SECURITY.fixed]
    assert {p.source for p in one.packages} == {"openssl-3.5.4-1.src.rpm"}
    assert all(p.reboot_suggested and not p.relogin_suggested for p in one.packages)
    assert one.description == SECURITY.description
    assert found[WITHOUT_CVE.id].severity == "None"
    assert found[BUGFIX.id].packages[0].relogin_suggested
    assert not found[BUGFIX.id].packages[0].reboot_suggested


@pytest.mark.parametrize(
    ("severity", "word"),
    list(zip(Severity, ("Critical", "Important", "Moderate", "Low", "None"), strict=True)),
)
def test_severities_in_dnfs_words(release: Release, severity: Severity, word: str) -> None:
    text = updateinfo_xml([replace(SECURITY, severity=severity)], release, LATER)
    assert f"<severity>{word}</severity>" in text


def test_createrepo_reads_it_and_writes_the_same(release: Release, tmp_path: Path) -> None:
    text = updateinfo_xml(ADVISORIES, release, LATER)
    file = tmp_path / "updateinfo.xml"
    file.write_text(text, "utf-8")
    again = createrepo().UpdateInfo(str(file))
    assert [one.id for one in again.updates] == [one.id for one in ADVISORIES if one != SPARED]
    assert again.xml_dump() == text
    assert updateinfo_xml(ADVISORIES, release, LATER) == text


def test_nothing_is_dated_later_than_the_feed(release: Release) -> None:
    text = updateinfo_xml([replace(SECURITY, issued=LATER + 10, updated=LATER + 99)], release, LATER)
    assert text.count('date="2027-01-15 08:00:00"') == 2


def test_characters_that_xml_cannot_hold(release: Release, tmp_path: Path) -> None:
    """In any text that came from elsewhere; what can be read is read, and by createrepo_c too."""
    bad = "a\x00b\x0b\x1b[31m\ud800\uffffz"
    strange = Reference("vendor", f"id {bad}", f"https://vendor.example/{bad}", f"title {bad}")
    told = replace(SECURITY, title=bad, description=f"{bad}\r\n{bad}", references=(strange,))
    file = tmp_path / "updateinfo.xml"
    file.write_text(updateinfo_xml([told], release, LATER), "utf-8")
    (one,) = parse_updateinfo(file.read_bytes(), "updateinfo.xml")
    clean = "a\ufffdb\ufffd\ufffd[31m\ufffd\ufffdz"
    assert (one.title, one.description) == (clean, f"{clean}\n{clean}")
    (reference,) = one.references
    assert (reference.id, reference.title) == (f"id {clean}", f"title {clean}")
    assert [record.id for record in createrepo().UpdateInfo(str(file)).updates] == [SECURITY.id]


def test_no_advisories(release: Release) -> None:
    assert parse_updateinfo(updateinfo_xml([], release, LATER).encode(), "u") == ()


def test_libsolv_reads_it(release: Release, tmp_path: Path) -> None:
    """DNF 4 and DNF5 leave the reading to it."""
    file = tmp_path / "updateinfo.xml"
    file.write_text(updateinfo_xml(ADVISORIES, release, LATER), "utf-8")
    pool = solv.Pool()
    repo = pool.add_repo("feed")
    stream = solv.xfopen(str(file))
    assert repo.add_updateinfoxml(stream)
    stream.close()
    found = {one.name: one for one in repo.solvables_iter()}
    assert found.keys() == {f"patch:{one.id}" for one in ADVISORIES if one != SPARED}
    one = found[f"patch:{SECURITY.id}"]
    assert one.lookup_str(solv.SOLVABLE_PATCHCATEGORY) == "security"
    assert one.lookup_str(solv.UPDATE_SEVERITY) == "Important"
    assert one.lookup_num(solv.SOLVABLE_BUILDTIME) == SECURITY.updated
    fixed = {str(dep) for dep in one.lookup_deparray(solv.SOLVABLE_CONFLICTS)}
    assert "libssl3t64.x86_64 < 1:3.5.4-1" in fixed
