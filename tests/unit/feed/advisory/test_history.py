"""Which changelog entries are new between two versions of a source package."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.feed.advisory.facts import Change, Facts
from bluejacket.feed.advisory.history import new_changes, updates, version_of
from factsmade import facts

# what the package has now, newest first; what was there before; the versions whose entries are new
CASES = {
    "next revision": ("1.2-3 1.2-2 1.2-1", "1.2-1", "1.2-3 1.2-2"),
    "the same": ("1.2-3 1.2-2", "1.2-3", ""),
    "security update": ("1.2-3+deb13u2 1.2-3+deb13u1 1.2-3", "1.2-3", "1.2-3+deb13u2 1.2-3+deb13u1"),
    "security update of one": ("1.2-3+deb13u2 1.2-3+deb13u1 1.2-3", "1.2-3+deb13u1", "1.2-3+deb13u2"),
    "epoch": ("1:1.0-1 2.0-1 1.9-1", "2.0-1", "1:1.0-1"),
    "epoch, further on": ("1:1.1-1 1:1.0-1 2.0-1", "1:1.0-1", "1:1.1-1"),
    "stable backport of a newer one": ("1.2-3~deb13u2 1.2-3~deb13u1 1.2-3", "1.2-3~deb13u1", "1.2-3~deb13u2"),
    "from a stable backport to the next": ("1.3-1 1.2-3 1.2-2", "1.2-3~deb13u1", "1.3-1"),
    "from bpo to what it is made of": ("1.2-3 1.2-2", "1.2-3~bpo13+1", ""),
    "release candidate": ("2.0-1 2.0~rc1-1 1.9-1", "2.0~rc1-1", "2.0-1"),
    "to another branch": ("1.3-1 1.2-5 1.2-4 1.2-3", "1.2-3+deb13u1", "1.3-1 1.2-5 1.2-4"),
    "our own rebuild": ("1.2-3.bj2 1.2-3.bj1 1.2-3", "1.2-3.bj1", "1.2-3.bj2"),
    "first own rebuild": ("1.2-3.bj1 1.2-3", "1.2-3", "1.2-3.bj1"),
    "upstream after our own": ("1.2-3+deb13u1 1.2-3 1.2-2", "1.2-3.bj1", "1.2-3+deb13u1"),
    "native": ("4.1 4.0 3.9", "4.0-0", "4.1"),
    "many dashes": ("1.2-rc1-3 1.2-rc1-2", "1.2.rc1-2", "1.2-rc1-3"),
    "really an older one": ("2.0+really1.9-1 2.0-1 1.8-1", "2.0-1", "2.0+really1.9-1"),
}  # fmt: skip


def history(versions: str) -> tuple[Change, ...]:
    return tuple(Change(f"A Person <a@example.org> - {v}", f"- {v}", 10) for v in versions.split())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_new_entries(case: str) -> None:
    now, before, new = CASES[case]
    assert [change.text[2:] for change in new_changes(history(now), before)] == new.split()


def test_rpm_changelogs_leave_out_epoch_and_dist() -> None:
    """As Fedora writes them; the source's own version has both."""
    found = new_changes(history("1.2-5 1.2-4 1.2-3"), "2:1.2-4.fc43")
    assert [change.text for change in found] == ["- 1.2-5"]


def test_an_entry_without_a_version_says_nothing() -> None:
    unnamed = Change("A Person <a@example.org>", "- Fix CVE-2026-1111", 10)
    assert new_changes((unnamed, *history("1.2-3 1.2-2")), "1.2-2") == history("1.2-3")
    assert new_changes((unnamed,), "1.2-2") == ()


@pytest.mark.parametrize(
    ("author", "version"),
    [
        ("A Person <a@example.org> - 2:1.2-3", "2:1.2-3"),
        ("A Person <a@example.org> 1.2-3", "1.2-3"),
        ("A Person <a@example.org> - 1.2", "1.2-0"),
        ("A Person <a@example.org> - 1.2~rc1+dfsg-3.1", "1.2~rc1+dfsg-3.1"),
        ("A Person <a@example.org>", None),
        ("", None),
    ],
)
def test_version_of(author: str, version: str | None) -> None:
    assert version_of(author) == version


VERSIONS = st.from_regex(
    r"\A([1-9]:)?[0-9]{1,3}(\.[0-9]{1,3}){0,2}([~+][a-z]{1,3}[0-9]{1,2})?(-[0-9]{1,2})?\Z"
)


