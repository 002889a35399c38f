"""The advisories of a row of states: what is new, what stays, what maintainers change, and the numbers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluejacket.definition import Release, load
from bluejacket.errors import UserError
from bluejacket.feed.advisory import Advisory, Kind, Severity
from bluejacket.feed.advisory.facts import Change, Facts
from bluejacket.feed.advisory.issue import issue, left_out
from bluejacket.feed.advisory.numbers import Numbers
from bluejacket.foundation.rpmmd.updateinfo import Advisory as Foreign
from bluejacket.foundation.rpmmd.updateinfo import Fixed as ForeignFixed
from bluejacket.foundation.rpmmd.updateinfo import Reference as ForeignReference
from factsmade import facts, fixing

GOOD = Path(__file__).parents[2] / "definition" / "good"
NOW = 1_790_000_000  # 2026-09-21
DAY = 86_400
A, B = "CVE-2026-1111", "CVE-2026-22222"
Says = Callable[..., Release]


@cache
def good() -> Release:
    return load(GOOD).release("1")


@pytest.fixture
def says(tmp_path: Path) -> Says:
    """Give a release whose definitions hold these advisories, each the text of a file's table."""
    turn = count()

    def release(*tables: str, more: str = "") -> Release:
        folder = tmp_path / str(next(turn))
        shutil.copytree(GOOD, folder)
        shutil.rmtree(folder / "advisories")
        (folder / "advisories").mkdir()
        for at, table in enumerate(tables):
            (folder / "advisories" / f"{at}.toml").write_text(f"[advisory]\n{table}")
        who = folder / "distribution.toml"
        who.write_text(who.read_text().replace("[defaults]", f"{more}\n[defaults]"))
        return load(folder).release("1")

    return release


OLD = (fixing("bash", "5.2-1"), fixing("systemd", "257-1"))
NEW = (fixing("bash", "5.2-2", A, B), fixing("systemd", "257-2"))


def test_a_changelog_makes_an_advisory(says: Says) -> None:
    release = says(more='reboot_after = ["systemd"]')
    (found,) = issue(release, (), OLD, NEW, NOW)
    assert (found.id, found.kind, found.severity) == ("HASA-2026:0001", Kind.SECURITY, Severity.UNKNOWN)
    assert found.cves == (A, B)
    assert [one.nevra for one in found.fixed] == ["bash-5.2-2.x86_64"]
    assert found.fixed == (NEW[0].package,)
    assert [(one.kind, one.id) for one in found.references] == [("cve", A), ("cve", B)]
    assert (found.issued, found.updated) == (NOW, NOW)
    assert found.description == f"A Person <a@example.org> - 5.2-2\n- Fix {A}\n- Fix {B}"
    assert not found.reboot_suggested
    (other,) = issue(release, (), OLD, (fixing("systemd", "257-2", A),), NOW)
    assert other.reboot_suggested


def test_new_ones_are_dated_by_the_foundation_and_changes_by_the_day(says: Says) -> None:
    text = f'component = "bash"\ncves = ["{A}"]\nseverity = "low"\nseverity_source = "CISA"\n'
    (first,) = issue(says(text), (), OLD, NEW, NOW, seen=NOW - DAY)
    assert (first.issued, first.updated) == (NOW - DAY, NOW - DAY)
    (second,) = issue(says(text.replace("low", "high")), (first,), NEW, NEW, NOW + DAY, seen=NOW - DAY)
    assert (second.issued, second.updated) == (NOW - DAY, NOW + DAY)


def test_nothing_is_new_where_nothing_rose(says: Says) -> None:
    assert issue(says(), (), NEW, NEW, NOW) == ()
    assert issue(says(), (), NEW, OLD, NOW) == ()
    assert issue(says(), (), (), NEW, NOW) == ()


