"""An opened answer of a mirror, and a mirror on a disk."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit

from bluejacket.foundation.fetch.wanted import Absent, Refused

CHUNK = 1 << 17


class Answer:
    """An opened answer: its bytes from `start` on, each chunk already inside the time limits.

    `length` counts the bytes that are to come, if the mirror tells; `url` is where the redirects ended.
    With `unchanged` the mirror has nothing newer than the `since` that was asked for.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        start: int = 0,
        length: int | None = None,
        *,
        etag: str = "",
        modified: str = "",
        url: str = "",
        unchanged: bool = False,
    ) -> None:
        self.chunks = chunks
        self.start = start
        self.length = length
        self.etag = etag
        self.modified = modified
        self.url = url
        self.unchanged = unchanged


class Since(NamedTuple):
    """What a mirror said of the copy that the caller holds (RFC 9110 section 8.8)."""

    etag: str = ""
    modified: str = ""


@contextmanager
def opened_file(url: str, start: int) -> Iterator[Answer]:
    """Open a file:// address from byte `start` on. Raises Absent, Refused."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise Refused(f"a file:// address names another machine, {parts.netloc}")
    path = Path(unquote(parts.path))
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise Refused("not a regular file")
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise Absent("no such file") from None
    except OSError as error:
        raise Refused(error.strerror or "not readable") from None
    with file:
        file.seek(start)
        yield Answer(_read(file), start, max(0, about.st_size - start), url=url)


def _read(file: BinaryIO) -> Iterator[bytes]:
    try:
        while chunk := file.read(CHUNK):
            yield chunk
    except OSError as error:
        raise Refused(error.strerror or "not readable") from None
