"""The folder of a feed: its index, and its packages where that says that they lie.

People look into it, serve it and copy it; a snapshot is made without it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bluejacket.feed.compose import Table
from bluejacket.package.describe import location_of
from bluejacket.package.made import Made
from bluejacket.store import Step, Store, code_of

_CODE = ("bluejacket.feed.folder",)


def lay_out(store: Store, index: str, packages: Sequence[Made]) -> Path:
    """Give the folder of the feed whose index has this key: `repodata/` and `packages/`, all hard links.

    `packages` are those of the index, in any order. Raises OutsideError when the store has no such index.
    """
    return store.obtain(
        Step("feed", code_of(*_CODE), "{}", (index,)), lambda into: _link(store, index, packages, into)
    )


def _link(store: Store, index: str, packages: Sequence[Made], into: Path) -> dict[str, str]:
    """Fill the folder `into`; gives the SHA-256 of the packages as their metadata has it, by path below."""
    table = Table.read(store, index)
    repodata = store.place_of(index, "repodata")
    places = {made.path: location_of(made.filename) for made in packages}
    places |= {file.path: f"repodata/{file.name}" for file in os.scandir(repodata)}
    for folder in {place.rpartition("/")[0] for place in places.values()}:
        (into / folder).mkdir(parents=True)
    at = os.open(into, os.O_RDONLY | os.O_DIRECTORY)  # the kernel then walks half the way
    try:
        for file, place in places.items():
            os.link(file, place, dst_dir_fd=at)
    finally:
        os.close(at)
    for each in (into, *into.iterdir(), *into.glob("packages/*")):
        each.chmod(0o755)  # whatever the umask
    return {location_of(name): sha256 for name, sha256 in zip(table.names, table.hashes, strict=True)}
