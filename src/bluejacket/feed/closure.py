"""Whether a feed is closed: everything that a package of it requires is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import solv

from bluejacket.errors import Fault, UserError
from bluejacket.foundation import solvfile
from bluejacket.package.describe import createrepo, description_of
from bluejacket.package.made import Made

# What rpm itself provides, and libsolv's mark between Requires(pre) and the others.
_NOT_PACKAGES = ("rpmlib(", "solvable:prereqmarker")
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" '
    'xmlns:rpm="http://linux.duke.edu/metadata/rpm">\n'
)


def refuse_open_ends(packages: Sequence[Made]) -> None:
    """Raise UserError that names each requirement that nothing among `packages` provides."""
    with TemporaryDirectory() as folder:
        primary = Path(folder, "primary.xml")
        with primary.open("w", encoding="utf-8") as out:
            out.write(_HEAD)
            for made in packages:
                out.write(json.loads(description_of(made.rpm).read_text("utf-8"))["primary"])
            out.write("</metadata>\n")
        faults = [
            Fault(what, "add a component that brings it, or drop the requirement in an overlay")
            for what in _open_ends(primary)
        ]
    if faults:
        raise UserError(*faults)


def open_ends(feed: Path) -> list[str]:
    """Name each requirement in a feed's metadata that nothing in the feed provides."""
    records = createrepo().Repomd(str(feed / "repodata" / "repomd.xml")).records
    (primary,) = (feed / record.location_href for record in records if record.type == "primary")
    return list(_open_ends(primary))


def _open_ends(primary: Path) -> Iterator[str]:
    pool = solvfile.new_pool()
    solvfile.add_primary(pool.add_repo("feed"), primary)
    pool.addfileprovides()
    pool.createwhatprovides()
    for solvable in pool.solvables_iter():
        for relation in solvable.lookup_deparray(solv.SOLVABLE_REQUIRES, 0):
            if not str(relation).startswith(_NOT_PACKAGES) and not pool.whatprovides(relation):
                yield f"{solvable} requires {relation}, and no package of the feed provides it"
