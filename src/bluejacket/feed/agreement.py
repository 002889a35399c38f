"""Whether all that is published agrees: a snapshot's advisories, its packages, and images made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bluejacket.definition import Release
from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.feed.advisory.contents import unfixed
from bluejacket.feed.advisory.reading import Disagreement, read_record, reading
from bluejacket.feed.advisory.verify import Manifest, verify_advisories
from bluejacket.feed.boots import boot_of, content_of_feed
from bluejacket.feed.snapshot import Snapshot, snapshots
from bluejacket.feed.written import refuse_harmed
from bluejacket.store import State
from bluejacket.store.gc import key_of

_MANIFEST = "packages.json"  # in an image's folder


def disagreements(
    state: State,
    release: Release,
    snapshot: Snapshot,
    certificate: str,
    also: Mapping[str, Manifest] | None = None,
) -> list[Disagreement]:
    """Give every disagreement about a snapshot's advisories: formats, packages, images booted on it.

    `also` are manifests of further images made of it, by name. `certificate` is the armoured key that signed.
    """
    written = [said.id for said in release.advisories if said.id]
    booted = manifests(state, release, snapshot)
    known = {name: manifest for name, manifest in booted.items() if manifest is not None} | dict(also or {})
    found = verify_advisories(snapshot.folder.resolve(), known, written=written, certificate=certificate)
    lost = [name for name in booted if name not in known]
    return found + [_lost(name) for name in lost]


def _lost(image: str) -> Disagreement:
    here, there = "nobody has its list any more: boot it again", "was booted on these packages"
    return Disagreement(f"image {image}", "", "packages", here, there, "the boot test")


def manifests(state: State, release: Release, snapshot: Snapshot) -> dict[str, Manifest | None]:
    """Give the lists of packages of the images booted on a snapshot, by name.

    An image itself tells, or the record of its boot test where the store has let the image go. None stands
    for one of which neither does.
    """
    booted = ((name, boot_of(state, snapshot.feed_key, snapshot.content, name)) for name in release.images)
    found: dict[str, Manifest | None] = {}
    for name, record in booted:
        if record is not None:
            tree = state.store.tree_of(record.image_key)
            there = tree is not None and (tree / _MANIFEST).is_file()
            found[name] = manifest_of(tree) if tree is not None and there else record.packages or None
    return found


def manifest_of(folder: Path) -> list[dict[str, Any]]:
    """Read the list of packages in an image's folder. Raises OutsideError for one that cannot be read."""
    file = folder / _MANIFEST
    try:
        found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        what = f"is no list of packages: {error}"
        way_out = "`bluejacket store verify` finds what is damaged"
        raise OutsideError(Fault(what, way_out, Place(file))) from error
    return found


def image_disagreements(
    state: State, release: Release, image: str, folder: Path, certificate: str
) -> list[Disagreement]:
    """Give every disagreement between the image in `folder` and the advisories of the release.

    It has to agree with the snapshot of the very packages that it was made from, where there is one, and to
    lack no fix that the newest snapshot has. Before there is any snapshot there are no advisories. Raises
    OutsideError for a snapshot that was harmed.
    """
    made, manifest = snapshots(state, release), manifest_of(folder)
    feeds = set(feeds_of(state, folder))
    own = [one for one in made if one.feed_key in feeds or one.content in feeds][-1:]
    found: list[Disagreement] = []
    for snapshot in own:
        refuse_harmed(state.store, snapshot)
        found += disagreements(state, release, snapshot, certificate, {image: manifest})
    for snapshot in made[-1:]:
        if snapshot not in own:
            refuse_harmed(state.store, snapshot)
            with reading("advisories.json", found):
                found += unfixed(f"image {image}", manifest, read_record(snapshot.folder))
    return found


def feeds_of(state: State, image: Path) -> Iterator[str]:
    """Give the keys and contents (`content_of`) of the feeds that the image in a folder was made from."""
    key = key_of(state.store, image.resolve())
    for made_from in state.store.inputs_of(key) if key else ():
        tree = state.store.tree_of(made_from)
        if tree is not None and (tree / "repodata" / "repomd.xml").is_file():
            yield made_from
            yield content_of_feed(state.store, made_from)