def test_former_ones_stay_and_numbers_go_on(says: Says) -> None:
    release = says()
    first = issue(release, (), OLD, NEW, NOW)
    newer = (fixing("bash", "5.2-3", "CVE-2026-33333"), NEW[1])
    second = issue(release, first, NEW, newer, NOW + DAY)
    assert second[0] == first[0]
    assert [one.id for one in second] == ["HASA-2026:0001", "HASA-2026:0002"]
    assert issue(release, second, newer, newer, NOW + 2 * DAY) == second


def test_numbers_of_other_releases_and_of_files_are_taken(says: Says) -> None:
    text = 'kind = "security"\ncomponent = "ghost"\nfixed_in = "1-1"\ntitle = "t"\nid = '
    release = says(f'{text}"HASA-2026:0004"\nreleases = ["2"]')
    (found,) = issue(release, (), OLD, NEW, NOW, taken=["HASA-2026:0008", "HASA-2025:0100", "HABA-2026:0200"])
    assert found.id == "HASA-2026:0009"
    (found,) = issue(release, (), OLD, NEW, NOW)
    assert found.id == "HASA-2026:0005"


WRITTEN = f"""\
id = "HASA-2026:0042"
kind = "security"
component = "bash"
cves = ["{A}"]
fixed_in = "5.2-2"
title = "bash no longer runs what a variable holds"
severity = "high"
severity_source = "its maintainers"
"""


def test_a_written_one_takes_the_place_of_the_drafted(says: Says) -> None:
    """Also of the CVE that its author struck out."""
    release = says(WRITTEN)
    assert issue(release, (), OLD, OLD, NOW) == ()
    (found,) = issue(release, (), OLD, NEW, NOW)
    assert (found.id, found.cves) == ("HASA-2026:0042", (A,))
    assert (found.severity, found.severity_source) == (Severity.HIGH, "its maintainers")
    assert [one.nevra for one in found.fixed] == ["bash-5.2-2.x86_64"]
    assert left_out(release, OLD, NEW) == (("HASA-2026:0042", (B,)),)


def test_what_comes_after_a_written_one_is_drafted(says: Says) -> None:
    last, told = "CVE-2026-33333", NEW[0].changes
    newest = ((last_fix := fixing("bash", "5.2-3", last))._replace(changes=(*last_fix.changes, *told)),)
    found = {one.id: one.cves for one in issue(says(WRITTEN), (), OLD, newest, NOW)}
    assert found == {"HASA-2026:0042": (A,), "HASA-2026:0043": (last,)}
    assert left_out(says(WRITTEN), OLD, newest) == (("HASA-2026:0042", (B,)),)


def test_a_written_one_suggests_a_reboot_by_the_list(says: Says) -> None:
    more = 'reboot_after = ["bash"]'
    (found,) = issue(says(WRITTEN, more=more), (), NEW, NEW[:1], NOW)
    assert found.reboot_suggested
    (found,) = issue(says(WRITTEN + "reboot_suggested = false", more=more), (), NEW, NEW[:1], NOW)
    assert not found.reboot_suggested


def test_an_issued_one_keeps_its_packages_and_takes_new_words(says: Says) -> None:
    first = issue(says(WRITTEN), (), OLD, NEW, NOW)
    newer = (fixing("bash", "5.2-9"), NEW[1])
    changed = says(WRITTEN.replace('"high"', '"critical"') + "updated = 2026-10-01\n")
    second = issue(changed, first, NEW, newer, NOW + 20 * DAY)
    mine = next(one for one in second if one.id == "HASA-2026:0042")
    assert [one.nevra for one in mine.fixed] == ["bash-5.2-2.x86_64"]
    assert (mine.severity, mine.issued, mine.updated) == (Severity.CRITICAL, NOW, 1_790_812_800)


