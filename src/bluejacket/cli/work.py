"""What several commands need before their own work: a lock, the tools tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluejacket.cli.session import Session

if TYPE_CHECKING:
    from bluejacket.definition import Release
    from bluejacket.foundation.lock import Lock
    from bluejacket.tools import Sandbox


def lock_of(session: Session, release: Release) -> Lock:
    """Give the release's lock, made now if it never was.

    Raises UserError for one that the definitions have outrun: renewing it is the person's decision.
    """
    from bluejacket.foundation.lock import lock_file, read_lock

    if lock_file(release).exists():
        lock = read_lock(release)
        for text in lock.tolerated:
            session.report.warn(text)
        return lock
    from bluejacket.foundation.locking import make_lock

    session.report.line(f"release {release.version} has no lock yet: choosing its packages")
    return make_lock(session.kept, release)[0]


def tools_of(session: Session, release: Release) -> Sandbox:
    """Give the sandbox with the release's tools tree, made now if it is not there."""
    from bluejacket.foundation.locking import fetch_locked
    from bluejacket.tools import Sandbox
    from bluejacket.tools.tree import tools_tree

    builder = session.definitions.release(release.tools_release)
    lock = lock_of(session, builder)
    state = session.kept

    tree = tools_tree(
        state.store,
        builder,
        lock,
        lambda wanted: fetch_locked(state, builder, wanted, "Downloading the tools"),
        session.report,
    )
    return Sandbox(tree, state.logs, session.report)
