"""`bluejacket image …`: disks that boot, and their papers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bluejacket.cli.out import size
from bluejacket.cli.session import Given, Session
from bluejacket.cli.work import feed_of, lock_of, tools_of
from bluejacket.errors import Fault, Place, UserError

if TYPE_CHECKING:
    from bluejacket.cli.work import Toolbox
    from bluejacket.cloud.compute.market import Published
    from bluejacket.definition import Offer, Release
    from bluejacket.feed.built import Built
    from bluejacket.image import BuiltImage

_MOST = 5  # disagreements that are told

app = App(name="image", help="Build and look at images.")

ImageName = Annotated[str, Parameter(help="The image's name")]
ReleaseFlag = Annotated[str | None, Parameter(help="The release's version [default: the newest]")]


def image_of(session: Session, release: Release, name: str, tools: Toolbox, feed: Built) -> BuiltImage:
    """Give an image, made as far as it is not there, and link it as the newest of its name."""
    from bluejacket.feed.built import boot_key_of, signer_of
    from bluejacket.image import Workbench, build_image
    from bluejacket.store.files import replace_link

    state = session.kept
    keys = signer_of(state, release), boot_key_of(state, release)
    bench = Workbench(state.store, tools.box, tools.key, *keys, session.report)
    lock = lock_of(session, release)
    if release.tools_release != release.version:  # the papers name the tools that made the image
        lock = replace(lock, tools=lock_of(session, session.definitions.release(release.tools_release)).tools)
    built = build_image(bench, release, session.image(release, name), lock, feed)
    replace_link(state.image_link(release.distribution.id, release.version, name), built.folder)
    return built


@app.command
def build(
    *names: Annotated[str, Parameter(help="The images [default: all of the release]")],
    release: ReleaseFlag = None,
    session: Given,
) -> None:
    """Build images, and the feed as far as it is not there. What has not changed is not done again."""
    chosen = session.release(release)
    wanted = [session.image(chosen, name).name for name in names or chosen.images]
    with session.kept.in_use():
        tools = tools_of(session, chosen)
        feed = feed_of(session, chosen, tools)
        built = [image_of(session, chosen, name, tools, feed) for name in wanted]
    if session.out.as_json:
        session.out.json(built)
        return
    rows = [
        {
            "image": each.name,
            "release": each.release,
            "packages": each.packages,
            "installed": size(each.size),
            "disks": [disk.name for disk in each.disks.values()],
            "folder": each.folder,
        }
        for each in built
    ]
    session.out.rows(rows, "image", "release", "packages", "installed", "disks", "folder")


@app.command
def publish(
    name: ImageName = "vm",
    /,
    *,
    release: ReleaseFlag = None,
    session: Given,
) -> None:
    """Put an image that is built into the local cloud's marketplace, as its newest version there."""
    chosen = session.release(release)
    published = publish_image(session, chosen, session.image(chosen, name).name)
    urns = [f"{plan}:{published.version}" for plan in offer_of(session, chosen, name).plans]
    session.out.record({"version": published.version, "urn": urns, "file": published.file})


def publish_image(session: Session, release: Release, name: str) -> Published:
    """Publish a built image to the cloud; what is published already stays as it is.

    Raises UserError, also for an image that disagrees with the release's advisories.
    """
    from bluejacket.cloud.compute.market import Market, Plan
    from bluejacket.image import BOOT_CERTIFICATE
    from bluejacket.image.build import SUMS
    from bluejacket.machine.volumes import Volumes

    offer = offer_of(session, release, name)
    with session.kept.in_use():
        folder = built_image(session, release, name).resolve()
        _refuse_disagreements(session, release, name, folder)
        disk = next(path for form in ("qcow2", "raw") if (path := folder / f"disk.{form}").exists())
        pairs = (line.split(maxsplit=1) for line in (folder / SUMS).read_text("utf-8").splitlines())
        certificate = folder / BOOT_CERTIFICATE
        cloud = session.state / "cloud"
        return Market(cloud / "market").publish(
            Volumes(cloud, tools_of(session, release).box),
            disk,
            tuple(map(Plan.parse, offer.plans)),
            digest={file: digest for digest, file in pairs}[disk.name],
            image=name,
            release=release.version,
            alias=offer.alias or "",
            certificate=certificate.read_text("ascii") if certificate.exists() else "",
        )


