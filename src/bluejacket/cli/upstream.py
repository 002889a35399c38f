"""`bluejacket upstream`: what a foundation has newer, and why one would want it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bluejacket.cli.lock import ReleaseOption
from bluejacket.cli.out import plain
from bluejacket.cli.session import Given

if TYPE_CHECKING:
    from bluejacket.feed.upstream import Newer

_MOST_CVES = 4  # in a table


def upstream(
    release: ReleaseOption = None,
    /,
    *,
    changes: Annotated[bool, Parameter(help="Print what each changelog adds as well", negative="")] = False,
    session: Given,
) -> None:
    """Show what is newer in a release's foundation than in its lock, and why one would want it.

    `bluejacket lock --only NAME` takes one of them.
    """
    from datetime import UTC, datetime

    from bluejacket.feed.fixes import see
    from bluejacket.feed.upstream import newer
    from bluejacket.foundation.lock import read_lock

    chosen = session.release(release)
    lock = read_lock(chosen, current=False)
    for text in lock.tolerated:
        session.report.warn(text)
    with session.kept.in_use():
        found = newer(session.kept, chosen, lock)
        see(session.kept, chosen, found, int(datetime.now(UTC).timestamp()))
    if session.out.as_json:
        session.out.json(found)
        return
    rows = [
        plain(one) | {"why": _why(one), "cves": _shortened(one.cves), "from": one.suites} for one in found
    ]
    if rows:
        session.out.rows(rows, "source", "before", "after", "from", "why", "cves", "held")
    if changes:
        for one in found:
            session.out.text("\n".join([f"{one.source} {one.after}", *(f"  {line}" for line in one.summary)]))
    fixes = len({cve for one in found for cve in one.cves})
    session.report.line(f"{len(found)} source packages are newer; they fix {fixes} CVEs")


def _why(one: Newer) -> str:
    """Give the reason, and the worst severity that anybody gives."""
    from bluejacket.definition import Severity

    worst = next((severity for severity in Severity if severity in one.ratings.values()), None)
    return f"{one.reason}, {worst}" if worst else str(one.reason)


def _shortened(cves: tuple[str, ...]) -> list[str]:
    more = [f"and {len(cves) - _MOST_CVES} more"] if len(cves) > _MOST_CVES else []
    return [*cves[:_MOST_CVES], *more]
