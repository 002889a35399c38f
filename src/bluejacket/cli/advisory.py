"""`bluejacket advisory …`: what updates fix, drafted, listed, shown and verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from bluejacket.cli.lock import ReleaseOption
from bluejacket.cli.session import Given
from bluejacket.errors import Fault, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bluejacket.definition import Release
    from bluejacket.feed.advisory import Advisory
    from bluejacket.feed.advisory.drafts import Draft
    from bluejacket.feed.snapshot import Snapshot

app = App(name="advisory", help="Say what updates fix.")

SeverityOption = Literal["critical", "high", "medium", "low", "unknown"]
_MOST_CVES = 3  # in a table's cell


@app.command
def draft(
    release: ReleaseOption = None,
    /,
    *,
    since: Annotated[
        str | None,
        Parameter(help="Lock file or snapshot of the earlier state [default: the newest snapshot]"),
    ] = None,
    bug_fixes: Annotated[
        bool, Parameter(help="Draft updates that fix no CVE as bug fixes", negative="")
    ] = False,
    write: Annotated[bool, Parameter(help="Write the drafts to advisories/", negative="")] = False,
    session: Given,
) -> None:
    """Draft advisories from the changelogs of what changed since an earlier state, as TOML.

    Read them, correct them, keep them in advisories/: not every CVE that a changelog names is fixed.
    """
    from bluejacket.feed.advisory import toml
    from bluejacket.feed.advisory.drafts import (
        drafts,
        facts_now,
        facts_since,
        foreign_advisories,
    )
    from bluejacket.feed.advisory.issue import left_out
    from bluejacket.foundation.lock import read_lock

    chosen = session.release(release)
    with session.kept.in_use():
        lock = read_lock(chosen, current=False)
        before = facts_since(session.kept, chosen, since)
        after = facts_now(session.kept, chosen, lock, before)
        foreign = foreign_advisories(session.kept, chosen)
        taken = [one.id for _, one in _issued(session)]
        found = drafts(chosen, before, after, lock.epoch, taken=taken, foreign=foreign, bug_fixes=bug_fixes)
    files = toml.write_drafts(found, chosen.version, chosen.folder / "advisories") if write else []
    if session.out.as_json:
        session.out.json([_as_data(one) for one in found])
    elif not write:
        for one in found:
            session.out.text(f"# {toml.file_of(one, chosen.folder / 'advisories')}")
            session.out.text(toml.as_toml(one, chosen.version))
    for file in files:
        session.report.line(f"wrote {file}")
    for number, cves in left_out(chosen, before, after):
        session.report.line(f"{number} leaves out {', '.join(cves)}, which the changelog names as fixed")
    session.report.line(_told(found))


def _as_data(one: Draft) -> dict[str, object]:
    from bluejacket.cli.out import plain

    return {**plain(one.advisory), "component": one.component, "fixed_in": one.fixed_in}


def _told(found: tuple[Draft, ...]) -> str:
    cves = {cve for one in found for cve in one.advisory.cves}
    return f"{len(found)} drafts, {len(cves)} CVEs" + ("" if found else ": nothing to tell")


@app.command(name="list")
def list_advisories(
    release: Annotated[str | None, Parameter(help="Only of this release [default: all]")] = None,
    /,
    *,
    cve: Annotated[str | None, Parameter(help="Only those that tell of this CVE")] = None,
    severity: Annotated[SeverityOption | None, Parameter(help="Only of this severity")] = None,
    session: Given,
) -> None:
    """List the advisories of each release's newest snapshot, and those written for the next one."""
    from bluejacket.cli.out import plain

    rows = [
        {
            "id": one.id,
            "release": version,
            "kind": one.kind,
            "severity": one.severity,
            "cves": list(one.cves),
            "title": one.title,
            "state": state,
        }
        for version, state, one in _all(session, release)
        if (cve is None or cve.upper() in {*one.cves, *(n.cve for n in one.not_affected)})
        and (severity is None or one.severity.value == severity)
    ]
    if session.out.as_json:
        session.out.json(rows)
        return
    short = [{**plain(row), "cves": _shortened(plain(row)["cves"])} for row in rows]
    session.out.rows(short, "id", "release", "kind", "severity", "cves", "title", "state")


