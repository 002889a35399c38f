"""What several commands need before their own work: a lock, the tools tree, a feed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bluejacket.cli.session import Session
from bluejacket.errors import Fault, UserError

if TYPE_CHECKING:
    from bluejacket.definition import Release
    from bluejacket.feed.build import Built
    from bluejacket.foundation.lock import Lock
    from bluejacket.tools import Sandbox


class Toolbox(NamedTuple):
    """The sandbox of a tools tree, and the key of the step that made the tree."""

    box: Sandbox
    key: str


def lock_of(session: Session, release: Release) -> Lock:
    """Give the release's lock, made now if it never was.

    Raises UserError for one that the definitions have outrun: renewing it is the person's decision.
    """
    from bluejacket.definition import RpmmdFoundation
    from bluejacket.foundation.lock import lock_file, read_lock

    if isinstance(release.foundation, RpmmdFoundation):
        what = f"{release.foundation.name} is an RPM foundation: it is locked, but not yet built on"
        raise UserError(Fault(what, "choose a Debian foundation for the release"))
    if lock_file(release).exists():
        return read_lock(release)
    from bluejacket.foundation.locking import make_lock

    session.report.line(f"release {release.version} has no lock yet: choosing its packages")
    return make_lock(session.kept, release)[0]


def tools_of(session: Session, release: Release) -> Toolbox:
    """Give the tools that build the release, made now if they are not there."""
    from bluejacket.foundation.locking import fetch_locked
    from bluejacket.tools import Sandbox
    from bluejacket.tools.tree import tools_step, tools_tree

    builder = session.definitions.release(release.tools_release)
    lock, state = lock_of(session, builder), session.kept
    tree = tools_tree(
        state.store,
        builder,
        lock,
        lambda wanted: fetch_locked(state, builder, wanted, "Downloading the tools"),
        session.report,
    )
    return Toolbox(Sandbox(tree, state.logs, session.report), tools_step(builder, lock).key)


def feed_of(session: Session, release: Release, tools: Toolbox) -> Built:
    """Give the release's feed, made as far as it is not there, and warn of what was accepted for it."""
    from bluejacket.feed.build import build_feed

    lock = lock_of(session, release)
    built = build_feed(session.kept, release, lock, tools.box, tools.key)
    for text in built.tolerated:
        session.report.warn(text)
    return built
