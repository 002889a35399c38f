"""`bluejacket build` and `bluejacket feed …`: from components to a signed feed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from bluejacket.cli import publish, snapshot
from bluejacket.cli.lock import ReleaseOption
from bluejacket.cli.out import plain, size
from bluejacket.cli.session import Given
from bluejacket.cli.work import feed_of, lock_of, repeat_tolerated, tools_of
from bluejacket.errors import Fault, UserError

app = App(name="feed", help="Look after feeds.")
for _command in (
    snapshot.snapshot,
    snapshot.promote,
    snapshot.rollback,
    snapshot.diff,
    snapshot.serve,
    publish.publish,
):
    app.command(_command)
app.command(snapshot.list_snapshots, name="list")


def build(release: ReleaseOption = None, /, *, session: Given) -> None:
    """Build a release's components into its signed feed. What has not changed is not done again."""
    chosen = session.release(release)
    with session.kept.in_use():
        built = feed_of(session, chosen, tools_of(session, chosen))
    if session.out.as_json:
        session.out.json(built)
        return
    session.out.record(
        {
            "release": chosen.pretty_name,
            "feed": built.folder,
            "packages": built.packages,
            "size": size(built.size),
            "scripts_without_review": len(built.unreviewed),
        }
    )


@app.command
def scripts(
    *packages: Annotated[
        str, Parameter(help="Show the code of these packages' scripts, and the review to write")
    ],
    release: Annotated[str | None, Parameter(help="The release's version [default: the newest]")] = None,
    session: Given,
) -> None:
    """List the maintainer scripts that nobody has reviewed in their present form. None of them ever runs."""
    from bluejacket.definition.explain import nearest
    from bluejacket.feed.make import open_reviews

    chosen = session.release(release)
    with session.kept.in_use():
        found = open_reviews(session.kept, chosen, lock_of(session, chosen))
    names = {one.package for one in found}
    if unknown := [name for name in packages if name not in names]:
        raise UserError(
            *(Fault(f"no script of {name} waits for a review", nearest(name, names)) for name in unknown)
        )
    wanted = [one for one in found if not packages or one.package in packages]
    if session.out.as_json:
        session.out.json([{**plain(one), "review": one.table()} for one in wanted])
    elif packages:
        for one in wanted:
            session.out.text(
                f"# {one}\n{one.note.custom.strip()}\n\n# reviews/{one.package}.toml\n{one.table()}"
            )
    else:
        rows = [
            {
                "package": one.package,
                "version": one.version,
                "script": one.note.name,
                "lines": one.note.custom.count("\n") + 1,
                "state": "changed" if one.changed else "new",
            }
            for one in wanted
        ]
        session.out.rows(rows, "package", "version", "script", "lines", "state")
        session.report.line("`bluejacket feed scripts PACKAGE` shows the code and the review to write")


@app.command
def sources(
    release: ReleaseOption = None,
    /,
    *,
    snapshot: Annotated[
        str | None, Parameter(help="Of this snapshot, not of what the lock asks for now", show_default=False)
    ] = None,
    fetch: Annotated[
        Path | None, Parameter(help="Mirror all files, verified, into this folder", show_default=False)
    ] = None,
    session: Given,
) -> int:
    """List the corresponding source of every binary in a release's feed, or mirror it into a folder.

    Exit status 1 if a source that a licence may demand is missing.
    """
    from bluejacket.feed.sources import corresponding, mirror, of_snapshot
    from bluejacket.foundation.lock import read_lock

    chosen = session.release(release)
    with session.kept.in_use():
        if snapshot is not None:
            found = of_snapshot(session.kept, chosen, snapshot)
        else:
            lock_ = read_lock(chosen, current=False)
            for text in lock_.tolerated:
                session.report.warn(text)
            found = corresponding(session.kept, chosen, lock_)
        done = mirror(session.kept, chosen, found, fetch.absolute()) if fetch else None
    rows = [
        {"source": s.name, "version": s.version, "use": s.use.value, "of": s.of, "size": s.size}
        | {"files": s.files, "missing": s.missing}
        for s in found
    ]
    lacking = [one for one in found if one.missing and one.owed]
    if session.out.as_json:
        session.out.json({"release": chosen.version, "sources": rows, "mirrored": done})
    else:
        if fetch is None:
            session.out.rows(rows, "source", "version", "use", "size", "missing")
        place = f", in {done.folder}" if done else ""
        total = sum(one.size for one in found)
        session.report.line(f"{len(found)} source packages, {size(total)}, {len(lacking)} missing{place}")
    for one in lacking:
        session.report.warn(f"no index has the source of {one.name} {one.version} ({', '.join(one.of)})")
    return 1 if lacking else 0


@app.command
def verify(
    release: ReleaseOption = None,
    /,
    *,
    snapshot: Annotated[
        str | None, Parameter(help="A snapshot, or a channel that points at one [default: the feed as built]")
    ] = None,
    dnf: Annotated[
        bool, Parameter(help="Let rpm and DNF5 from the tools tree judge as well", negative="--no-dnf")
    ] = True,
    session: Given,
) -> int:
    """Check a feed's signatures, hashes and completeness. Exit status 1 if something is wrong."""
    from bluejacket.feed.built import signer_of
    from bluejacket.feed.channel import find_snapshot
    from bluejacket.feed.verify import verify_by_dnf, verify_feed
    from bluejacket.feed.written import verify_snapshot

    chosen = session.release(release)
    tree, below = session.kept.feed_link(chosen.distribution.id, chosen.version), ""
    found = find_snapshot(session.kept, chosen, snapshot) if snapshot is not None else None
    if found is not None:
        tree, below = found.tree, f"snapshots/{found.id}"
    if not tree.exists():
        what = f"release {chosen.version} has no feed yet"
        raise UserError(Fault(what, f"`bluejacket build {chosen.version}` makes it"))
    repeat_tolerated(session, chosen)
    certificate = signer_of(session.kept, chosen).certificate()
    with session.kept.in_use():
        if found is not None:
            verdict = verify_snapshot(session.kept.store, found, certificate)
        else:
            verdict = verify_feed(tree.resolve(), certificate)
        if dnf and not verdict.faults:
            verify_by_dnf(tools_of(session, chosen).box, tree.resolve(), certificate, below)
    if session.out.as_json:
        session.out.json(verdict)
    else:
        for fault in verdict.faults:
            session.out.text(fault)
        judged = "rpm and DNF5 agree" if dnf and not verdict.faults else "rpm and DNF5 were not asked"
        session.report.line(
            f"{verdict.packages} packages, {size(verdict.size)}: {len(verdict.faults)} faults; {judged}"
        )
    return 1 if verdict.faults else 0
