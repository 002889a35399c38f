"""`bluejacket image …`: disks that boot, and their papers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bluejacket.cli.out import size
from bluejacket.cli.session import Given, Session
from bluejacket.cli.work import feed_of, lock_of, tools_of
from bluejacket.errors import Fault, UserError

if TYPE_CHECKING:
    from bluejacket.cli.work import Toolbox
    from bluejacket.definition import Release
    from bluejacket.feed.build import Built
    from bluejacket.image import BuiltImage

app = App(name="image", help="Build and look at images.")

ImageName = Annotated[str, Parameter(help="The image's name")]
ReleaseFlag = Annotated[str | None, Parameter(help="The release's version [default: the newest]")]


def image_of(session: Session, release: Release, name: str, tools: Toolbox, feed: Built) -> BuiltImage:
    """Give an image, made as far as it is not there, and link it as the newest of its name."""
    from bluejacket.feed.build import signer_of
    from bluejacket.image import Workbench, build_image
    from bluejacket.store.files import replace_link

    state = session.kept
    bench = Workbench(state.store, tools.box, tools.key, signer_of(state, release), session.report)
    built = build_image(bench, release, session.image(release, name), lock_of(session, release), feed)
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


@app.command(name="list")
def list_images(*, session: Given) -> None:
    """List the images that are built."""
    rows = []
    for link in sorted((session.state / "images").glob("*/*/*")):
        if link.exists():
            rows.append(_row(link))
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
    link = session.kept.image_link(chosen.distribution.id, chosen.version, name)
    if not link.exists():
        what = f"the image {name} of release {chosen.version} is not built yet"
        raise UserError(Fault(what, f"`bluejacket image build {name}` makes it"))
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


def _manifest(folder: Path) -> list[dict[str, Any]]:
    from bluejacket.image.papers import MANIFEST

    found: list[dict[str, Any]] = json.loads((folder / MANIFEST).read_text("utf-8"))
    return found
