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


def lock(release: ReleaseOption = None, /, *, session: Given) -> None:
    """Choose a release's packages and pin each by version and hash.

    The index is verified anew; the lock then holds until this command is run again.
    """
    from bluejacket.foundation.lock import lock_file
    from bluejacket.foundation.locking import make_lock

    chosen = session.release(release)
    with session.kept.in_use():
        new, changes = make_lock(session.kept, chosen)
    rows = [{"package": name, "before": before, "now": now} for name, before, now in changes.moved]
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
                "changes": rows,
            }
        )
        return
    if 0 < len(rows) < len(new.packages):
        session.out.rows(rows[:_MOST_CHANGES], "package", "before", "now")
        if len(rows) > _MOST_CHANGES:
            session.report.line(f"and {len(rows) - _MOST_CHANGES} more")
    session.report.line(
        f"{chosen.pretty_name}: {len(new.packages)} packages ({size(total)}) and {len(new.tools)} tools, "
        f"{len(rows)} changed, in {lock_file(chosen)}"
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
