"""A web server in this process whose faults are scripted and counted, never random.

with serve(folder) as site:
    site.next("/a", status(500), truncated(100))   # the first two answers; then the truth
    site.always("/b", drip())
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import select
import socket
import ssl
import struct
import threading
import time
from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

Act = Callable[["Handler", bytes | None], None]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]

    @property
    def login(self) -> str:
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        return b64decode(value).decode() if kind == "Basic" else ""


@dataclass
class Site:
    folder: Path
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    script: dict[str, list[Act]] = field(default_factory=lambda: defaultdict(list))
    rules: dict[str, Act] = field(default_factory=dict)
    login: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)
    scheme: str = "http"

    def url(self, path: str = "/", login: str = "") -> str:
        return f"{self.scheme}://{login + '@' if login else ''}127.0.0.1:{self.port}{path}"

    def next(self, path: str, *acts: Act) -> None:
        self.script[path] += acts

    def always(self, path: str, act: Act) -> None:
        self.rules[path] = act

    def count(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        site = self.site
        asked = Asked(path, {name.lower(): value for name, value in self.headers.items()})
        site.asked.append(asked)
        file = site.folder / unquote(path).lstrip("/")
        content = file.read_bytes() if file.is_file() else None
        with contextlib.suppress(ConnectionError):
            if site.login and asked.login != site.login:
                status(401, {"WWW-Authenticate": 'Basic realm="test"'})(self, content)
            elif site.script[path]:
                site.script[path].pop(0)(self, content)
            else:
                site.rules.get(path, truth)(self, content)

    def answer(self, code: int, headers: dict[str, str], content: bytes = b"") -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def truth(handler: Handler, content: bytes | None) -> None:
    """Answer as an honest server with ranges does (RFC 9110 sections 13 and 14)."""
    if content is None:
        handler.answer(404, {}, b"not here")
        return
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    if handler.headers.get("If-None-Match") == etag:
        handler.answer(304, {"ETag": etag})
        return
    found = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if not found or handler.headers.get("If-Range", etag) != etag:
        handler.answer(200, {"ETag": etag, "Accept-Ranges": "bytes"}, content)
        return
    start = int(found[1])
    if start >= len(content):
        handler.answer(416, {"Content-Range": f"bytes */{len(content)}"})
        return
    told = f"bytes {start}-{len(content) - 1}/{len(content)}"
    handler.answer(206, {"ETag": etag, "Content-Range": told}, content[start:])


def status(code: int, headers: dict[str, str] | None = None) -> Act:
    return lambda handler, _: handler.answer(code, headers or {}, b"a fault")


def body(content: bytes, headers: dict[str, str] | None = None) -> Act:
    return lambda handler, _: handler.answer(200, headers or {}, content)


def redirect(to: str) -> Act:
    return status(302, {"Location": to})


def truncated(after: int) -> Act:
    """Promise the whole and hang up after so many bytes."""

    def act(handler: Handler, content: bytes | None) -> None:
        whole = content or b""
        etag = f'"{hashlib.sha256(whole).hexdigest()[:16]}"'
        handler.answer(200, {"Content-Length": str(len(whole)), "ETag": etag}, whole[:after])
        handler.hang_up()

    return act


def reset(after: int) -> Act:
    """Promise the whole and reset the connection after so many bytes."""

    def act(handler: Handler, content: bytes | None) -> None:
        whole = content or b""
        handler.answer(200, {"Content-Length": str(len(whole))}, whole[:after])
        handler.wfile.flush()
        time.sleep(0.05)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.hang_up()

    return act


def stall(after: int) -> Act:
    """Send so many bytes, then nothing."""

    def act(handler: Handler, content: bytes | None) -> None:
        whole = content or b""
        handler.answer(200, {"Content-Length": str(len(whole))}, whole[:after])
        handler.wfile.flush()
        handler.site.stopping.wait(20)
        handler.hang_up()

    return act


def drip(every_s: float = 0.05) -> Act:
    """Send one byte after the other."""

    def act(handler: Handler, content: bytes | None) -> None:
        whole = content or b""
        handler.answer(200, {"Content-Length": str(len(whole))})
        for byte in whole:
            handler.wfile.write(bytes([byte]))
            if handler.site.stopping.wait(every_s):
                break
        handler.hang_up()

    return act


def drip_headers(every_s: float = 0.05) -> Act:
    """Never come to the end of the headers."""

    def act(handler: Handler, content: bytes | None) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not handler.site.stopping.wait(every_s):
            handler.wfile.write(b"x")
        handler.hang_up()

    return act


def endless() -> Act:
    """Send zeros until the other side hangs up."""

    def act(handler: Handler, content: bytes | None) -> None:
        handler.answer(200, {"Transfer-Encoding": "chunked"})
        piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        while not handler.site.stopping.is_set():
            handler.wfile.write(piece)

    return act


def wrong_range(shift: int) -> Act:
    """Answer a range with one that begins elsewhere."""

    def act(handler: Handler, content: bytes | None) -> None:
        found = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        if not found or content is None:
            truth(handler, content)
            return
        start = int(found[1]) + shift
        told = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.answer(206, {"Content-Range": told}, content[start:])

    return act


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve(folder: Path, certificate: Path | None = None) -> Iterator[Site]:
    """Serve `folder` on a free port of the loopback, by TLS with a certificate (and key) file."""
    site = Site(folder, scheme="https" if certificate else "http")
    server = _Server(("127.0.0.1", 0), type("SiteHandler", (Handler,), {"site": site}))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextlib.contextmanager
def proxy(login: str = "") -> Iterator[Site]:
    """A proxy, also by CONNECT, that writes down what it was asked for, and wants `login`."""

    class ProxyHandler(Handler):
        def do_CONNECT(self) -> None:
            self.site.asked.append(Asked(self.path, {n.lower(): v for n, v in self.headers.items()}))
            host, _, port = self.path.partition(":")
            with socket.create_connection((host, int(port)), 5) as onward:
                self.send_response(200)
                self.end_headers()
                ends = [self.connection, onward]
                while not self.site.stopping.is_set():
                    ready, _, _ = select.select(ends, [], [], 0.2)
                    for end in ready:
                        data = end.recv(1 << 16)
                        if not data:
                            self.hang_up()
                            return
                        ends[1 - ends.index(end)].sendall(data)

        def do_GET(self) -> None:
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
            self.site.asked.append(asked)
            kind, _, value = asked.headers.get("proxy-authorization", "").partition(" ")
            if login and (kind != "Basic" or b64decode(value).decode() != login):
                self.answer(407, {"Proxy-Authenticate": 'Basic realm="proxy"'})
                return
            import http.client

            parts = urlsplit(self.path)
            onward = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
            onward.request("GET", parts.path, headers={"Connection": "close"})
            got = onward.getresponse()
            self.answer(got.status, {"X-Proxy": "test"}, got.read())
            onward.close()

    site = Site(Path("/nonexistent"))
    server = _Server(("127.0.0.1", 0), type("TestProxy", (ProxyHandler,), {"site": site}))
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
