"""A file to be fetched, sites that have it, and limits that a test can wait for."""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

from bluejacket.foundation.fetch import Limits, Wanted
from webserver import Site, serve

CONTENT = random.Random(1).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Limits(
    connect_s=2,
    silence_s=0.6,
    answer_s=1.0,
    slow_bytes_s=1000,
    slow_window_s=0.4,
    whole_s=5,
    tries=3,
    backoff_s=0.01,
    longest_backoff_s=0.05,
)


@contextlib.contextmanager
def site_with_file(folder: Path, certificate: Path | None = None) -> Iterator[Site]:
    """Make `folder` and serve it, with the file at /file."""
    folder.mkdir()
    (folder / "file").write_bytes(CONTENT)
    with serve(folder, certificate) as served:
        yield served


def wanted(*urls: str, size: int | None = len(CONTENT), sha256: str = SHA256) -> Wanted:
    """The file, at these addresses."""
    return Wanted("file", urls, size, sha256)
