"""A release's life on any day: days left, regular updates, and what is overdue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.feed.fixes import Fix
from bluejacket.feed.life import life_of
from bluejacket.foundation.lock import Lock
from smalldistro import Small, small_distro


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    with small_distro(tmp_path) as made:
        yield made


def at(text: str) -> int:
    return int(datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC).timestamp())


def lock_of(release: Release, day: str) -> Lock:
    return Lock(release.version, "small", "", at(day), (), (), ())


@pytest.mark.parametrize(
    ("today", "left", "last", "coming"),
    [
        ("2026-11-01", 731, None, date(2027, 2, 1)),
        ("2027-02-01", 639, date(2027, 2, 1), date(2027, 5, 1)),
        ("2028-10-31", 1, date(2028, 8, 1), date(2028, 11, 1)),
        ("2028-11-01", 0, date(2028, 11, 1), None),
        ("2028-11-03", -2, date(2028, 11, 1), None),
    ],
)
def test_two_years_with_an_update_each_quarter(
    small: Small, today: str, left: int, last: date | None, coming: date | None
) -> None:
    life = life_of(small.release(), None, None, (), at(today))
    assert (life.days_left, life.last_update, life.next_update) == (left, last, coming)
    assert len(small.release().update_days) == 8
    assert life.newest == "nothing yet"


def test_an_update_is_overdue_until_something_newer_is_made(small: Small) -> None:
    release = small.release()
    late = life_of(release, lock_of(release, "2027-01-31"), None, (), at("2027-02-11"))
    assert (late.update_overdue, late.is_well) == (10, False)
    done = life_of(release, lock_of(release, "2027-02-01"), None, (), at("2027-02-11"))
    assert (done.update_overdue, done.is_well) == (0, True)


def test_the_end_of_support_is_not_well(small: Small) -> None:
    release = small.release()
    lock = lock_of(release, "2028-11-01")
    assert life_of(release, lock, None, (), at("2028-11-01")).is_well
    assert not life_of(release, lock, None, (), at("2028-11-02")).is_well


def test_a_fix_that_waits_too_long_is_overdue(small: Small) -> None:
    release, lock = small.release(), small.lock()
    seen = at("2026-11-10")
    fixes = [Fix("CVE-2026-1000", "app", "1.0-2", seen), Fix("CVE-2026-2000", "elsewhere", "9-1", seen)]
    early = life_of(release, lock, None, fixes, at("2026-11-24"))
    assert [fix.cve for fix in early.fixes] == ["CVE-2026-1000"]
    assert early.overdue == ()
    late = life_of(release, lock, None, fixes, at("2026-11-25"))
    assert [(fix.cve, fix.days, fix.goal) for fix in late.overdue] == [("CVE-2026-1000", 15, 14)]
    assert not late.is_well


def test_months_of_different_lengths(small: Small) -> None:
    file = small.folder / "releases/1.toml"
    file.write_text(file.read_text().replace("2026-11-01", "2026-11-30\nsupport_years = 1"))
    assert small.release().update_days == (
        date(2027, 2, 28),
        date(2027, 5, 30),
        date(2027, 8, 30),
        date(2027, 11, 30),
    )
