"""`bluejacket store …`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated

from cyclopts import App, Parameter

from bluejacket.cli.out import plain, size
from bluejacket.cli.session import Given, Session
from bluejacket.errors import UserError

app = App(name="store", help="Look after the store.")


@app.command
def gc(
    *,
    dry_run: Annotated[bool, Parameter(help="Only tell what would go", negative="")] = False,
    session: Given,
) -> None:
    """Drop what no lock, feed, snapshot, image or machine refers to. Waits until no build works in the state.

    Snapshots that their release's rule does not keep go first; never one that a channel points at.
    """
    from bluejacket.feed.retention import let_go
    from bluejacket.store.gc import collect

    snapshots = [
        snapshot
        for release in session.definitions.releases.values()
        for snapshot in let_go(session.kept, release, int(time.time()), dry_run=dry_run)
    ]
    gone = [one.folder for one in snapshots]
    done = collect(session.kept, also_keep=_locked(session), gone=gone, dry_run=dry_run)
    if session.out.as_json:
        session.out.json(plain(done) | {"snapshots": [one.id for one in snapshots]})
    else:
        verb = "would go" if dry_run else "dropped"
        if snapshots:
            session.out.text(f"snapshots {', '.join(one.id for one in snapshots)} {verb}")
        session.out.text(f"{done.entries} entries and {done.logs} logs {verb}, {size(done.freed)}")


@app.command
def verify(*, session: Given) -> int:
    """Read everything in the store again and name what is damaged; the next build makes it anew."""
    damages = list(session.kept.store.damages())
    if session.out.as_json or damages:
        session.out.rows(damages, "entry", "what")
    else:
        session.report.line("no damage found")
    return 1 if damages else 0


def _locked(session: Session) -> Iterator[str]:
    """Give the hashes of what the locks pin and of what vouches for it, and the keys of their tools trees."""
    from bluejacket.foundation.lock import lock_file, read_lock
    from bluejacket.inquiry.trust import Origin
    from bluejacket.tools.tree import tools_step

    for release in session.definitions.releases.values():
        if not lock_file(release).exists():
            continue
        try:
            lock = read_lock(release, current=False)
        except UserError as error:
            session.report.warn(str(error))
            continue
        yield from (entry.package.sha256 for entry in (*lock.packages, *lock.tools, *lock.materials))
        yield from Origin(session.kept, release, lock).vouching()
        if lock.tools:
            yield tools_step(release, lock).key
