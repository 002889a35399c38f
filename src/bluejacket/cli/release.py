"""`bluejacket release …`: where releases stand in their life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from bluejacket.cli.lock import ReleaseOption
from bluejacket.cli.out import plain
from bluejacket.cli.session import Given, Session

if TYPE_CHECKING:
    from bluejacket.definition import Release
    from bluejacket.feed.life import Life

app = App(name="release", help="Look after releases.")


@app.command
def status(
    release: ReleaseOption = None,
    /,
    *,
    offline: Annotated[
        bool, Parameter(help="Count only the fixes that were seen before, ask no mirror", negative="")
    ] = False,
    session: Given,
) -> int:
    """Show a release's days left, its regular updates, and the fixes that its feed still lacks.

    Exit status 1 if something is overdue, or the support has ended.
    """
    chosen = session.release(release)
    with session.kept.in_use():
        life = _life(session, chosen, offline=offline)
    if session.out.as_json:
        fixes = [{**plain(fix), "overdue": fix.overdue} for fix in life.fixes]
        session.out.json({**plain(life), "fixes": fixes, "fix_days": chosen.fix_days})
        return 0 if life.is_well else 1
    session.out.record(
        {
            "release": life.name,
            "published": life.published,
            "support_ends": f"{life.support_end}, {_days(life.days_left)}",
            "last_update_due": life.last_update,
            "next_update_due": life.next_update,
            "feed_is_at": f"{life.newest}, of {life.newest_day}" if life.newest_day else life.newest,
            "fixes_waiting": len(life.fixes),
            "fixes_overdue": len(life.overdue),
        }
    )
    if life.fixes:
        rows = [{**plain(fix), "overdue": fix.overdue} for fix in life.fixes]
        session.out.rows(rows, "cve", "source", "version", "severity", "days", "goal", "overdue", "where")
    if life.days_left < 0:
        session.report.warn(f"the support of release {life.release} ended on {life.support_end}")
    if life.update_overdue:
        session.report.warn(
            f"the regular update of {life.last_update} is {life.update_overdue} days overdue: "
            f"`bluejacket lock {life.release}`, `bluejacket build {life.release}`, then a snapshot"
        )
    if life.overdue:
        names = sorted({fix.source for fix in life.overdue})
        words = ["--only", *names, *(f"--release-hold {name}" for name in names if name in chosen.hold)]
        command = f"bluejacket lock {life.release} {' '.join(words)}"
        session.report.warn(f"{len(life.overdue)} fixes are overdue: `{command}` takes them")
    return 0 if life.is_well else 1


def _life(session: Session, release: Release, *, offline: bool) -> Life:
    from datetime import UTC, datetime

    from bluejacket.feed.advisory.drafts import issued
    from bluejacket.feed.fixes import see, seen
    from bluejacket.feed.life import life_of
    from bluejacket.feed.snapshot import snapshots
    from bluejacket.feed.upstream import newer
    from bluejacket.foundation.lock import lock_file, read_lock

    state, now = session.kept, int(datetime.now(UTC).timestamp())
    lock = read_lock(release, current=False) if lock_file(release).exists() else None
    if lock is not None and not offline:
        fixes = see(state, release, newer(state, release, lock), now)
    else:
        fixes = seen(state, release)
    for text in lock.tolerated if lock else ():
        session.report.warn(text)
    made = snapshots(state, release)
    return life_of(release, lock, made[-1] if made else None, fixes, now, issued(state, release))


def _days(left: int) -> str:
    if left < 0:
        return f"{-left} days ago"
    return "today is the last day" if left == 0 else f"{left} days left"