def test_a_file_that_writes_one_is_all_that_it_says(says: Says) -> None:
    """A CVE that a maintainer strikes out goes; another file's amendment stays, and stays the same."""
    both = WRITTEN.replace(f'cves = ["{A}"]', f'cves = ["{A}", "{B}"]')
    page = '\n[[advisory.reference]]\nurl = "https://bash.example/"\n'
    amends = 'component = "bash"\ncves = ["CVE-2026-1111"]\nreboot_suggested = true\n'
    (first,) = issue(says(both + page, amends), (), OLD, NEW, NOW)
    assert (first.cves, first.reboot_suggested, len(first.references)) == ((A, B), True, 3)
    (second,) = issue(says(WRITTEN, amends), (first,), NEW, NEW, NOW + DAY)
    assert (second.cves, second.reboot_suggested) == ((A,), True)
    assert [one.id for one in second.references] == [A]
    assert (second.issued, second.updated) == (NOW, NOW + DAY)
    assert issue(says(WRITTEN, amends), (second,), NEW, NEW, NOW + 2 * DAY) == (second,)
    (third,) = issue(says(amends), (second,), NEW, NEW, NOW + 2 * DAY)
    assert third == second


def test_a_bug_fix_of_an_own_package(says: Says) -> None:
    text = 'id = "HABA-2026:0001"\nkind = "bugfix"\ncomponent = "signs"\nfixed_in = "2-1"\ntitle = "t"\n'
    own = facts("signs-left", "2-1", source="signs"), facts("signs-right", "2-1", source="signs")
    (found,) = issue(says(text), (), (facts("signs-left", "1-1", source="signs"),), own, NOW)
    assert (found.kind, [one.name for one in found.fixed]) == (Kind.BUGFIX, ["signs-left", "signs-right"])
    (found,) = issue(says(text + 'packages = ["signs-right"]'), (), (), own, NOW)
    assert [one.name for one in found.fixed] == ["signs-right"]


def test_amending_by_component_and_cve(says: Says) -> None:
    text = f'component = "bash"\ncves = ["{B}"]\nseverity = "low"\nseverity_source = "CISA"\n'
    text += "reboot_suggested = true"
    release = says(text)
    (found,) = issue(release, (), OLD, NEW, NOW)
    assert (found.severity, found.severity_source, found.reboot_suggested) == (Severity.LOW, "CISA", True)
    assert found.cves == (A, B)
    assert issue(release, (found,), NEW, NEW, NOW + DAY) == (found,)
    stranger = says(text.replace('"bash"', '"systemd"'))
    assert issue(stranger, (), OLD, NEW, NOW)[0].severity is Severity.UNKNOWN


def test_amending_by_number(says: Says) -> None:
    (first,) = issue(says(), (), OLD, NEW, NOW)
    text = """\
amends = "HASA-2026:0001"
title = "better"
cves = ["CVE-2026-33333"]

[[advisory.reference]]
url = "https://bash.example/"
"""
    (found,) = issue(says(text), (first,), NEW, NEW, NOW + DAY)
    assert (found.title, found.cves) == ("better", (A, B, "CVE-2026-33333"))
    assert [one.url for one in found.references if one.kind == "other"] == ["https://bash.example/"]
    assert (found.issued, found.updated) == (NOW, NOW + DAY)
    assert issue(says(text), (found,), NEW, NEW, NOW + 2 * DAY) == (found,)


def test_each_amendment_is_kept(says: Says) -> None:
    (first,) = issue(says(), (), OLD, NEW, NOW)
    assert first.revisions == ()
    title = 'amends = "HASA-2026:0001"\ntitle = "better"\n'
    (second,) = issue(says(title), (first,), NEW, NEW, NOW + DAY)
    worse = title + 'severity = "high"\nseverity_source = "CISA"\n'
    (third,) = issue(says(worse), (second,), NEW, NEW, NOW + 2 * DAY)
    assert (third.revisions, third.updated) == ((NOW + DAY, NOW + 2 * DAY), NOW + 2 * DAY)
    assert issue(says(worse), (third,), NEW, NEW, NOW + 3 * DAY) == (third,)
    unkept = replace(second, amended=())  # of a record from before they were kept
    assert issue(says(worse), (unkept,), NEW, NEW, NOW + 2 * DAY) == (third,)
    (last,) = issue(says(worse.replace("high", "low")), (third,), NEW, NEW, NOW)
    assert last.revisions == third.revisions, "a clock that went back makes no revision before another"


