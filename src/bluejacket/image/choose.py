"""Which packages of a feed an image is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import solv

from bluejacket.definition import Image
from bluejacket.foundation import solvfile
from bluejacket.foundation.solve import solve
from bluejacket.package.describe import createrepo


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


def choose(feed: Path, image: Image) -> tuple[Chosen, ...]:
    """Solve an image's package list against the feed in the folder `feed`, sorted by name.

    Raises UserError that says what cannot be fulfilled, and what would help.
    """
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
    checksum = solvable.lookup_checksum(solv.SOLVABLE_CHECKSUM)
    found: str = checksum.hex()
    return found
