"""A program of its own: one part of a primary.xml as libsolv's file. `part.py PRIMARY INTO`.

It imports nothing of Bluejacket's, so that it starts in the time of a bare Python.
"""

from __future__ import annotations

import sys

import solv


def main(primary: str, into: str) -> str:
    """Compile; gives what is wrong, or nothing."""
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
    return ""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) or 0)
