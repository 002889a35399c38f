"""Where a feed is published to: an address, and the few things that publishing asks of what is behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from bluejacket.errors import Fault, UserError

_AZURE = ("az", "abfs", "abfss")
_KINDS = ("file", *_AZURE, "s3")


@dataclass(frozen=True, slots=True)
class There:
    """A file of the target: its size in bytes and, where the storage tells it, its content's MD5 in hex."""

    size: int
    md5: str = ""


class Target(Protocol):
    """A tree of files. Each appears and changes whole or not at all; calls are safe from several threads.

    Every method raises OutsideError for a storage that fails, in words that hold no credentials.
    """

    @property
    def url(self) -> str:
        """The address, as a message may show it."""

    def listing(self, below: str) -> dict[str, There]:
        """Give all files below a folder, by path; none for a folder that is not there."""

    def read(self, path: str) -> bytes:
        """Give a file's content. Raises FileNotFoundError."""

    def put(self, path: str, content: Path | bytes, *, immutable: bool = False) -> None:
        """Write or replace a file; `immutable` lets caches keep it for ever."""

    def create(self, path: str, data: bytes) -> bool:
        """Write a file unless there is one; says whether it did. Of several at once one succeeds."""

    def remove(self, path: str) -> None:
        """Remove a file; missing is fine."""

    def sweep(self, below: str) -> None:
        """Remove what stopped writers left half written below a folder."""


def open_target(url: str, options: Mapping[str, Any] | None = None) -> Target:
    """Give the target at `url`: a folder, or file://, az://, abfs://, abfss:// or s3://.

    Credentials come from where fsspec's file systems look: their environment variables, fsspec's own
    configuration, and `options`. Raises UserError for another kind of address, for one with credentials
    in it, and for options that the storage's library refuses.
    """
    kind, separator, rest = url.partition("://")
    if not separator:
        kind, rest = "file", url
    if kind not in _KINDS:
        what = f"cannot publish to {kind}:// addresses"
        raise UserError(Fault(what, "a folder, file://, az://, abfs://, abfss:// and s3:// can be"))
    if kind == "file":
        from bluejacket.feed.publish.folder import Folder

        return Folder(Path(rest).expanduser().absolute())
    parts = urlsplit(url)
    if parts.query or parts.password is not None or (parts.username and kind not in _AZURE):
        what = "an address must not hold credentials or a query"
        raise UserError(Fault(what, "give them in the environment or in the --options file"))
    from bluejacket.feed.publish.objects import open_objects

    return open_objects(kind, url.rstrip("/"), dict(options or {}))