@given(st.lists(VERSIONS, min_size=1, max_size=8, unique_by=lambda v: version_of(f"- {v}")), st.data())
def test_what_stands_above_the_former_version_is_new(versions: list[str], data: st.DataObject) -> None:
    """Whatever the order of the versions: a changelog's own order is what happened."""
    at = data.draw(st.integers(0, len(versions) - 1))
    before = version_of(f"- {versions[at]}")
    assert before is not None
    found = new_changes(history(" ".join(versions)), before)
    assert [change.text[2:] for change in found] == versions[:at]


def test_a_rebuild_of_the_same_source_is_no_update() -> None:
    """A binNMU: other binaries, and an entry of the architecture's own, but the same source."""
    before = [facts("a", "1.2-3", changes=history("1.2-3"))]
    after = [facts("a", "1.2-3+b1", source_evr="1.2-3", changes=history("1.2-3+b1 1.2-3"))]
    assert updates(before, after) == ()


def test_neither_new_nor_gone_nor_older_sources_are_updates() -> None:
    before = [facts("gone", "1-1"), facts("older", "2-1")]
    after = [facts("new", "1-1", changes=history("1-1")), facts("older", "1-1", changes=history("1-1"))]
    assert updates(before, after) == ()


def test_a_source_of_a_new_name_goes_on() -> None:
    """As gpgme1.0 became gpgme: its library has the same name, and the old name's entries below it."""
    told = (Change("A <a@b.c> - 2.0-1", "- Fix CVE-2026-1111", 2 * 10**9), *history("1.24-3"))
    before = [
        facts("libgpgme11", "1.24-3", source="gpgme1.0"),
        facts("python3-gpg", "1.24-3", source="gpgme1.0"),
    ]
    (update,) = updates(before, [facts("libgpgme11", "2.0-1", source="gpgme", changes=told)])
    assert (update.source, update.before, update.cves) == ("gpgme", "1.24-3", ("CVE-2026-1111",))


def test_packages_of_a_source_are_told_together() -> None:
    """One of them has no changelog (its folder is a link to the other's), one is new, one stayed."""
    told = (Change("A <a@b.c> - 2-1", "- Fix CVE-2026-1111", 2 * 10**9),)
    before = [facts("lib", "1-1", source="src"), facts("stay", "5-1", source="src", source_evr="1-1")]
    after = [
        facts("lib", "2-1", source="src"),
        facts("tool", "2-1", source="src", changes=told),
        facts("stay", "5-1", source="src", source_evr="2-1"),
    ]  # fmt: skip
    (update,) = updates(before, after)
    assert (update.source, update.before, update.after) == ("src", "1-1", "2-1")
    assert [p.name for p in update.packages] == ["lib", "tool"]
    assert update.cves == ("CVE-2026-1111",)


STATE = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(st.sampled_from("xyz"), st.integers(1, 3)), max_size=6
)


@given(STATE, STATE)
def test_what_is_the_very_same_is_left_out_without_a_difference(
    old: dict[str, tuple[str, int]], new: dict[str, tuple[str, int]]
) -> None:
    def state(packages: dict[str, tuple[str, int]]) -> list[Facts]:
        return [
            facts(name, f"{version}-1", source=source, changes=history(f"{version}-1"))
            for name, (source, version) in packages.items()
        ]

    before = {one.package.name: one for one in state(old)}
    after = [before[one.package.name] if before.get(one.package.name) == one else one for one in state(new)]
    assert updates(list(before.values()), after) == updates(state(old), state(new))


def test_a_form_of_a_source_counts_as_it() -> None:
    """The signed kernel has a version of its own and no changelog."""
    told = (Change("A <a@b.c> - 6.12.2-1", "- Fix CVE-2026-1111", 10**9 * 2),)
    before = [facts("tools", "6.12.1-1", source="linux"), facts("image-1", "6.12.1-1", source="signed")]
    after = [
        facts("tools", "6.12.2-1", source="linux", changes=told),
        facts("image-2", "6.12.2-1", source="signed", source_evr="6.12.2+1-0"),
    ]
    (update,) = updates(before, after, {"signed": "linux"})
    assert (update.source, update.sources, update.after) == ("linux", ("linux", "signed"), "6.12.2-1")
    assert [p.name for p in update.packages] == ["image-2", "tools"]
    assert update.cves == ("CVE-2026-1111",)