def test_withdrawing(says: Says) -> None:
    """Once, for good, at the time of the snapshot that says so first or on the day that the file names."""
    (first,) = issue(says(), (), OLD, NEW, NOW)
    text = 'amends = "HASA-2026:0001"\nwithdrawn = "bash left the feed"\n'
    (gone,) = issue(says(text), (first,), NEW, NEW[1:], NOW + DAY)
    assert (gone.withdrawn, gone.withdrawn_because) == (NOW + DAY, "bash left the feed")
    assert (gone.updated, gone.fixed, gone.cves) == (NOW + DAY, first.fixed, first.cves)
    assert issue(says(text), (gone,), NEW[1:], NEW[1:], NOW + 2 * DAY) == (gone,)
    assert issue(says(), (gone,), NEW[1:], NEW[1:], NOW + 2 * DAY) == (gone,)
    retold = says(text.replace("left", "has left"))
    (again,) = issue(retold, (gone,), NEW[1:], NEW[1:], NOW + 2 * DAY)
    assert (again.withdrawn, again.updated) == (NOW + DAY, NOW + 2 * DAY)
    dated = says(f"{text}updated = 2026-10-01\n")
    assert issue(dated, (first,), NEW, NEW[1:], NOW + DAY)[0].withdrawn == 1_790_812_800


SPARED = f"""
[[advisory.not_affected]]
cve = "{A}"
justification = "vulnerable_code_not_present"
note = "built without it"
"""


def test_what_does_not_reach_a_component_is_not_said_to_be_fixed(says: Says) -> None:
    (found,) = issue(says(f'component = "bash"\n{SPARED}'), (), OLD, NEW, NOW)
    assert found.cves == (B,)
    assert issue(says(f'component = "bash"\n{SPARED}'), (), OLD, (fixing("bash", "5.2-2", A),), NOW) == ()


def test_a_fix_that_is_taken_back_in_an_issued_one(says: Says) -> None:
    (first,) = issue(says(), (), OLD, NEW, NOW)
    (found,) = issue(says(f'component = "bash"\n{SPARED}'), (first,), NEW, NEW, NOW + DAY)
    assert (found.cves, found.updated) == ((B,), NOW + DAY)
    assert [one.id for one in found.references] == [B]
    assert [(one.cve, one.source, one.note) for one in found.not_affected] == [
        (A, "bash", "built without it")
    ]


def test_a_statement_of_its_own_that_a_component_is_not_affected(says: Says) -> None:
    text = f'id = "HASA-2026:0003"\nkind = "security"\ncomponent = "bash"\ntitle = "bash is safe"\n{SPARED}'
    (found,) = issue(says(text), (), NEW, NEW, NOW)
    assert (found.cves, found.fixed, found.sources) == ((), (), ("bash",))
    assert issue(says(text), (), (), (facts("dash", "1-1"),), NOW) == ()


def test_a_number_stands_for_one_thing(says: Says) -> None:
    (first,) = issue(says(), (), OLD, NEW, NOW)
    text = 'id = "HASA-2026:0001"\nkind = "security"\ncomponent = "systemd"\nfixed_in = "1-1"\ntitle = "t"\n'
    with pytest.raises(UserError, match="HASA-2026:0001 belongs to an advisory about bash"):
        issue(says(text), (first,), NEW, NEW, NOW)


def test_the_foundations_own_advisories_give_severity_and_cves(says: Says) -> None:
    there = ForeignFixed("bash", "0", "5.2", "2", "x86_64", "", "", False, False)
    page = ForeignReference("self", "FEDORA-1", "", "https://updates.example/1")
    other = Foreign("FEDORA-2", "security", "Critical", "", "", "", "", "", "", "", "", (), ())
    told = replace(
        other, id="FEDORA-1", severity="Important", title=f"bash, {B}", references=(page,), packages=(there,)
    )
    new = (fixing("bash", "5.2-2", A),)
    (found,) = issue(says(), (), OLD, new, NOW, foreign=[told, other])
    assert (found.severity, found.severity_source, found.cves) == (Severity.HIGH, "FEDORA-1", (A, B))
    assert [one.url for one in found.references if one.kind == "vendor"] == ["https://updates.example/1"]
    (found,) = issue(says(), (), OLD, new, NOW, foreign=[other])
    assert found.severity is Severity.UNKNOWN


