"""A feed over HTTP: files, read-only, with ranges and conditional requests (RFC 9110), and its metalinks.

Two ways to the same answers. `FeedServer` listens on a port, of the loopback unless told otherwise. Run
as a program,

    python3 -I -S serve.py FOLDER

it answers one connection on its standard input: QEMU starts it so for a guest, which thereby reaches
this folder and no port of the host. Standard library only, in one file, for that reason.
"""

from __future__ import annotations

import email.utils
import hashlib
import io
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import BinaryIO, Protocol
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PIECE = 1 << 18
_CHANNEL = re.compile(r"channels/([a-z0-9][a-z0-9-]*)\.metalink")
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")  # RFC 3986, 3.2.2


@dataclass(frozen=True, slots=True)
class Pointed:
    """A repomd.xml that a metalink points at: size in bytes, hashes, and its time (seconds since 1970)."""

    size: int
    sha256: str
    sha512: str
    timestamp: int

    @classmethod
    def at(cls, data: bytes, timestamp: int) -> Pointed:
        """Describe the file whose content is `data`."""
        return cls(len(data), hashlib.sha256(data).hexdigest(), hashlib.sha512(data).hexdigest(), timestamp)


def metalink(pointed: Pointed, *bases: str) -> str:
    """Give a metalink to a repository at the addresses `bases`, the preferred one first.

    Metalink 3.0 as MirrorManager writes it and librepo reads it. The same arguments give the same bytes.
    """
    when = email.utils.formatdate(pointed.timestamp, usegmt=True)
    urls = "".join(
        f'    <url protocol="{base.partition(":")[0]}" type="{base.partition(":")[0]}" '
        f'preference="{max(100 - at, 1)}">{escape(base.rstrip("/"))}/repodata/repomd.xml</url>\n'
        for at, base in enumerate(bases)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" '
        f'pubdate="{when}" generator="bluejacket" '
        'xmlns:mm0="http://fedorahosted.org/mirrormanager">\n'
        ' <files>\n  <file name="repomd.xml">\n'
        f"   <mm0:timestamp>{pointed.timestamp}</mm0:timestamp>\n   <size>{pointed.size}</size>\n"
        f'   <verification>\n    <hash type="sha256">{pointed.sha256}</hash>\n'
        f'    <hash type="sha512">{pointed.sha512}</hash>\n   </verification>\n'
        f"   <resources>\n{urls}   </resources>\n  </file>\n </files>\n</metalink>\n"
    )


def channel_of(path: str) -> str | None:
    """Give the channel whose metalink has this path below a feed's address; None for another file."""
    found = _CHANNEL.fullmatch(path)
    return found[1] if found else None


class Site(Protocol):
    """What a server gives out."""

    def find(self, path: str, address: str) -> Path | bytes:
        """Give the file at `path`, without a slash before it, for a client that came to `address`.

        The address is empty for a client that did not say where it came to. Raises FileNotFoundError,
        or ValueError for a path that cannot be one.
        """


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder, such as a feed as it was built: every channel beside a feed points at that feed."""

    root: Path

    def find(self, path: str, address: str) -> Path | bytes:
        """Give a file below the folder, or the metalink made for it."""
        below, _, name = path.rpartition("channels/")
        repomd = self.root / below / "repodata" / "repomd.xml"
        if channel_of(f"channels/{name}") and not (self.root / path).exists() and self._holds(repomd):
            if not address:
                raise ValueError("a metalink for nowhere")
            pointed = Pointed.at(repomd.read_bytes(), int(repomd.stat().st_mtime))
            return metalink(pointed, address + quote(below)).encode()
        file = (self.root / path).resolve(strict=True)
        if not self._holds(file):
            raise FileNotFoundError(path)
        return file

    def _holds(self, file: Path) -> bool:
        return file.resolve().is_relative_to(self.root.resolve()) and file.is_file()


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for what the server's site finds."""

    protocol_version = "HTTP/1.1"
    server_version = "bluejacket"
    timeout = 60
    site: Site
    scheme = "http"

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
        host = self.headers.get("Host", "")
        address = f"{self.scheme}://{host}/" if _HOST.fullmatch(host) else ""
        found = self.site.find(_plain(self.path), address)
        if isinstance(found, bytes):
            yield io.BytesIO(found), len(found), f'"{hashlib.sha256(found).hexdigest()}"', ""
            return
        with found.open("rb") as opened:
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
        if changed:
            self.send_header("Last-Modified", changed)
        else:
            self.send_header("Cache-Control", "no-cache")
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


def _plain(target: str) -> str:
    """Give the path asked for; an address that ends with a slash, and another slash, are as good as one."""
    return re.sub("/+", "/", unquote(target.partition("?")[0])).lstrip("/")


def _handler(site: Site, scheme: str = "http") -> type[_Handler]:
    return type("SiteHandler", (_Handler,), {"site": site, "scheme": scheme})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that went away is no event."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class FeedServer:
    """Serves a site, or a folder, while the `with` block runs; by default on a free port of the loopback."""

    def __init__(self, site: Site | Path, address: str = "127.0.0.1", port: int = 0) -> None:
        self.site = Folder(site) if isinstance(site, Path) else site
        self.address, self.port = address, port
        self._server: ThreadingHTTPServer | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """The site's address, with a slash at its end; raises RuntimeError outside the block."""
        if self._server is None:
            raise RuntimeError("the server is not running")
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self._server.server_port}/"

    def start(self) -> FeedServer:
        """Listen and answer from a thread. Raises OSError for a port or address that cannot be had."""
        kind = _Server6 if ":" in self.address else _Server
        self._server = kind((self.address, self.port), _handler(self.site))
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def wait(self) -> None:
        """Wait until somebody stops the server."""
        if self._thread is not None:
            self._thread.join()

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


def answer_connection(connection: socket.socket, site: Site, scheme: str = "http") -> None:
    """Answer the requests of one connection, until it closes; `scheme` is what its client asked with."""
    _handler(site, scheme)(connection, ("guest", 0), _Alone())  # type: ignore[arg-type]


def answer_stdin(folder: Path) -> None:
    """Answer the requests of the connection that is standard input, until it closes."""
    with socket.socket(fileno=os.dup(0)) as connection:
        try:
            answer_connection(connection, Folder(folder))
        except OSError:
            return  # the guest went away, or said nothing for a minute


if __name__ == "__main__":
    answer_stdin(Path(sys.argv[1]))
