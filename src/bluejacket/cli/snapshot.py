"""`bluejacket feed …`: snapshots, the channels that point at them, and serving both."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bluejacket.cli.lock import ReleaseOption
from bluejacket.cli.out import plain, size
from bluejacket.cli.session import Given, Session
from bluejacket.cli.work import feed_of, lock_of, tools_of
from bluejacket.errors import Fault, UserError

if TYPE_CHECKING:
    from bluejacket.definition import Release
    from bluejacket.feed.snapshot import Snapshot

ChannelName = Annotated[str, Parameter(help="preview or stable")]
ReleaseFlag = Annotated[str | None, Parameter(help="The release's version [default: the newest]")]
_MOST = 5  # names that still help a reader


def snapshot(release: ReleaseOption = None, /, *, session: Given) -> None:
    """Make a dated, signed snapshot of a release's feed that never changes again; none if nothing changed."""
    from bluejacket.feed.advisory.drafts import foreign_advisories
    from bluejacket.feed.built import signer_of
    from bluejacket.feed.sources import corresponding
    from bluejacket.feed.take import take_snapshot

    chosen = session.release(release)
    with session.kept.in_use():
        built = feed_of(session, chosen, tools_of(session, chosen))
        lock = lock_of(session, chosen)
        sources = corresponding(session.kept, chosen, lock) if lock.sources else ()
        signer = signer_of(session.kept, chosen)
        foreign = foreign_advisories(session.kept, chosen)
        taken = take_snapshot(session.kept, chosen, lock, built, signer, now_s(), sources, foreign)
    if not sources:
        what = "the lock names no sources, so that the snapshot cannot: `bluejacket lock` makes one that does"
        session.report.warn(what)
    if taken.same_name:
        names = ", ".join(taken.same_name[:_MOST]) + (", …" if len(taken.same_name) > _MOST else "")
        session.report.warn(
            f"{len(taken.same_name)} packages differ from those before without a newer version, so that "
            f"no machine which has them takes these: {names}"
        )
    found = taken.snapshot
    if session.out.as_json:
        session.out.json(_row(found) | {"fresh": taken.fresh})
        return
    if not taken.fresh:
        session.report.line(f"nothing has changed since {found.id}: no snapshot was made")
        return
    session.out.record(_row(found) | {"size": size(found.size)})
    session.report.line(
        f"`bluejacket feed promote preview --release {chosen.version}` points a channel at it"
    )


def list_snapshots(release: ReleaseOption = None, /, *, session: Given) -> None:
    """List a release's snapshots, oldest first, and which channels point at them."""
    from bluejacket.feed.channel import channels
    from bluejacket.feed.snapshot import snapshots

    chosen = session.release(release)
    pointing = channels(session.kept, chosen)
    rows = [
        _row(one) | {"channels": [c.name for c in pointing if c.snapshot == one.id]}
        for one in snapshots(session.kept, chosen)
    ]
    if session.out.as_json:
        session.out.json({"snapshots": rows, "channels": pointing})
        return
    for row in rows:
        row["size"] = size(row["size"])
    session.out.rows(rows, "snapshot", "created", "packages", "size", "advisories", "channels")


def promote(
    channel: ChannelName,
    /,
    *,
    snapshot: Annotated[str | None, Parameter(help="The snapshot [default: the newest]")] = None,
    override: Annotated[
        str, Parameter(help="Why a release past its support is still promoted", show_default=False)
    ] = "",
    release: ReleaseFlag = None,
    session: Given,
) -> None:
    """Point a channel at a snapshot. Every gate that is shut refuses it and names what opens it."""
    from bluejacket.feed.built import signer_of
    from bluejacket.feed.channel import find_snapshot
    from bluejacket.feed.promote import promote as promote_

    chosen, state = session.release(release), session.kept
    with state.in_use():
        wanted = find_snapshot(state, chosen, snapshot or _newest(session, chosen))
        certificate = signer_of(state, chosen).certificate()
        now, gates = promote_(state, chosen, channel, wanted, certificate, now_s(), override)
    if session.out.as_json:
        session.out.json({"channel": now, "gates": gates})
        return
    if not gates:
        session.report.line(f"{channel} points at {now.snapshot} already")
        return
    rows = [plain(gate) | {"state": "open" if gate.passed else "overridden"} for gate in gates]
    session.out.rows(rows, "name", "state")
    session.report.line(f"{channel} points at {now.snapshot}")


