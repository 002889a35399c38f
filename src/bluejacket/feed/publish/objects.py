"""Azure Blob storage and S3 as targets, through fsspec's file systems for them."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bluejacket.errors import Fault, OutsideError, UserError
from bluejacket.feed.publish.target import There

_FRESH, _FOREVER = "no-cache", "public, max-age=31536000, immutable"
_TYPES = {".metalink": "application/metalink+xml", ".rpm": "application/x-rpm", ".zst": "application/zstd"}
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")  # S3's words for a file that is there


def open_objects(kind: str, url: str, options: dict[str, Any]) -> Objects:
    """Give the target at `url`. Raises UserError for options that the storage's library refuses."""
    from fsspec.core import url_to_fs

    try:
        fs, root = url_to_fs(url, skip_instance_cache=True, use_listings_cache=False, **options)
    except Exception as error:
        what = f"{url} cannot be opened with the credentials and options at hand: {type(error).__name__}"
        raise UserError(Fault(what, "docs/how-to/publish.md tells what each storage wants")) from None
    if not root.strip("/"):
        raise UserError(Fault(f"{url} names no bucket or container", f"such as {kind}://feeds/4"))
    return Objects(fs, root.rstrip("/"), url, kind == "s3")


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects below `root` in a file system of fsspec's; see `Target` for what the methods do.

    An object appears when its one PUT, or the commit of its parts, has ended.
    """

    fs: Any
    root: str
    url: str
    s3: bool

    def listing(self, below: str) -> dict[str, There]:
        """Give all objects below a folder, by path."""
        with self._asked("list", below), suppress(FileNotFoundError):
            self.fs.invalidate_cache()
            found = self.fs.find(f"{self.root}/{below}", detail=True)
            start = len(self.root) + 1
            return {name[start:]: There(info["size"], self._md5(info)) for name, info in found.items()}
        return {}

    def read(self, path: str) -> bytes:
        """Give an object's content."""
        with self._asked("read", path):
            data: bytes = self.fs.cat_file(f"{self.root}/{path}")
        return data

    def put(self, path: str, content: Path | bytes, *, immutable: bool = False) -> None:
        """Write or replace an object."""
        extra = self._headers(path, immutable)
        with self._asked("write", path):
            if isinstance(content, bytes):
                self.fs.pipe_file(f"{self.root}/{path}", content, **extra)
            else:
                self.fs.put_file(str(content), f"{self.root}/{path}", **extra)

    def create(self, path: str, data: bytes) -> bool:
        """Write an object unless there is one (If-None-Match: *)."""
        try:
            with self._asked("create", path):
                extra = self._headers(path, immutable=False)
                self.fs.pipe_file(f"{self.root}/{path}", data, mode="create", **extra)
        except FileExistsError:
            return False
        return True

    def remove(self, path: str) -> None:
        """Remove an object."""
        with self._asked("remove", path), suppress(FileNotFoundError):
            self.fs.rm_file(f"{self.root}/{path}")

    def sweep(self, below: str) -> None:
        """Do nothing: what was not sent to its end is no object."""

    def _headers(self, path: str, immutable: bool) -> dict[str, Any]:
        suffix = Path(path).suffix
        kind = _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        cached = _FOREVER if immutable else _FRESH
        if self.s3:
            return {"ContentType": kind, "CacheControl": cached}
        return {"content_settings": {"content_type": kind, "cache_control": cached}}

    def _md5(self, info: Mapping[str, Any]) -> str:
        if not self.s3:
            settings = info.get("content_settings")
            return bytes(settings.content_md5 or b"").hex() if settings else ""
        tag = str(info.get("ETag", "")).strip('"')
        return "" if "-" in tag else tag  # that of parts is no MD5

    @contextmanager
    def _asked(self, verb: str, path: str) -> Iterator[None]:
        """Say what failed without the library's own words, which may quote keys and signatures."""
        try:
            yield
        except Exception as error:
            if isinstance(error, FileNotFoundError) and verb in ("list", "read", "remove"):
                raise
            code = _code(error)
            if verb == "create" and (code in _TAKEN or isinstance(error, FileExistsError)):
                raise FileExistsError(path) from None
            what = f"{self.url}: cannot {verb} {path}: {code}"
            way_out = "what was sent is kept: the same command goes on from there"
            raise OutsideError(Fault(what, way_out)) from None


def _code(error: Exception) -> str:
    """Give the storage's own code for an error, else the kind of error."""
    seen: BaseException | None = error
    while seen is not None:
        answer = getattr(seen, "response", None)
        if isinstance(answer, dict) and "Error" in answer:  # botocore's ClientError
            return str(answer["Error"].get("Code"))
        if code := getattr(seen, "error_code", None):  # azure.core's HttpResponseError
            return str(getattr(code, "value", code))
        seen = seen.__cause__ or seen.__context__
    return type(error).__name__
