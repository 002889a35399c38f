"""`bluejacket scan`: what an image lacks, with an exit status for pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bluejacket.cli.out import plain
from bluejacket.cli.session import Given, Session
from bluejacket.cli.work import tools_of
from bluejacket.errors import Fault, UserError

if TYPE_CHECKING:
    from bluejacket.definition import Release
    from bluejacket.inquiry.inventory import Inventory
    from bluejacket.inquiry.lookup import Lookup
    from bluejacket.inquiry.scan import Scan

Level = Literal["low", "medium", "high", "critical", "unknown", "any"]


def scan(
    image: Annotated[
        str,
        Parameter(
            help="An image's name, or the path of a disk (raw, qcow2, vhd, vhdx, vmdk), a packages.json or "
            "an SPDX bill of materials"
        ),
    ],
    /,
    *,
    release: Annotated[str | None, Parameter(help="The release's version [default: the newest]")] = None,
    snapshot: Annotated[
        str | None, Parameter(help="Whose advisories count [default: the newest snapshot]")
    ] = None,
    channel: Annotated[str | None, Parameter(help="Take the snapshot that this channel points at")] = None,
    format_: Annotated[
        Literal["table", "json", "sarif"], Parameter(name="--format", help="What is printed")
    ] = "table",
    fail_on: Annotated[
        tuple[Level, ...],
        Parameter(
            help="Exit with 1 only for findings that are rated so or worse, or that nobody has rated "
            "(unknown); may be repeated",
            negative="",
        ),
    ] = ("any",),
    session: Given,
) -> int:
    """Scan an image's packages for advisories whose fixes they lack.

    Exit status 0: nothing found at or above --fail-on; 1: something is.
    """
    from bluejacket.inquiry.scan import fails

    chosen, inventory = _inventory(session, image, release)
    found = _scanned(session, chosen, inventory, snapshot, channel)
    if format_ == "sarif":
        from bluejacket.inquiry.sarif import as_sarif

        session.out.json(as_sarif(found, chosen.distribution.home))
    elif format_ == "json" or session.out.as_json:
        session.out.json(found)
    else:
        _tell(session, found)
    return 1 if fails(found.findings, fail_on) else 0


def _inventory(session: Session, image: str, version: str | None) -> tuple[Release, Inventory]:
    from bluejacket.image.papers import MANIFEST
    from bluejacket.inquiry.disk import disk_format, read_disk
    from bluejacket.inquiry.inventory import read_inventory

    file = Path(image)
    if file.is_file() and disk_format(file):
        newest = session.release(version)
        with session.kept.in_use():
            box = tools_of(session, newest).box
            distribution = newest.distribution.id
            found = read_disk(box, file, session.state, distribution, file.as_posix().lstrip("/"))
        return session.release(version or found.release or None), found
    if file.is_file() or "/" in image or file.suffix == ".json":
        found = read_inventory(file, uri=file.as_posix().lstrip("/"))
        return session.release(version or found.release or None), found
    release = session.release(version)
    session.image(release, image)
    link = session.kept.image_link(release.distribution.id, release.version, image)
    if not link.exists():
        what = f"the image {image} of release {release.version} is not built yet"
        raise UserError(Fault(what, f"`bluejacket image build {image}` makes it"))
    uri = (link / MANIFEST).relative_to(session.state).as_posix()
    return release, read_inventory(link / MANIFEST, image, uri)


def _scanned(
    session: Session, release: Release, inventory: Inventory, snapshot: str | None, channel: str | None
) -> Scan:
    from bluejacket.feed.snapshot import Snapshot
    from bluejacket.inquiry.channels import pointers
    from bluejacket.inquiry.fill import advisories_of
    from bluejacket.inquiry.index import open_index
    from bluejacket.inquiry.lookup import Lookup
    from bluejacket.inquiry.scan import scan as compare

    state, life = session.kept, (release.distribution.id, release.version)
    with state.in_use(), open_index(state) as database:
        lookup = Lookup(database, pointers(state))
        name = _snapshot(lookup, life, snapshot, channel)
        folder = state.snapshot_link(*life, name)
        return compare(
            inventory, Snapshot.load(folder), advisories_of(folder), lambda fix: lookup.remedy(life, fix)
        )


def _snapshot(lookup: Lookup, life: tuple[str, str], snapshot: str | None, channel: str | None) -> str:
    """Give the id of the snapshot that is asked for. Raises UserError for one that is not there."""
    from bluejacket.definition.explain import nearest

    mine = [one for one in lookup.snapshots.values() if (one.distribution, one.release) == life]
    if snapshot and channel:
        raise UserError(Fault("a snapshot and a channel are given", "keep one of --snapshot and --channel"))
    if not mine:
        what = f"release {life[1]} has no snapshot yet, and so no advisories"
        raise UserError(Fault(what, f"`bluejacket feed snapshot {life[1]}` makes one"))
    if channel:
        by_channel = {name: one.id for one in mine for name in one.channels}
        if channel not in by_channel:
            what = f"no channel {channel} of release {life[1]} points at a snapshot"
            raise UserError(Fault(what, nearest(channel, by_channel)))
        return by_channel[channel]
    ids = [one.id for one in mine]
    if snapshot and snapshot not in ids:
        what = f"release {life[1]} has no snapshot {snapshot}"
        raise UserError(Fault(what, nearest(snapshot, ids)))
    return snapshot or ids[-1]


def _tell(session: Session, found: Scan) -> None:
    columns = ("severity", "advisory", "cves", "package", "fixed", "fixed_in", "channels")
    if found.findings:
        rows = [plain(one) | {"fixed_in": one.fixed_in or None} for one in found.findings]
        session.out.rows(rows, *columns)
    if found.not_affected:
        words = ("cve", "package", "justification", "note")
        session.out.rows(found.not_affected, *words, title="Not affected")
    session.report.line(
        f"{found.image}: {found.packages} packages against {found.advisories} security advisories of "
        f"snapshot {found.snapshot}: {len(found.findings)} findings"
    )
