"""A program of its own that turns parts of a primary.xml into libsolv's files.

It takes the numbers of parts from its input, which it shares with others of its kind: whoever is idle takes
the next. For each it writes a line `NUMBER WRONG`, where WRONG is empty or says what is wrong. It imports
nothing of Bluejacket's, so that it starts in the time of a bare Python.
"""

from __future__ import annotations

import os
import sys

import solv

REQUEST_BYTES = 5  # "0000\n"


def compile_part(primary: str, into: str) -> str:
    """Compile one part; gives what is wrong, or nothing."""
    pool = solv.Pool()
    pool.setarch()
    repo = pool.add_repo("part")
    stream = solv.xfopen(primary)
    if stream is None:
        return f"{primary} cannot be read"
    if not repo.add_rpmmd(stream, None, 0):
        return str(pool.errstr)
    repo.internalize()
    out = solv.xfopen(into, "w")
    if out is None or not repo.write(out) or not out.close():
        return f"{into} could not be written"
    os.unlink(primary)  # noqa: PTH108 - pathlib is an import that this program does without
    return ""


def main(folder: str) -> None:
    """Compile `NUMBER.xml` below `folder` into `NUMBER.solv` for each number, until the input ends."""
    # The kernel gives each small request to one reader, whole.
    while request := os.read(0, REQUEST_BYTES).decode().strip():
        try:
            wrong = compile_part(f"{folder}/{request}.xml", f"{folder}/{request}.solv")
        except OSError as error:
            wrong = str(error)
        wrong = wrong.replace("\n", " ")
        os.write(1, f"{request} {wrong}\n".encode())
    os._exit(0)  # nothing is left that would have to be put in order


if __name__ == "__main__":
    main(sys.argv[1])
