"""A program of its own that turns parts of a primary.xml into libsolv's files.

It reads a line `PRIMARY<tab>INTO` for each and answers with a line: empty, or what is wrong. It imports
nothing of Bluejacket's, so that it starts in the time of a bare Python.
"""

from __future__ import annotations

import os
import sys

import solv


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
    handle = os.open(into, os.O_RDONLY)
    os.fsync(handle)  # now, while others compile: the store would wait for it later
    os.close(handle)
    os.unlink(primary)  # noqa: PTH108 - pathlib is an import that this program does without
    return ""


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        primary, _, into = line.rstrip("\n").partition("\t")
        try:
            answer = compile_part(primary, into)
        except OSError as error:
            answer = str(error)
        sys.stdout.write(answer.replace("\n", " ") + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