def _refuse_disagreements(session: Session, release: Release, name: str, folder: Path) -> None:
    from bluejacket.feed.agreement import image_disagreements
    from bluejacket.feed.built import signer_of

    certificate = signer_of(session.kept, release).certificate()
    if wrong := image_disagreements(session.kept, release, name, folder, certificate):
        version = release.version
        way_out = (
            f"`bluejacket image build {name} --release {version}`, or `bluejacket feed snapshot {version}`"
        )
        what = f"the image {name} was not published: it disagrees with the release's advisories"
        told = [Fault(str(one)) for one in wrong[:_MOST]]
        if len(wrong) > _MOST:
            told.append(Fault(f"and {len(wrong) - _MOST} more disagreements"))
        raise UserError(Fault(what, way_out), *told)


def publish_if_empty(session: Session) -> None:
    """Publish what the newest release has built and the catalogue offers, unless anything is published.

    An image that disagrees with the advisories is told of, and left out.
    """
    from bluejacket.cloud.compute.market import Market

    if Market(session.state / "cloud" / "market").all():
        return
    release = session.release(None)
    offered = [one for one in session.definitions.offers if one.release == release.version]
    for offer in offered:
        link = session.kept.image_link(release.distribution.id, release.version, offer.image)
        if link.exists():
            try:
                found = publish_image(session, release, offer.image)
            except UserError as error:
                session.report.warn(str(error))
                continue
            session.report.line(f"published the image {offer.image} as {offer.plans[0]}:{found.version}")
            return
    way_out = f"bluejacket image build && bluejacket image publish --release {release.version}"
    session.report.warn(f"the marketplace is empty, no machine can be made: run `{way_out}`")


def offer_of(session: Session, release: Release, name: str) -> Offer:
    """Give what the catalogue calls an image; raises UserError when it does not name it."""
    for offer in session.definitions.offers:
        if (offer.release, offer.image) == (release.version, name):
            return offer
    what = f"the catalogue offers no image {name} of release {release.version}"
    raise UserError(Fault(what, "add an [[offer]] for it", Place(session.distro / "catalogue.toml")))


def built_image(session: Session, release: Release, name: str) -> Path:
    """Give the link to an image that is built; raises UserError when it is not."""
    link = session.kept.image_link(release.distribution.id, release.version, name)
    if not link.exists():
        what = f"the image {name} of release {release.version} is not built yet"
        way_out = f"`bluejacket image build {name} --release {release.version}` makes it"
        raise UserError(Fault(what, way_out))
    return link


@app.command(name="list")
def list_images(*, session: Given) -> None:
    """List the images that are built."""
    rows = []
    for link in sorted((session.state / "images").glob("*/*/*")):
        if link.exists():
            rows.append(_row(link))
            _repeat_tolerated(session, link)
    session.out.rows(rows, "image", "distribution", "release", "built", "packages", "disks")


def _row(link: Path) -> dict[str, Any]:
    disks = sorted(link.glob("disk.*"))
    return {
        "image": link.name,
        "distribution": link.parts[-3],
        "release": link.parts[-2],
        "built": datetime.fromtimestamp(link.resolve().parent.stat().st_mtime, UTC).isoformat(
            timespec="seconds"
        ),
        "packages": len(_manifest(link)),
        "disks": [f"{disk.suffix[1:]} {size(disk.stat().st_blocks * 512)}" for disk in disks],
        "folder": link.resolve(),
    }


@app.command
def show(
    name: ImageName,
    /,
    *,
    release: ReleaseFlag = None,
    packages: Annotated[bool, Parameter(help="List its packages instead", negative="")] = False,
    session: Given,
) -> None:
    """Show an image that is built: its files with their digests, or its packages."""
    from bluejacket.image.build import SUMS

    chosen = session.release(release)
    session.image(chosen, name)
    link = built_image(session, chosen, name)
    _repeat_tolerated(session, link)
    if packages:
        session.out.rows(_manifest(link), "name", "evr", "arch", "size")
        return
    pairs = (line.split(maxsplit=1) for line in (link / SUMS).read_text("utf-8").splitlines())
    sums = {file: digest for digest, file in pairs}
    rows = [
        {
            "file": file.name,
            "size": size(file.stat().st_size),
            "on_disk": size(file.stat().st_blocks * 512),
            "sha256": sums.get(file.name),
        }
        for file in sorted(link.iterdir())
    ]
    session.out.rows(rows, "file", "size", "on_disk", "sha256")
    session.report.line(f"in {link.resolve()}")


def _repeat_tolerated(session: Session, folder: Path) -> None:
    from bluejacket.image.papers import tolerated

    for text in tolerated(folder):
        session.report.warn(text)


def _manifest(folder: Path) -> list[dict[str, Any]]:
    from bluejacket.image.papers import MANIFEST

    found: list[dict[str, Any]] = json.loads((folder / MANIFEST).read_text("utf-8"))
    return found
