"""`bluejacket lock` and `bluejacket why`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bluejacket.cli.out import size
from bluejacket.cli.session import Given
from bluejacket.errors import Fault, UserError

if TYPE_CHECKING:
    from bluejacket.foundation.solve import Cause

ReleaseOption = Annotated[str | None, Parameter(help="The release's version [default: the newest]")]
_MOST_CHANGES = 40  # lines of a table that still help a reader


def lock(
    release: ReleaseOption = None,
    /,
    *,
    leave_out: Annotated[
        tuple[str, ...],
        Parameter(
            help="Take nothing from this suite, such as trixie-security", negative="", show_default=False
        ),
    ] = (),
    only: Annotated[
        tuple[str, ...],
        Parameter(
            help="Move this component, source package or package and what it forces, and nothing else",
            negative="",
            show_default=False,
            consume_multiple=True,
        ),
    ] = (),
    release_hold: Annotated[
        tuple[str, ...],
        Parameter(
            help="Let this one move, although the release holds it still", negative="", show_default=False
        ),
    ] = (),
    dry_run: Annotated[bool, Parameter(help="Only tell what would move", negative="")] = False,
    session: Given,
) -> None:
    """Choose a release's packages and pin each by version and hash.

    The index is verified anew; the lock then holds until this command is run again. What the release holds
    still keeps its locked version.
    """
    from bluejacket.foundation.lock import lock_file
    from bluejacket.foundation.locking import make_lock

    chosen = session.release(release)
    with session.kept.in_use():
        new, changes = make_lock(
            session.kept, chosen, leave_out=leave_out, only=only, let_go=release_hold, dry_run=dry_run
        )
    rows = [{"package": name, "before": before, "now": now} for name, before, now in changes.moved]
    for row, reason in zip(rows, changes.reasons, strict=False):  # a whole renewal gives none
        row["why"] = reason
    total = sum(entry.package.size for entry in new.packages)
    if session.out.as_json:
        session.out.json(
            {
                "release": chosen.version,
                "file": lock_file(chosen),
                "packages": len(new.packages),
                "tools": len(new.tools),
                "download_bytes": total,
                "tolerated": new.tolerated,
                "left_out": new.left_out,
                "changes": rows,
            }
        )
        return
    if only and not rows:
        session.report.line(f"nothing newer of {', '.join(only)} is there")
    if 0 < len(rows) < len(new.packages):
        columns = ("package", "before", "now", *(("why",) if changes.reasons else ()))
        session.out.rows(rows[:_MOST_CHANGES], *columns)
        if len(rows) > _MOST_CHANGES:
            session.report.line(f"and {len(rows) - _MOST_CHANGES} more")
    session.report.line(
        f"{chosen.pretty_name}: {len(new.packages)} packages ({size(total)}) and {len(new.tools)} tools, "
        f"{len(rows)} {'would change' if dry_run else f'changed, in {lock_file(chosen)}'}"
    )


def why(
    package: Annotated[str, Parameter(help="The package's name")],
    /,
    *,
    release: ReleaseOption = None,
    tools: Annotated[bool, Parameter(help="Ask about the tools tree", negative="")] = False,
    session: Given,
) -> None:
    """Tell what pulls a package into a release: each way from what the definitions ask for."""
    from bluejacket.definition.explain import nearest
    from bluejacket.foundation.lock import chains, read_lock

    chosen = session.release(release)
    lock_ = read_lock(chosen, current=False)
    for text in lock_.tolerated:
        session.report.warn(text)
    locked = lock_.tools if tools else lock_.packages
    names = {entry.package.name for entry in locked}
    if package not in names:
        where = "tools tree" if tools else "lock"
        what = f"{package} is not in the {where} of release {chosen.version}"
        raise UserError(Fault(what, nearest(package, names)))
    ways = chains(locked, package)
    if session.out.as_json:
        session.out.json([[{"by": cause.by, "relation": cause.relation} for cause in way] for way in ways])
        return
    for way in ways:
        session.out.text(_told(way, package))


def _told(way: list[Cause], package: str) -> str:
    """Give one way as a line: who wants whom, by which relation where it is not the plain name."""
    names = [cause.by for cause in way[1:]] + [package]
    steps = []
    for cause, name in zip(way, names, strict=True):
        steps.append(name if cause.relation == name else f"{name} (as {cause.relation})")
    return " -> ".join(["the release", *steps])
