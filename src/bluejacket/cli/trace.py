"""`bluejacket trace`: where a fix, a version, a package or an image is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bluejacket.cli.out import plain
from bluejacket.cli.session import Given, Session

if TYPE_CHECKING:
    from bluejacket.definition import Release
    from bluejacket.inquiry.answer import Answer, Check, TracedPackage

ReleaseFlag = Annotated[str | None, Parameter(help="Only this release [default: all]")]


def trace(
    subject: Annotated[
        str,
        Parameter(
            help="A CVE, an advisory, a package, a component, a snapshot, an image, or the SHA-256 of a file"
        ),
    ],
    /,
    *,
    release: ReleaseFlag = None,
    packages: Annotated[
        bool, Parameter(help="List the packages of a snapshot or an image as well", negative="")
    ] = False,
    quick: Annotated[
        bool, Parameter(help="Read no package, upstream file or disk again to check it", negative="")
    ] = False,
    session: Given,
) -> int:
    """Trace a fix, a version or a file through upstream, packages, snapshots, channels and images.

    The signatures and hashes along the way are checked. Exit status 1 if one of them is wrong.
    """
    from bluejacket.inquiry.channels import pointers
    from bluejacket.inquiry.checks import Inspector, failed
    from bluejacket.inquiry.index import open_index
    from bluejacket.inquiry.lookup import Lookup
    from bluejacket.inquiry.trace import trace as ask

    state = session.kept
    with state.in_use(), open_index(state) as database:
        answer = ask(Lookup(database, pointers(state)), subject, release, packages=packages)
        checks = Inspector(state, _releases(session), quick).checks(answer)
    if session.out.as_json:
        session.out.json({**plain(answer), "checks": checks})
    else:
        _tell(session, answer, checks)
    return 1 if failed(checks) else 0


def _releases(session: Session) -> dict[tuple[str, str], Release]:
    """Give the releases of the definitions at hand; none where there are none, or faulty ones."""
    from bluejacket.errors import BluejacketError

    try:
        found = session.definitions.releases.values()
    except BluejacketError as error:
        session.report.detail(str(error))
        return {}
    return {(one.distribution.id, one.version): one for one in found}


def _tell(session: Session, answer: Answer, checks: tuple[Check, ...]) -> None:
    out = session.out
    if answer.advisories:
        out.rows(answer.advisories, "id", "release", "severity", "title", "cves", "first", title="Advisories")
    spared = [one for advisory in answer.advisories for one in advisory.not_affected]
    if spared:
        out.rows(spared, "cve", "source", "justification", "note", title="Not affected")
    if answer.packages:
        columns = ("package", "component", "upstream", "standing", "snapshots", "channels", "images")
        out.rows(map(_package, answer.packages), *columns, title="Packages")
    if answer.snapshots:
        rows = [
            plain(one) | {"snapshot": one.where, "created": _when(one.created)} for one in answer.snapshots
        ]
        out.rows(rows, "snapshot", "created", "packages", "standing", "channels", "images", title="Snapshots")
    if answer.images:
        rows = [plain(one) | {"image": one.where} for one in answer.images]
        out.rows(rows, "image", "packages", "standing", "concerned", "lacks", "snapshots", title="Images")
    if checks:
        out.rows(checks, "what", "outcome", "because", title="Checks")


def _package(one: TracedPackage) -> dict[str, Any]:
    """Give a row of the table; a span of snapshots by its ends."""
    upstream = one.upstream
    span = one.snapshots if len(one.snapshots) < 3 else (f"{one.snapshots[0]} … {one.snapshots[-1]}",)
    return {
        "package": one.nevra,
        "component": one.component or one.source,
        "upstream": f"{upstream.name} {upstream.version} ({upstream.archive})" if upstream else None,
        "standing": one.standing,
        "snapshots": span if len(span) == len(one.snapshots) else [f"{span[0]} ({len(one.snapshots)})"],
        "channels": one.channels,
        "images": one.images,
    }


def _when(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
