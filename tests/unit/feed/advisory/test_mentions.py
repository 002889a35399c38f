"""Which CVEs a changelog entry fixes: phrases of real changelogs, some with their numbers changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.feed.advisory.mentions import fixed_cves, items, named_cves, told_of

WHEN = 1_790_000_000  # 2026-09-21
A, B, C = "CVE-2026-1111", "CVE-2026-22222", "CVE-2025-333333"

FIXES = [
    f"- Fix {A}: use after free (Closes: #1)",
    f"- New upstream version 1.2.3\n  - {A}: out-of-bounds read",
    f"- Closes: #1126739, {A}.",
    f"- d/p/{A}.patch: Check consistency of the zip64 end of central directory record.",
    f"- Add d/patches/{A}.patch",
    f"- Use {A} patch from STABLE-BRANCH-2-4.",
    f"- (GLIBC-SA-2025-0001 / {A}.",
    f"- Includes patch for {A} / GNUTLS-SA-2025-11-18, which is mitigated by building with -D_FORTIFY.",
    f"- 9.2.0670: out-of-bounds read of text properties when handling a crafted undo file, {A}",
    f"- Fix {A}: HSTS subdomain overwrites parent cache entry",
    f"- fixes {A}: protect custom encoding callbacks from parser re-entry,",
    f"- The two patches 0050-a.patch and 0051-Fix-the-regression.patch added in the previous upload fix {A}.",
    f'- Revert "drm: keep the buffer" ({A})',
    f"- net: do not follow symbolic links ({A})",
    f"- Disable the legacy parser to fix {A}",
    f"- Fix {A} (bookworm is not affected)",
    f"- Fix {A}: read overrun. Stable is not affected.",
    f"- Rewrite the fix for {A}.",
    f"- incomplete fix for {A}: check the length as well",
    f"- Cherry-pick upstream fix for {A} (commit 5733d3c).",
    f"- Add patches from upstream\n  (glib#3992 upstream, {A}, Closes: #1142717)",
    f"- Fix overflow, with a test ({A})",
    f"- Drop obsolete patch.\n- Fix {A}",
    f"- [amd64] KVM: nSVM: Reject a state ({A})",
    f"- [amd64,arm64] gpu: fix it ({A})",
    f"- [rt] wait ({A})",
    f"- Upstream claims {A} is fixed by PAM 1.6.0, Closes: #1086038",
    "- Address CVE-2026-\n  1111.",
    "- security: fix cve-2026-1111",
]

DENIES = [
    f"- {A}, {B}: Not backporting these as they are potentially breaking some existing behavior.",
    f"- Drop patches applied upstream: hppa.patch, docutils-0.22, {A}.patch.",
    f"- Drop patches merged upstream:\n  ~ fix-progress-meter.patch\n  ~ wcurl-{A}.patch",
    f"- Drop patches now part of upstream codebase:\n  - {A}.patch\n  - Fix-headers.patch {B}",
    f"- Refresh {A}.patch",
    f"- {A}.patch: removed, applied upstream.",
    f"- {A} fixed in v654, drop patches (#1068938)",
    f"- update {A} patch upstream status",
    f"- Revert the fix for {A}, which broke logins",
    f"- Reverts fix for {A} and {B}",
    f"- Disable {A}.patch for now",
    f"- {A} does not apply: the code was added later",
    f"- {A} and {B} do not affect this version",
    f"- {A} (not affected)",
    f"- {A}: not vulnerable, built without it",
    f"- {A}: in the parser. Not affected.",
    f"- {A} was rejected",
    f"- {A} is a false positive",
    f"- {A} is not yet fixed",
    f"- {A} remains unfixed",
    f"- {A} was already fixed in 1.2-2",
    f"- This is similar to OpenSSL's {A}.",
    f"- Handle name constraints, as a follow-up of {A} in libtasn1.",
    f"- (see also {A})",
    f"- This is a minimal workaround for a regression from {A}.",
    f"- Fixing {A} caused a regression in ibus affecting text entry.",
    f"- Fix regression of original fix for {A}",
    f"- Resolve an intermittent test failure after fixing {A}",
    f"- Fixing {A} in older branches required some backported changes",
    f"- d/changelog: Mention {A}, {B} in the appropriate previous changelog entry",
    f"- The 3.8.4-1 entry incorrectly referenced a bug number for {A};",
    f"- Add tests for {A}.",
    f"- Add {A} regression test",
    f"- [s390x] vmcp: Initialize full session info to zero ({A})",
    f"- [arm64,armhf] soc: fix it ({A})",
    f"- [powerpc*] fix it:\n  - one ({A})",
    "- Fix CVE-2052-1111",
    "- Fix CVE-1998-1111",
    "- Fix CVE-2026-111",
    "- Fix the overflow (Closes: #2026)",
]


@pytest.mark.parametrize("text", FIXES)
def test_a_fix_counts(text: str) -> None:
    assert fixed_cves(text, WHEN, "x86_64") == (A,)


@pytest.mark.parametrize("text", DENIES)
def test_a_mention_does_not(text: str) -> None:
    assert fixed_cves(text, WHEN, "x86_64") == ()


def test_each_clause_is_judged_alone() -> None:
    text = f"- Fix {A}; {B} does not affect this version.\n- Drop {C}.patch, applied upstream"
    assert named_cves(text) == (A, B, C)
    assert fixed_cves(text, WHEN) == (A,)
    assert fixed_cves(f"- Fixes {A}, but {B} is not fixed yet", WHEN) == (A,)
    assert fixed_cves(f"- Fixes {A} ({B} is not affected)", WHEN) == (A,)


def test_other_architectures_count_where_the_own_one_is_not_known() -> None:
    text = f"- [arm64] fix it ({A})"
    assert fixed_cves(text, WHEN, "x86_64") == ()
    assert fixed_cves(text, WHEN, "aarch64") == (A,)
    assert fixed_cves(text, WHEN, "noarch") == (A,)


def test_items_are_told_in_a_line_each() -> None:
    text = f"[ A Person ]\n- New upstream version\n  - one\n    thing ({A})\n  - another"
    assert list(items(text)) == [
        (0, "[ A Person ]"),
        (0, "New upstream version"),
        (2, f"one thing ({A})"),
        (2, "another"),
    ]
    assert told_of(text, [A]) == [f"- one thing ({A})"]


CVES = st.builds("CVE-{}-{}".format, st.integers(1999, 2026), st.integers(1000, 9_999_999))


@given(st.text(), st.lists(CVES, max_size=4), st.text())
def test_only_named_ones_count(before: str, cves: list[str], after: str) -> None:
    text = f"{before} {' '.join(cves)} {after}"
    found = fixed_cves(text, WHEN, "x86_64")
    assert set(found) <= set(named_cves(text))
    assert list(found) == sorted(set(found))


@given(st.lists(CVES, min_size=1, max_size=5, unique=True))
def test_plain_lists_of_fixes_count(cves: list[str]) -> None:
    expected = tuple(sorted(cves))
    assert fixed_cves(f"- Fix {', '.join(cves)}", WHEN) == expected
    assert fixed_cves("\n".join(f"- {cve}: a thing" for cve in cves), WHEN) == expected
    assert fixed_cves(f"- Revert the fixes for {', '.join(cves)}", WHEN) == ()