def rollback(
    channel: ChannelName,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; it stays in the channel's record")],
    to: Annotated[str | None, Parameter(help="The snapshot [default: where it pointed before]")] = None,
    release: ReleaseFlag = None,
    session: Given,
) -> None:
    """Point a channel at a snapshot that it pointed at before."""
    from bluejacket.feed.channel import roll_back

    with session.kept.in_use():
        now = roll_back(session.kept, session.release(release), channel, reason, now_s(), to)
    if session.out.as_json:
        session.out.json(now)
        return
    session.report.line(
        f"{channel} points at {now.snapshot} again; machines go back with `dnf distro-sync`, not by upgrading"
    )


def diff(
    before: Annotated[str, Parameter(help="A snapshot or a channel")],
    after: Annotated[str, Parameter(help="Another one")],
    /,
    *,
    release: ReleaseFlag = None,
    session: Given,
) -> None:
    """Tell what changed between two snapshots: packages, advisories, size."""
    from bluejacket.feed.channel import find_snapshot
    from bluejacket.feed.diff import difference

    chosen = session.release(release)
    found = difference(*(find_snapshot(session.kept, chosen, name) for name in (before, after)))
    if session.out.as_json:
        session.out.json(found)
        return
    rows: list[dict[str, Any]] = [plain(one) | {"package": f"{one.name}.{one.arch}"} for one in found.changed]
    rows += [{"package": name, "how": "added"} for name in found.added]
    rows += [{"package": name, "how": "removed"} for name in found.removed]
    parts = (("new", found.advisories), ("amended", found.amended), ("withdrawn", found.withdrawn))
    rows += [{"package": name, "how": f"{how} advisory"} for how, names in parts for name in names]
    if rows:
        session.out.rows(rows, "package", "before", "after", "how")
    session.report.line(
        f"{found.before} to {found.after}: {len(found.changed)} packages changed, {len(found.added)} added, "
        f"{len(found.removed)} removed, {len(found.advisories)} advisories new; {size(found.size_before)} "
        f"become {size(found.size_after)}, of which {size(found.fetched)} are new"
    )


def serve(
    release: ReleaseOption = None,
    /,
    *,
    port: Annotated[int, Parameter(help="The port; 0 takes any free one")] = 8080,
    listen: Annotated[str, Parameter(help="The address to listen on, such as 0.0.0.0 for all")] = "127.0.0.1",
    session: Given,
) -> None:
    """Serve a release's snapshots and channels over HTTP, as they would be published, until interrupted."""
    from bluejacket.feed.published import Tree
    from bluejacket.feed.serve import FeedServer

    chosen = session.release(release)
    try:
        server = FeedServer(Tree(session.kept, chosen), listen, port).start()
    except OSError as error:
        what = f"cannot listen on {listen}, port {port}: {error.strerror}"
        raise UserError(Fault(what, "choose another --port or --listen")) from None
    except OverflowError:
        raise UserError(Fault(f"{port} is no port", "choose one from 0 to 65535")) from None
    with server:
        session.report.line(f"serving {chosen.pretty_name} at {server.url} until interrupted (Ctrl-C)")
        server.wait()


def _newest(session: Session, release: Release) -> str:
    from bluejacket.feed.snapshot import ids_in

    ids = ids_in(session.kept.snapshots(release.distribution.id, release.version))
    if not ids:
        what = f"release {release.version} has no snapshot yet"
        raise UserError(Fault(what, f"`bluejacket feed snapshot {release.version}` makes one"))
    return ids[-1]


def _row(found: Snapshot) -> dict[str, Any]:
    from bluejacket.feed.advisory.record import from_json
    from bluejacket.feed.snapshot import ADVISORIES

    advisories = from_json((found.folder / ADVISORIES).read_text("utf-8"))
    return {
        "snapshot": found.id,
        "created": datetime.fromtimestamp(found.created, UTC).isoformat(timespec="seconds"),
        "packages": len(found.packages),
        "size": found.size,
        "advisories": len(advisories),
        "parent": found.parent,
        "folder": found.folder,
    }


def now_s() -> int:
    """Give the time in seconds since 1970; $SOURCE_DATE_EPOCH sets it, so that a snapshot can be repeated."""
    said = os.environ.get("SOURCE_DATE_EPOCH", "")
    if said and not said.isdecimal():
        raise UserError(Fault(f"SOURCE_DATE_EPOCH is {said!r}, which is no number of seconds"))
    return int(said) if said else int(time.time())
