"""Loading what `compiled` wrote."""

from __future__ import annotations

from pathlib import Path

import solv

from bluejacket.errors import Fault, OutsideError


def load_into(repo: solv.Repo, folder: Path) -> range:
    """Load all parts in their order; gives the ids of their packages. Raises OutsideError."""
    first = len(repo.pool.solvables)
    for file in sorted(folder.glob("*.solv")):
        stream = solv.xfopen(str(file))
        # libsolv crashes when it is given no stream.
        if stream is None or not repo.add_solv(stream):
            raise OutsideError(Fault(f"{file} is not a solv file: {repo.pool.errstr}"))
    return range(first, len(repo.pool.solvables))
