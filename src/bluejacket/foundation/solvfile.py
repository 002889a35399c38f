"""libsolv's own file format: metadata that is ready to be solved, loaded in a fraction of the time."""

from __future__ import annotations

from pathlib import Path

import solv

from bluejacket.errors import Fault, OutsideError


def new_pool(arch: str = "x86_64") -> solv.Pool:
    """Give an empty pool that solves for `arch`."""
    pool = solv.Pool()
    pool.setarch(arch)
    return pool


def compile_primary(primary: Path, into: Path) -> None:
    """Write the packages of an rpm-md primary.xml (plain or compressed) as a solv file."""
    pool = new_pool()
    repo = pool.add_repo("index")
    stream = open_file(primary)
    if not repo.add_rpmmd(stream, None):
        raise OutsideError(Fault(f"{primary} is not primary metadata: {pool.errstr}"))
    stream.close()
    repo.internalize()
    # libsolv writes through a C stream of its own
    out = solv.xfopen(str(into), "w")
    if out is None or not repo.write(out):
        raise OutsideError(Fault(f"{into} cannot be written"))
    out.close()


def load(pool: solv.Pool, file: Path, name: str) -> solv.Repo:
    """Add a solv file to the pool as the repository `name`."""
    repo = pool.add_repo(name)
    if not repo.add_solv(open_file(file)):
        raise OutsideError(Fault(f"{file} is not a solv file: {pool.errstr}"))
    return repo


def open_file(file: Path) -> solv.SolvFp:
    """Open a file for libsolv. Raises OutsideError; libsolv crashes when given none."""
    stream = solv.xfopen(str(file))
    if stream is None:
        raise OutsideError(Fault(f"{file} cannot be read"))
    return stream
