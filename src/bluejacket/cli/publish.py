"""`bluejacket feed publish`: a release's snapshots and channels to where machines find them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from bluejacket.cli.lock import ReleaseOption
from bluejacket.cli.out import size
from bluejacket.cli.session import Given
from bluejacket.cli.snapshot import now_s
from bluejacket.errors import Fault, Place, UserError


def publish(
    url: Annotated[str, Parameter(help="A folder, or file://, az://, abfs://, abfss:// or s3://")],
    release: ReleaseOption = None,
    /,
    *,
    channel: Annotated[
        tuple[str, ...],
        Parameter(help="Move only this channel there [default: all]", negative="", show_default=False),
    ] = (),
    address: Annotated[
        tuple[str, ...],
        Parameter(
            help="Where machines find it; more are mirrors [default: the feed's address]",
            negative="",
            show_default=False,
        ),
    ] = (),
    options: Annotated[
        Path | None,
        Parameter(help="A TOML or JSON file of options for fsspec's file system", show_default=False),
    ] = None,
    sources: Annotated[
        bool, Parameter(help="Mirror the foundation's sources there too, fetched if need be", negative="")
    ] = False,
    check: Annotated[bool, Parameter(help="Read back every package and compare", negative="")] = False,
    prune: Annotated[
        bool, Parameter(help="Remove there what the release's [retention] lets go", negative="")
    ] = False,
    wait: Annotated[float, Parameter(help="Wait so many seconds for another publisher")] = 90.0,
    session: Given,
) -> None:
    """Publish a release's snapshots and channels, packages first, channels last."""
    from bluejacket.feed.built import signer_of
    from bluejacket.feed.publish.send import Wishes
    from bluejacket.feed.publish.send import publish as publish_
    from bluejacket.feed.publish.target import open_target

    chosen = session.release(release)
    target = open_target(url, _options(options) if options else None)
    wishes = Wishes(
        addresses=address or (chosen.feed.address_of(chosen.version),),
        channels=channel,
        sources=sources,
        check=check,
        prune=prune,
        wait_s=wait,
    )
    with session.kept.in_use():
        certificate = signer_of(session.kept, chosen).certificate()
        done = publish_(session.kept, chosen, target, certificate, wishes, now_s())
    if session.out.as_json:
        session.out.json(done)
        return
    withheld = f", {len(done.withheld)} withheld" if done.withheld else ""
    removed = f", {done.removed} removed" if done.removed else ""
    session.report.line(
        f"{done.url}: {done.sent} files sent ({size(done.size)}), {done.kept} were there{removed}; "
        f"{len(done.snapshots)} snapshots{withheld}, channels: {', '.join(done.channels) or 'none'}"
    )


def _options(file: Path) -> dict[str, Any]:
    """Read a file of options. Its content is never told: it may hold credentials."""
    try:
        text = file.read_text("utf-8")
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except OSError as error:
        raise UserError(Fault(f"cannot be read: {error.strerror}", "", Place(file))) from None
    except ValueError:
        raise UserError(
            Fault("is neither TOML nor JSON", 'such as account_name = "feeds"', Place(file))
        ) from None
    return dict(found)
