"""`bluejacket build` and `bluejacket feed …`: from components to a signed feed."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from bluejacket.cli.lock import ReleaseOption
from bluejacket.cli.out import plain, size
from bluejacket.cli.session import Given
from bluejacket.cli.work import feed_of, lock_of, tools_of
from bluejacket.errors import Fault, UserError

app = App(name="feed", help="Look after feeds.")


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
    if built.unreviewed:
        session.report.line(
            "`bluejacket -v build` lists the scripts that nobody has reviewed; none of them ran"
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
    from bluejacket.feed.build import open_reviews

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
def verify(
    release: ReleaseOption = None,
    /,
    *,
    dnf: Annotated[
        bool, Parameter(help="Let rpm and DNF5 from the tools tree judge as well", negative="--no-dnf")
    ] = True,
    session: Given,
) -> int:
    """Check a feed's signatures, hashes and completeness. Exit status 1 if something is wrong."""
    from bluejacket.feed.build import signer_of
    from bluejacket.feed.verify import verify_by_dnf, verify_feed

    chosen = session.release(release)
    folder = session.kept.feed_link(chosen.distribution.id, chosen.version)
    if not folder.exists():
        what = f"release {chosen.version} has no feed yet"
        raise UserError(Fault(what, f"`bluejacket build {chosen.version}` makes it"))
    certificate = signer_of(session.kept, chosen).certificate()
    with session.kept.in_use():
        verdict = verify_feed(folder.resolve(), certificate)
        if dnf and not verdict.faults:
            verify_by_dnf(tools_of(session, chosen).box, folder.resolve(), certificate)
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
