"""Connections that end at a deadline, directly or through a proxy.

httpx bounds the silence between two reads, not their sum: a mirror that sends its headers one
byte a minute would hold a thread for days. Here every read of a request also ends when the
thread's deadline does, or soon after the run was stopped.
"""

from __future__ import annotations

import logging
import math
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import httpcore
import httpx

from bluejacket.errors import without_secrets
from bluejacket.foundation.fetch.proxies import Proxies
from bluejacket.foundation.fetch.wanted import Stopped

_SLICE_S = 0.5  # between two looks at whether the run was stopped


class _Bounds(threading.local):
    end: float = math.inf
    stopped: Callable[[], bool] = staticmethod(lambda: False)


_bounds = _Bounds()


@contextmanager
def deadline(seconds: float, stopped: Callable[[], bool]) -> Iterator[None]:
    """End what this thread reads inside after `seconds`, all reads together, or when `stopped`."""
    _bounds.end, _bounds.stopped = monotonic() + seconds, stopped
    try:
        yield
    finally:
        del _bounds.end, _bounds.stopped


def _left(timeout: float | None) -> float:
    left = min(_bounds.end - monotonic(), math.inf if timeout is None else timeout)
    if left <= 0:
        raise httpcore.ReadTimeout("no whole answer in time")
    return min(left, threading.TIMEOUT_MAX)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        silent_at = monotonic() + (math.inf if timeout is None else timeout)
        while True:
            left = _left(silent_at - monotonic())
            try:
                return self._inner.read(max_bytes, min(left, _SLICE_S))
            except httpcore.ReadTimeout:
                if _bounds.stopped():
                    raise Stopped from None
                if left <= _SLICE_S:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(host, port, _left(timeout), local_address, socket_options)
        return _Stream(stream)


class _Bounded(httpx.HTTPTransport):
    """httpx's own transport on connections that know the deadline."""

    def __init__(self, context: ssl.SSLContext, connections: int, proxy: str | None) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        super().__init__(verify=context, limits=limits, proxy=proxy, trust_env=False)
        # httpx 0.28 has no argument for it; a test with dripping headers notices if it moves.
        self._pool._network_backend = _Backend()


class Transport(httpx.BaseTransport):
    """Sends each request directly or through the proxy that `proxies` names for it."""

    def __init__(self, proxies: Proxies, connections: int) -> None:
        self._proxies = proxies
        self._connections = connections
        self._ways: dict[tuple[bool, str | None], _Bounded] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; a connection of the same way is used again if one is free."""
        url = request.url
        proxy = self._proxies.for_url(url.scheme, url.host, url.port)
        secure = url.scheme == "https" or (proxy or "").startswith("https:")
        with self._lock:
            if (secure, proxy) not in self._ways:
                self._ways[secure, proxy] = _Bounded(_context(secure), self._connections, proxy)
            way = self._ways[secure, proxy]
        return way.handle_request(request)

    def close(self) -> None:
        """Close all connections."""
        for way in self._ways.values():
            way.close()


def _context(secure: bool) -> ssl.SSLContext:
    """Reading the certificates of the world takes 50 ms and more: only where TLS is spoken.

    The other context trusts nobody.
    """
    return httpx.create_ssl_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _BlotOut(logging.Filter):
    """httpx and httpcore log whole addresses, signed queries included, and response headers."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_secrets(record.getMessage()), None
        return True


_BLOT_OUT = _BlotOut()


def keep_secrets_out_of_logs() -> None:
    """Make the HTTP libraries' loggers blot out secrets; a second call changes nothing."""
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_BLOT_OUT)
