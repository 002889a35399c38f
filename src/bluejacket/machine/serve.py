"""A feed over HTTP: one folder, read-only, with ranges and conditional requests (RFC 9110).

Two ways to the same answers. `FeedServer` listens on the host's loopback. Run as a program,

    python3 -I -S serve.py FOLDER

it answers one connection on its standard input: QEMU starts it so for a guest, which thereby reaches
this folder and no port of the host. Standard library only, for that reason.
"""

from __future__ import annotations

import email.utils
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PIECE = 1 << 18


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for the regular files below the server's folder."""

    protocol_version = "HTTP/1.1"
    server_version = "bluejacket"
    timeout = 60
    root: Path

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: standard error may be the connection itself."""

    def _answer(self, *, body: bool) -> None:
        try:
            with self._open() as (file, size, tag, changed):
                self._send(file, size, tag, changed, body=body)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
            self.send_error(HTTPStatus.NOT_FOUND)

    @contextmanager
    def _open(self) -> Iterator[tuple[BinaryIO, int, str, str]]:
        path = unquote(urlsplit(self.path).path).lstrip("/")
        file = (self.root / path).resolve(strict=True)
        if not file.is_relative_to(self.root.resolve()) or not file.is_file():
            raise FileNotFoundError(path)
        with file.open("rb") as opened:
            stat = os.fstat(opened.fileno())
            tag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
            yield opened, stat.st_size, tag, email.utils.formatdate(stat.st_mtime, usegmt=True)

    def _send(self, file: BinaryIO, size: int, tag: str, changed: str, *, body: bool) -> None:
        if self.headers.get("If-None-Match") == tag:
            self._head(HTTPStatus.NOT_MODIFIED, 0, tag, changed)
            return
        first, last = 0, size - 1
        wanted = self._wanted(size, tag, changed)
        if wanted is not None:
            first, last = wanted
            if first > last:
                self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(HTTPStatus.PARTIAL_CONTENT)
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
            self._rest(last - first + 1, tag, changed)
        else:
            self._head(HTTPStatus.OK, size, tag, changed)
        if body:
            self._copy(file, first, last - first + 1)

    def _wanted(self, size: int, tag: str, changed: str) -> tuple[int, int] | None:
        """Give the one range asked for; None for none, several, or a file that has changed since."""
        found = _RANGE.fullmatch(self.headers.get("Range", ""))
        if found is None or found[0] == "bytes=-":
            return None
        if self.headers.get("If-Range", tag) not in (tag, changed):
            return None
        if not found[1]:
            return max(size - int(found[2]), 0), size - 1
        first = int(found[1])
        last = min(int(found[2]), size - 1) if found[2] else size - 1
        return (first, last) if first < size else (size, size - 1)

    def _head(self, status: HTTPStatus, size: int, tag: str, changed: str) -> None:
        self.send_response(status)
        self._rest(size, tag, changed)

    def _rest(self, size: int, tag: str, changed: str) -> None:
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.send_header("ETag", tag)
        self.send_header("Last-Modified", changed)
        self.end_headers()

    def _copy(self, file: BinaryIO, first: int, left: int) -> None:
        file.seek(first)
        while left:
            piece = file.read(min(left, _PIECE))
            if not piece:
                self.close_connection = True
                return
            self.wfile.write(piece)
            left -= len(piece)


def _handler(folder: Path) -> type[_Handler]:
    return type("FolderHandler", (_Handler,), {"root": folder})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that went away is no event."""


class FeedServer:
    """Serves a folder on a free port of the loopback while the `with` block runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """The folder's address, with a slash at its end; raises RuntimeError outside the block."""
        if self._server is None:
            raise RuntimeError("the server is not running")
        return f"http://127.0.0.1:{self._server.server_port}/"

    def start(self) -> FeedServer:
        """Listen and answer from a thread."""
        self._server = _Server(("127.0.0.1", 0), _handler(self.folder))
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening; a second call is fine."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> FeedServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Alone:
    """What the base class asks of a server, when there is none."""

    server_name, server_port = "feed", 80


def answer_stdin(folder: Path) -> None:
    """Answer the requests of the connection that is standard input, until it closes."""
    with socket.socket(fileno=os.dup(0)) as connection:
        try:
            _handler(folder)(connection, ("guest", 0), _Alone())  # type: ignore[arg-type]
        except OSError:
            return  # the guest went away, or said nothing for a minute


if __name__ == "__main__":
    answer_stdin(Path(sys.argv[1]))