def test_a_changelog_may_rate_its_cves(says: Says) -> None:
    """As that of gnutls28 does; what rates only some of them says nothing of the whole."""

    def new(second: str) -> tuple[Facts, ...]:
        text = f"- Fix a read overrun\n  [GNUTLS-SA-1, CVSS: low] [{A}]\n- Fix a double free\n  [{second}{B}]"
        return (facts("bash", "5.2-2", changes=(Change("A Person <a@example.org> - 5.2-2", text, NOW),)),)

    (found,) = issue(says(), (), OLD, new("GNUTLS-SA-2, CVSS: medium] ["), NOW)
    assert (found.severity, found.severity_source) == (Severity.MEDIUM, "changelog of bash 5.2-2")
    (found,) = issue(says(), (), OLD, new(""), NOW)
    assert (found.severity, found.severity_source) == (Severity.UNKNOWN, "")


def test_a_new_kernel_comes_with_its_signed_and_unified_images(distro: Path) -> None:
    """As release 4 has them: only `linux` has a changelog, and the unified image is what a machine boots."""
    release = load(distro).release("4")

    def kernel(version: str, *cves: str) -> tuple[Facts, ...]:
        return (
            fixing("linux-modules-x", f"{version}-1", *cves, source="linux"),
            facts("linux-image-x", f"{version}-1", source="linux-signed-amd64", source_evr=f"{version}+1-0"),
            facts("linux-image-cloud-amd64", f"{version}-1", source="linux-signed-amd64"),
            facts("bluejacket-uki", f"{version}-1.bj1"),
        )

    (found,) = issue(release, (), kernel("7.2.1"), kernel("7.2.2", A), NOW)
    assert {one.name for one in found.fixed} == {one.package.name for one in kernel("7.2.2")}
    assert (found.title, found.reboot_suggested) == (f"linux 7.2.2-1 fixes {A}", True)


KINDS = st.sampled_from(Kind)
TIMES = st.integers(0, 4_000_000_000)


@given(st.lists(st.tuples(KINDS, TIMES)), st.lists(st.tuples(KINDS, TIMES), max_size=5))
def test_no_number_is_given_twice(before: list[tuple[Kind, int]], after: list[tuple[Kind, int]]) -> None:
    numbers = Numbers("HA", ["HASA-2026:0007", "strange", "HASA-2026:12345"])
    first = [numbers.next(*one) for one in before]
    second = [Numbers("HA", [*first, "HASA-2026:12345"]).next(*one) for one in after[:1]]
    given = [*first, *second]
    assert len(set(given)) == len(given)
    assert "HASA-2026:12345" not in given


STEPS = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.lists(st.sampled_from([A, B]), unique=True))), max_size=6
)


@settings(max_examples=40)
@given(STEPS)
def test_a_row_of_states_keeps_what_was_said(steps: list[list[tuple[str, list[str]]]]) -> None:
    """Whatever rises in whatever order: no id changes its meaning, none is lost, none is given twice."""
    release = good()
    state: dict[str, Facts] = {name: facts(name, "1-1") for name in "abcd"}
    told: tuple[Advisory, ...] = ()
    for turn, step in enumerate(steps, 2):
        before = tuple(state.values())
        for name, cves in step:
            state[name] = fixing(name, f"{turn}-1", *cves)
        known = told
        told = issue(release, known, before, tuple(state.values()), NOW + turn)
        assert [one for one in told if one in known] == list(known)
        assert len({one.id for one in told}) == len(told)
        rose = dict(step)
        new = {one.sources[0]: list(one.cves) for one in told if one not in known}
        assert new == {name: sorted(cves) for name, cves in rose.items() if cves}
