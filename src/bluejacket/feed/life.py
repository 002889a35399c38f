"""Where a release stands in its life: days left, regular updates, fixes that wait too long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from bluejacket.definition import Release
from bluejacket.feed.advisory.model import Advisory
from bluejacket.feed.fixes import Fix, Pending, pending
from bluejacket.feed.snapshot import Snapshot
from bluejacket.foundation.lock import Lock


@dataclass(frozen=True, slots=True)
class Life:
    """A release's life on one day. `days_left` is negative past the end of support.

    `last_update` and `next_update` are the regular ones around that day. `newest` says what the feed is
    at: a snapshot's id, else that there is only a lock, or nothing. `update_overdue` counts the days since
    a regular update that has not been followed by a snapshot (or lock).
    """

    release: str
    name: str
    published: date
    support_end: date
    days_left: int
    last_update: date | None
    next_update: date | None
    update_overdue: int
    newest: str
    newest_day: date | None
    fixes: tuple[Pending, ...]

    @property
    def overdue(self) -> tuple[Pending, ...]:
        """The fixes that wait longer than the release's goal for their severity."""
        return tuple(fix for fix in self.fixes if fix.overdue)

    @property
    def is_well(self) -> bool:
        """Whether the release is supported and nothing is overdue."""
        return self.days_left >= 0 and not self.update_overdue and not self.overdue


def life_of(
    release: Release,
    lock: Lock | None,
    newest: Snapshot | None,
    fixes: Iterable[Fix],
    now: int,
    issued: Iterable[Advisory] = (),
) -> Life:
    """Give the life of a release at `now` (seconds since 1970); `fixes` are those that its foundation has.

    `issued` are the newest snapshot's advisories, which may rate what is not fixed everywhere yet.
    """
    today = _day(now)
    past = [day for day in release.update_days if day <= today]
    coming = [day for day in release.update_days if day > today]
    at = _day(newest.created) if newest else _day(lock.epoch) if lock else None
    late = bool(past) and today <= release.support_end and (at is None or at < past[-1])
    return Life(
        release=release.version,
        name=release.pretty_name,
        published=release.published,
        support_end=release.support_end,
        days_left=(release.support_end - today).days,
        last_update=past[-1] if past else None,
        next_update=coming[0] if coming else None,
        update_overdue=(today - past[-1]).days if late else 0,
        newest=f"snapshot {newest.id}" if newest else "a lock, no snapshot" if lock else "nothing yet",
        newest_day=at,
        fixes=pending(release, fixes, lock, newest, now, issued) if lock else (),
    )


def _day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()
