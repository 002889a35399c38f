"""HTTP/1.1 for link-local services: one thread and one event loop for the sockets of every namespace.

Only what such services need of RFC 9112: no chunked requests, bodies and heads of a bounded size, and
connections that are kept open for a while.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

HEAD_LIMIT = 32 * 1024  # bytes of a request's line and headers
BODY_LIMIT = 1024 * 1024  # bytes
IDLE_S = 60


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Names of headers are in lower case; `query` has every value of a name, in order."""

    method: str
    target: str  # as sent, with its query
    path: str  # decoded, without its query
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    peer: str  # the address that it came from
    namespace: str  # the network that it came from

    def first(self, name: str) -> str:
        """Give the first value of a query's parameter; empty when there is none."""
        return self.query.get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; its length and connection headers are added when it is sent."""

    status: int = 200
    body: bytes = b""
    type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, found: Any, status: int = 200, **headers: str) -> Response:
        """Give a document, written as Azure's services do: without spaces."""
        body = json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()
        return cls(status, body, "application/json; charset=utf-8", headers)

    @classmethod
    def xml(cls, text: str, status: int = 200) -> Response:
        """Give an XML document."""
        return cls(status, text.encode(), "text/xml; charset=utf-8")


Handler = Callable[[Request], Awaitable[Response]]


class BadRequest(Exception):
    """What came is no request that is answered here; `status` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(HTTPStatus(status).phrase)
        self.status = status


async def answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, namespace: str, handler: Handler
) -> None:
    """Answer the requests of one connection, one after the other, until it ends or is idle for a minute."""
    try:
        peer = str(writer.get_extra_info("peername")[0])
        while await _answer_one(reader, writer, namespace, peer, handler):
            pass
    except (OSError, EOFError, TimeoutError, ssl.SSLError):
        pass  # a client that went away is no event
    finally:
        writer.close()


async def _answer_one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, namespace: str, peer: str, handler: Handler
) -> bool:
    """Answer one request; gives whether the connection goes on."""
    try:
        async with asyncio.timeout(IDLE_S):
            request = await _read(reader, namespace, peer)
    except BadRequest as bad:
        await _send(writer, Response(bad.status, str(bad).encode()), keep=False, body=True)
        return False
    keep = request.headers.get("connection", "").lower() != "close" and not request.headers.get(":old")
    try:
        response = await handler(request)
    except Exception:  # the loop serves all machines: one handler's fault is one machine's answer
        response = Response(500, b"Internal Server Error")
    await _send(writer, response, keep=keep, body=request.method != "HEAD")
    return keep


async def _read(reader: asyncio.StreamReader, namespace: str, peer: str) -> Request:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise BadRequest(431) from None
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest(400)
    headers: dict[str, str] = {":old": "1.0"} if words[2] == "HTTP/1.0" else {}
    for line in lines[1:-2]:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise BadRequest(400)
        headers[name.lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise BadRequest(501)
    size = headers.get("content-length", "0")
    if not (size.isascii() and size.isdigit()):
        raise BadRequest(400)
    if int(size) > BODY_LIMIT:
        raise BadRequest(413)
    body = await reader.readexactly(int(size))
    path, _, query = words[1].partition("?")
    values = parse_qs(query, keep_blank_values=True, max_num_fields=100)
    return Request(words[0].upper(), words[1], unquote(path), values, headers, body, peer, namespace)


async def _send(writer: asyncio.StreamWriter, response: Response, *, keep: bool, body: bool) -> None:
    head = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    if response.status not in (204, 304):
        head += [f"Content-Type: {response.type}", f"Content-Length: {len(response.body)}"]
    head += [f"{name}: {value}" for name, value in response.headers.items()]
    head += [f"Connection: {'keep-alive' if keep else 'close'}", "", ""]
    writer.write("\r\n".join(head).encode("latin-1") + (response.body if body else b""))
    await writer.drain()
