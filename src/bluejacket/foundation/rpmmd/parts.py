"""Loading what `compiled` wrote."""

from __future__ import annotations

from pathlib import Path

import solv

from bluejacket.errors import Fault, OutsideError


def load_into(repo: solv.Repo, folder: Path) -> range:
    """Load all parts in their order; gives the ids of their packages. Raises OutsideError."""
    first = len(repo.pool.solvables)
    for file in sorted(folder.glob("*.solv")):
        load_part(repo, opened(file), file)
    return range(first, len(repo.pool.solvables))


def opened(file: Path) -> solv.SolvFp:
    """Open a part, which may then be moved while it is loaded. Raises OutsideError."""
    stream = solv.xfopen(str(file))
    if stream is None:  # libsolv crashes when it is given no stream
        raise OutsideError(Fault(f"{file} cannot be read"))
    return stream


def load_part(repo: solv.Repo, stream: solv.SolvFp, file: Path) -> None:
    """Load one part. Raises OutsideError."""
    if not repo.add_solv(stream):
        raise OutsideError(Fault(f"{file} is not a solv file: {repo.pool.errstr}"))
