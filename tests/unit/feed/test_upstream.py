"""What is newer in a foundation, why one would want it, and how long a fix has been waiting."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from bluejacket.definition import Severity
from bluejacket.errors import OutsideError
from bluejacket.feed.advisory import Advisory, Kind
from bluejacket.feed.fixes import pending, record_of, see, seen
from bluejacket.feed.upstream import Newer, Reason, newer
from bluejacket.foundation.lock import read_lock
from bluejacket.foundation.locked import fetch_locked
from bluejacket.foundation.locking import make_lock
from debarchive import NOW, DebArchive
from smalldistro import Small, small_distro, with_updates

DAY = 86400
CVE = "CVE-2026-12345"


def changelog(name: str, *entries: tuple[str, str]) -> dict[str, bytes]:
    """Give the changelog of a package, as its files have it: (version, text), newest first."""
    when = format_datetime(NOW)
    text = "\n".join(
        f"{name} ({version}) unstable; urgency=medium\n\n  * {words}\n\n -- T <t@example.org>  {when}\n"
        for version, words in entries
    )
    return {f"./usr/share/doc/{name}/changelog.Debian.gz": gzip.compress(text.encode())}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    with small_distro(tmp_path) as made:
        file = made.folder / "releases/1.toml"
        file.write_text(file.read_text().replace("[tools]", 'hold = ["library"]\n[tools]'))
        make_lock(made.state, made.release())
        yield made


def found(small: Small) -> list[Newer]:
    return list(newer(small.state, small.release(), read_lock(small.release(), current=False)))


def fixed(small: Small) -> DebArchive:
    """Put a security fix of `app` into a second suite."""
    updates = with_updates(small)
    files = changelog(
        "app", ("1.0-1+deb13u1", f"Fix an overflow ({CVE})."), ("1.0-1", "CVE-2020-1111 is fixed.")
    )
    updates.add("app", "1.0-1+deb13u1", files, Depends="library (>= 1), first")
    updates.publish()
    return updates


def test_nothing_is_newer_than_a_new_lock(small: Small) -> None:
    assert found(small) == []


def test_each_kind_of_news_is_told_apart(small: Small) -> None:
    fixed(small)
    small.archive.add("library", "1.1-1", changelog("library", ("1.1-1", "New upstream version.")))
    small.archive.add("first", "1.0-1+b1", Source="first (1.0-1)")
    small.archive.publish(NOW + timedelta(seconds=1))
    app, library, first = found(small)
    assert (app.source, app.reason, app.cves, app.packages) == ("app", Reason.SECURITY, (CVE,), ("app",))
    assert (app.before, app.after, app.held) == ("1.0-1", "1.0-1+deb13u1", False)
    assert app.summary == (f"- Fix an overflow ({CVE}).",)
    assert app.security
    assert (library.source, library.reason, library.held, library.cves) == (
        "library",
        Reason.NEW_VERSION,
        True,
        (),
    )
    assert library.summary == ("- New upstream version.",)
    assert (first.source, first.reason, first.before, first.after) == (
        "first",
        Reason.REBUILD,
        "1.0-1",
        "1.0-1",
    )


def test_a_new_revision_is_a_bug_fix(small: Small) -> None:
    small.archive.add("library", "1.0-2", changelog("library", ("1.0-2", "Mend it."), ("1.0-1", "First.")))
    small.archive.publish(NOW + timedelta(seconds=1))
    (library,) = found(small)
    assert (library.reason, library.summary) == (Reason.BUG_FIX, ("- Mend it.",))


def test_the_changelog_may_be_in_another_package_of_the_source(small: Small) -> None:
    words = changelog("library", ("2.0-1", f"{CVE}: mend it."))
    small.archive.add("library", "2.0-1", words | {"./usr/lib/big": bytes(range(256)) * 400})
    small.archive.add("first", "2.0-1", Source="library")
    small.archive.publish(NOW + timedelta(seconds=1))
    assert [(one.source, one.cves) for one in found(small)] == [("library", (CVE,))]


def test_a_waiting_fix_has_the_days_since_it_was_first_seen(small: Small) -> None:
    fixed(small)
    release, lock = small.release(), read_lock(small.release(), current=False)
    see(small.state, release, found(small), 100 * DAY)
    fixes = see(small.state, release, found(small), 110 * DAY)
    assert [(fix.cve, fix.source, fix.version, fix.seen) for fix in fixes] == [
        (CVE, "app", "1.0-1+deb13u1", 100 * DAY)
    ]
    (waiting,) = pending(release, fixes, lock, None, 114 * DAY + 5)
    assert (waiting.severity, waiting.where, waiting.days, waiting.goal) == (Severity.UNKNOWN, "lock", 14, 14)
    assert not waiting.overdue
    assert pending(release, fixes, lock, None, 115 * DAY)[0].overdue


def test_a_severity_that_an_advisory_gives_sets_the_goal(small: Small) -> None:
    fixed(small)
    small.write(
        "advisories/app.toml",
        f"""
        [advisory]
        id = "SMSA-2026:0001"
        kind = "security"
        component = "app"
        title = "app"
        cves = ["{CVE}"]
        fixed_in = "1.0-1+deb13u1"
        severity = "critical"
        severity_source = "the test"
        """,
    )
    release = small.release()
    fixes = see(small.state, release, found(small), 0)
    (waiting,) = pending(release, fixes, read_lock(release, current=False), None, 4 * DAY)
    assert (waiting.severity, waiting.goal, waiting.overdue) == (Severity.CRITICAL, 3, True)


OTHER = "CVE-2026-22222"


def rated(small: Small) -> None:
    """Put a fix of two CVEs of `app` into a second suite; its changelog rates one of them."""
    updates = with_updates(small)
    words = f"Mend two faults.\n    - overflow [CVSS: critical] [{CVE}]\n    - loop [{OTHER}]"
    updates.add("app", "1.0-1+deb13u1", changelog("app", ("1.0-1+deb13u1", words), ("1.0-1", "First.")))
    updates.publish()


def goals(small: Small, *issued: Advisory) -> dict[str, tuple[Severity, int, bool]]:
    """Give severity, goal and whether it is overdue of each CVE, four days after it was first seen."""
    release = small.release()
    fixes = see(small.state, release, found(small), 0)
    assert seen(small.state, release) == fixes
    waiting = pending(release, fixes, read_lock(release, current=False), None, 4 * DAY, issued)
    return {one.cve: (one.severity, one.goal, one.overdue) for one in waiting}


def test_a_severity_of_the_changelog_sets_the_goal_of_its_cve_alone(small: Small) -> None:
    rated(small)
    (app,) = found(small)
    assert (app.cves, app.ratings) == ((CVE, OTHER), {CVE: Severity.CRITICAL})
    judged = {CVE: (Severity.CRITICAL, 3, True), OTHER: (Severity.UNKNOWN, 14, False)}
    assert goals(small) == judged
    rows = json.loads(record_of(small.state, small.release()).read_text())
    for row in rows:
        del row["severity"]  # as records had none before anybody asked for it
    record_of(small.state, small.release()).write_text(json.dumps(rows))
    assert goals(small) == judged


def test_a_rating_stays_when_a_later_changelog_no_longer_says_it(small: Small) -> None:
    rated(small)
    (app,) = found(small)
    see(small.state, small.release(), [app], 0)
    silent = see(small.state, small.release(), [replace(app, ratings={})], DAY)
    assert {fix.cve: (fix.severity, fix.seen) for fix in silent} == {
        CVE: (Severity.CRITICAL, 0),
        OTHER: (Severity.UNKNOWN, 0),
    }


def test_what_amends_an_issued_advisory_sets_the_goal(small: Small) -> None:
    """Also without CVEs of its own, as the advisory has them; what it says wins over the foundation."""
    rated(small)
    issued = Advisory("SMSA-2026:0007", Kind.SECURITY, Severity.UNKNOWN, "", "", 0, 0, (CVE, OTHER))
    assert goals(small, issued)[OTHER] == (Severity.UNKNOWN, 14, False)
    assert goals(small, replace(issued, severity=Severity.LOW))[CVE] == (Severity.LOW, 90, False)
    small.write(
        "advisories/seven.toml",
        """
        [advisory]
        amends = "SMSA-2026:0007"
        severity = "critical"
        severity_source = "the test"
        """,
    )
    assert goals(small, issued)[OTHER] == (Severity.CRITICAL, 3, True)


def test_a_fix_that_the_lock_has_waits_no_longer(small: Small) -> None:
    fixed(small)
    fixes = see(small.state, small.release(), found(small), 0)
    lock, _ = make_lock(small.state, small.release(), only=["app"])
    assert fetch_locked(small.state, small.release(), lock.packages, "Packages")
    assert pending(small.release(), fixes, lock, None, 10**9) == ()


def test_a_damaged_record_says_what_to_do(small: Small) -> None:
    file = record_of(small.state, small.release())
    see(small.state, small.release(), [], 0)
    file.write_text("[{")
    with pytest.raises(OutsideError, match=r"cannot be read.*remove it"):
        see(small.state, small.release(), [], 0)


def test_a_cve_that_does_not_reach_the_component_is_not_waited_for(small: Small) -> None:
    fixed(small)
    (before,) = found(small)
    small.write(
        "advisories/spared.toml",
        f"""
        [advisory]
        id = "SMSA-2026:0002"
        kind = "security"
        component = "app"
        title = "app is not affected"
        [[advisory.not_affected]]
        cve = "{CVE}"
        justification = "component_not_present"
        """,
    )
    assert found(small) == [replace(before, cves=(), reason=Reason.BUG_FIX)]
