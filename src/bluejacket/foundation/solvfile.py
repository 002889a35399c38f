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
    add_primary(repo, primary)
    repo.internalize()
    # libsolv writes through a C stream of its own
    out = solv.xfopen(str(into), "w")
    if out is None or not repo.write(out):
        raise OutsideError(Fault(f"{into} cannot be written"))
    out.close()


def add_primary(repo: solv.Repo, primary: Path) -> None:
    """Add the packages of a primary.xml, plain or compressed, to `repo`.

    zstd is unpacked here: the library is built without it. Raises OutsideError for a damaged file.
    """
    from tempfile import TemporaryDirectory

    import zstandard  # here, as loading what is compiled does without it

    with TemporaryDirectory() as folder:
        if primary.suffix == ".zst":
            plain = Path(folder, "primary.xml")
            try:
                with primary.open("rb") as packed, plain.open("wb") as out:
                    zstandard.ZstdDecompressor().copy_stream(packed, out)
            except zstandard.ZstdError as error:
                raise OutsideError(Fault(f"{primary} is damaged: {error}")) from error
            primary = plain
        stream = open_file(primary)
        if not repo.add_rpmmd(stream, None):
            raise OutsideError(Fault(f"{primary} is not primary metadata: {repo.pool.errstr}"))
        stream.close()


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
