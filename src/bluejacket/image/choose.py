"""Which packages of a feed an image is made of."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from bluejacket.definition import Image
from bluejacket.package.describe import createrepo
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical

if TYPE_CHECKING:
    import solv

_FILE = "packages.json"
_CODE = ("bluejacket.image.choose", "bluejacket.foundation.solve", "bluejacket.foundation.solvfile")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One package of an image: its name, evr and architecture, its file, and its SHA-256.

    `source` is the file name of its source package, `size` what it takes installed, in bytes.
    """

    name: str
    evr: str
    arch: str
    rpm: Path
    sha256: str
    source: str = ""
    licence: str = ""
    size: int = 0

    @property
    def nevra(self) -> str:
        """Name, epoch (unless 0), version, release and architecture, as DNF prints them."""
        return f"{self.name}-{self.evr}.{self.arch}"


def obtain_chosen(store: Store, feed: Path, key: str, image: Image) -> tuple[Chosen, ...]:
    """Give what `choose` gives for the feed of the step `key`, solved now if it never was.

    Raises what `choose` raises.
    """
    options = canonical([image.name, image.packages, image.exclude, image.recommends, version("solv")])
    step = Step("image-packages", code_of(*_CODE), options, (key,))

    def work(into: Path) -> None:
        rows = [asdict(one) | {"rpm": str(one.rpm.relative_to(feed))} for one in choose(feed, image)]
        (into / _FILE).write_text(json.dumps(rows), "utf-8")

    rows = json.loads((store.obtain(step, work, synced=False) / _FILE).read_text("utf-8"))
    return tuple(Chosen(**row | {"rpm": feed / row["rpm"]}) for row in rows)


def choose(feed: Path, image: Image) -> tuple[Chosen, ...]:
    """Solve an image's package list against the feed in the folder `feed`, sorted by name.

    Raises UserError that says what cannot be fulfilled, and what would help.
    """
    import solv

    from bluejacket.foundation import solvfile
    from bluejacket.foundation.solve import solve

    pool = solvfile.new_pool()
    repo = pool.add_repo("feed")
    solvfile.add_primary(repo, feed / _primary(feed))
    pool.addfileprovides()
    chosen = solve(
        pool,
        image.packages,
        exclude=image.exclude,
        recommends=image.recommends,
        what=f"the image {image.name}",
    )
    return tuple(
        Chosen(
            c.name,
            c.evr,
            c.arch,
            feed / c.solvable.lookup_location()[0],
            _sha256(c.solvable),
            c.solvable.lookup_sourcepkg() or "",
            c.solvable.lookup_str(solv.SOLVABLE_LICENSE) or "",
            c.solvable.lookup_num(solv.SOLVABLE_INSTALLSIZE),
        )
        for c in chosen
    )


def _primary(feed: Path) -> str:
    repomd = createrepo().Repomd(str(feed / "repodata/repomd.xml"))
    found: str = next(r.location_href for r in repomd.records if r.type == "primary")
    return found


def _sha256(solvable: solv.XSolvable) -> str:
    import solv

    checksum = solvable.lookup_checksum(solv.SOLVABLE_CHECKSUM)
    found: str = checksum.hex()
    return found
