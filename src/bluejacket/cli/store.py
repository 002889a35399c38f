"""`bluejacket store …`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from cyclopts import App, Parameter

from bluejacket.cli.out import size
from bluejacket.cli.session import Given, Session
from bluejacket.errors import UserError

app = App(name="store", help="Look after the store.")


@app.command
def gc(
    *,
    dry_run: Annotated[bool, Parameter(help="Only tell what would go", negative="")] = False,
    session: Given,
) -> None:
    """Drop what no lock, feed, image or machine refers to. Waits until no build works in the state folder."""
    from bluejacket.store.gc import collect

    done = collect(session.kept, also_keep=_locked(session), dry_run=dry_run)
    if session.out.as_json:
        session.out.json(done)
    else:
        verb = "would go" if dry_run else "dropped"
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
    """Give the hashes of what the locks pin, and the keys of their tools trees."""
    from bluejacket.foundation.lock import lock_file, read_lock
    from bluejacket.tools.tree import tools_step

    for release in session.definitions.releases.values():
        if not lock_file(release).exists():
            continue
        try:
            lock = read_lock(release, current=False)
        except UserError as error:
            session.report.warn(str(error))
            continue
        yield from (entry.package.sha256 for entry in (*lock.packages, *lock.tools))
        if lock.tools:
            yield tools_step(release, lock).key
