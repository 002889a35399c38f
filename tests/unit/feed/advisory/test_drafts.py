"""Drafts as files: what is written is what the definitions read, and no file is overwritten."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisories import ISSUED, SECURITY
from bluejacket.definition import Release, load
from bluejacket.errors import UserError
from bluejacket.feed.advisory import Advisory, Kind, Reference, Severity
from bluejacket.feed.advisory.drafts import Draft, drafts, facts_since
from bluejacket.feed.advisory.issue import issue
from bluejacket.feed.advisory.names import writable
from bluejacket.feed.advisory.toml import as_toml, write_drafts
from bluejacket.store import State
from factsmade import facts, fixing

GOOD = Path(__file__).parents[2] / "definition" / "good"
A, B = "CVE-2026-1111", "CVE-2026-22222"
OLD = (fixing("bash", "1:5.2-1"), fixing("dash", "1-1"), facts("signs", "1-1"))
NEW = (fixing("bash", "1:5.2-2", A, B), fixing("dash", "1-2"), facts("signs", "1-1"))


@pytest.fixture
def distro(tmp_path: Path) -> Path:
    folder = tmp_path / "distro"
    shutil.copytree(GOOD, folder)
    shutil.rmtree(folder / "advisories")
    return folder


def release(distro: Path) -> Release:
    return load(distro).release("1")


def test_a_draft_that_is_kept_becomes_the_advisory(distro: Path) -> None:
    made = drafts(release(distro), OLD, NEW, ISSUED)
    (file,) = write_drafts(made, "1", distro / "advisories")
    assert file.name == "HASA-2026-0001.toml"
    assert issue(release(distro), (), OLD, NEW, ISSUED) == (made[0].advisory,)
    assert drafts(release(distro), OLD, NEW, ISSUED) == ()


def test_bug_fixes_are_drafted_on_demand(distro: Path) -> None:
    found = drafts(release(distro), OLD, NEW, ISSUED, bug_fixes=True, taken=["HABA-2026:0004"])
    assert [(one.advisory.id, one.component, one.fixed_in) for one in found] == [
        ("HASA-2026:0001", "bash", "1:5.2-2"),
        ("HABA-2026:0005", "dash", "1-2"),
    ]
    assert found[1].advisory.description == "A Person <a@example.org> - 1-2\n- Something else"
    write_drafts(found, "1", distro / "advisories")
    assert drafts(release(distro), OLD, NEW, ISSUED, bug_fixes=True) == ()


def test_no_file_is_overwritten(distro: Path) -> None:
    made = drafts(release(distro), OLD, NEW, ISSUED, bug_fixes=True)
    (distro / "advisories").mkdir()
    mine = distro / "advisories/HABA-2026-0001.toml"
    mine.write_text("# mine\n")
    with pytest.raises(UserError, match="is there already"):
        write_drafts(made, "1", distro / "advisories")
    assert [file.name for file in mine.parent.iterdir()] == [mine.name]
    assert mine.read_text() == "# mine\n"


TEXT = st.text(min_size=1)


@given(TEXT, TEXT, TEXT, TEXT)
def test_any_words_come_back(title: str, description: str, source: str, reference: str) -> None:
    advisory = Advisory(
        "HASA-2026:0001", Kind.SECURITY, Severity.LOW, title, description, ISSUED, ISSUED, (A,),
        references=(Reference("vendor", reference, "https://a.example/", title),), severity_source=source,
    )  # fmt: skip
    table = tomllib.loads(as_toml(Draft(advisory, "bash", "1-1"), "1"))["advisory"]
    assert (table["title"], table["description"]) == (writable(title), writable(description))
    assert table["severity_source"] == writable(source)
    assert table["reference"][0]["id"] == writable(reference)


def test_a_draft_of_everything_loads(distro: Path) -> None:
    draft = Draft(SECURITY, "openssl", "1:3.5.4-1")
    text = as_toml(draft, "1").replace("BJSA", "HASA")
    (distro / "advisories").mkdir()
    (distro / "advisories/a.toml").write_text(text)
    (said,) = release(distro).advisories
    assert (said.severity, said.severity_source, said.cves) == (Severity.HIGH, "Debian", SECURITY.cves)
    assert said.releases == ("1",)
    assert [one.url for one in said.references] == ["https://vendor.example/dsa-1"]


def test_an_earlier_state_has_to_be_there(distro: Path, tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    with pytest.raises(UserError, match=r"has no snapshot yet to compare with .*--since"):
        facts_since(state, release(distro), None)
    with pytest.raises(UserError, match="neither a file nor a snapshot of release 1"):
        facts_since(state, release(distro), "20260101.1")
    broken = tmp_path / "lock.json"
    broken.write_text("{}")
    with pytest.raises(UserError, match=r"lock\.json: the lock cannot be read"):
        facts_since(state, release(distro), str(broken))