def _shortened(cves: list[str]) -> str:
    more = f" and {len(cves) - _MOST_CVES} more" if len(cves) > _MOST_CVES else ""
    return ", ".join(cves[:_MOST_CVES]) + more


@app.command
def show(
    advisory: Annotated[str, Parameter(help="Its id, such as BJSA-2026:0001")],
    /,
    *,
    session: Given,
) -> None:
    """Show an advisory with all that it says."""
    from bluejacket.cli.out import plain
    from bluejacket.definition.explain import nearest

    known = {one.id: (version, state, one) for version, state, one in _all(session, None)}
    if advisory not in known:
        raise UserError(Fault(f"there is no advisory {advisory}", nearest(advisory, known)))
    version, state, one = known[advisory]
    if session.out.as_json:
        session.out.json({**plain(one), "release": version, "state": state})
        return
    session.out.record(
        {
            "id": one.id,
            "release": version,
            "state": state,
            "kind": one.kind,
            "severity": f"{one.severity} (says {one.severity_source})"
            if one.severity_source
            else one.severity,
            "title": one.title,
            "issued": _day(one.issued),
            "updated": _day(one.updated),
            "withdrawn": f"{_day(one.withdrawn)}: {one.withdrawn_because}"
            if one.withdrawn is not None
            else "",
            "cves": list(one.cves),
            "packages": [fixed.nevra for fixed in one.fixed],
            "not_affected": [f"{n.source} by {n.cve}: {n.justification}" for n in one.not_affected],
            "reboot_suggested": one.reboot_suggested,
            "references": [r.url for r in one.references if r.kind != "cve"],
        }
    )
    session.out.text(one.description)


@app.command
def verify(
    release: ReleaseOption = None,
    /,
    *,
    snapshot: Annotated[str | None, Parameter(help="The snapshot [default: the newest]")] = None,
    session: Given,
) -> int:
    """Check that a snapshot's advisories agree in every format, with its packages and with images of it.

    Exit status 1 if two of them say different things; each disagreement is named.
    """
    from bluejacket.feed.agreement import disagreements, manifests
    from bluejacket.feed.built import signer_of

    chosen = session.release(release)
    with session.kept.in_use():
        judged = _snapshot(session, chosen, snapshot)
        images = list(manifests(session.kept, chosen, judged))
        certificate = signer_of(session.kept, chosen).certificate()
        found = disagreements(session.kept, chosen, judged, certificate)
    if session.out.as_json:
        session.out.json({"snapshot": judged.id, "images": images, "disagreements": found})
    else:
        for one in found:
            session.out.text(str(one))
        held = f"images {', '.join(images)}" if images else "no image was booted on it"
        session.report.line(f"snapshot {judged.id}, {held}: {len(found)} disagreements")
    return 1 if found else 0


def _snapshot(session: Given, release: Release, wanted: str | None) -> Snapshot:
    """Give a release's snapshot, the newest if none is named. Raises UserError where there is none."""
    from bluejacket.definition.explain import nearest
    from bluejacket.feed.snapshot import snapshots

    known = {one.id: one for one in snapshots(session.kept, release)}
    if not known:
        what = f"release {release.version} has no snapshot yet"
        raise UserError(Fault(what, f"`bluejacket feed snapshot {release.version}` takes one"))
    if wanted is not None and wanted not in known:
        raise UserError(Fault(f"release {release.version} has no snapshot {wanted}", nearest(wanted, known)))
    return known[wanted] if wanted else list(known.values())[-1]


def _day(when: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d}"


def _all(session: Given, version: str | None) -> Iterator[tuple[str, str, Advisory]]:
    """Give every advisory with its release and whether it is issued; written ones are not yet."""
    from bluejacket.feed.advisory.amend import bare, said_in

    known = set()
    for release, one in _issued(session, version):
        known.add(one.id)
        yield release.version, "issued" if one.withdrawn is None else "withdrawn", one
    for release in _releases(session, version):
        for said in said_in(release):
            if said.id is not None and said.id not in known:
                yield release.version, "written", bare(said, 0)


def _issued(session: Given, version: str | None = None) -> Iterator[tuple[Release, Advisory]]:
    from bluejacket.feed.advisory.drafts import issued

    for release in _releases(session, version):
        for one in issued(session.kept, release):
            yield release, one


def _releases(session: Given, version: str | None) -> list[Release]:
    return [session.release(version)] if version else list(session.definitions.releases.values())
