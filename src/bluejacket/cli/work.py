"""What several commands need before their own work: a lock, the tools tree, a feed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bluejacket.cli.session import Session
from bluejacket.errors import Fault, UserError

if TYPE_CHECKING:
    from bluejacket.definition import Release
    from bluejacket.feed.built import Built
    from bluejacket.foundation.lock import Lock, Locked
    from bluejacket.tools import Sandbox

_MOST_SCRIPTS = 3  # of those without a review; `feed scripts` lists all


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
    """Give the tools that build the release, made now if they are not there.

    Those that are there are checked beside what follows, and made again, if need be, when a tool is wanted.
    """
    from bluejacket.foundation.locked import fetch_locked
    from bluejacket.tools import Sandbox
    from bluejacket.tools.tree import tools_step, tools_tree

    builder = session.definitions.release(release.tools_release)
    lock, state = lock_of(session, builder), session.kept
    step = tools_step(builder, lock)

    def fetch(wanted: Sequence[Locked]) -> dict[str, Path]:
        return fetch_locked(state, builder, wanted, "Downloading the tools")

    def tree() -> Path:
        return tools_tree(state.store, builder, lock, fetch, session.report)

    state.store.look_ahead(step)
    made = tree if state.store.has_step(step) else tree()
    return Toolbox(Sandbox(made, state.logs, session.report), step.key)


def feed_of(session: Session, release: Release, tools: Toolbox) -> Built:
    """Give the release's feed, made as far as it is not there.

    Warns of what was accepted for it, and of code in maintainer scripts that nobody has reviewed.
    """
    from bluejacket.feed.build import build_feed

    lock = lock_of(session, release)
    built = build_feed(session.kept, release, lock, tools.box, tools.key)
    for text in built.tolerated:
        session.report.warn(text)
    if built.unreviewed:
        session.report.warn(review_wanted(session, built))
    return built


def review_wanted(session: Session, built: Built) -> str:
    """Give the warning of a feed whose scripts without a review are not none; it names the first of them."""
    shown = "; ".join(built.unreviewed[:_MOST_SCRIPTS])
    left = len(built.unreviewed) - _MOST_SCRIPTS
    more = f"; and {left} more" if left > 0 else ""
    options = "".join(f"{option} " for option in session.options())
    command = f"bluejacket {options}feed scripts PACKAGE --release {built.release}"
    return (
        f"maintainer scripts wait for a review, none of them ran: {shown}{more} "
        f"(`{command}` shows the code and the review to write)"
    )


def repeat_tolerated(session: Session, release: Release) -> None:
    """Warn again of what was accepted when the release was locked; says nothing of one without a lock."""
    from bluejacket.foundation.lock import lock_file, read_lock

    if lock_file(release).exists():
        for text in read_lock(release, current=False).tolerated:
            session.report.warn(text)
