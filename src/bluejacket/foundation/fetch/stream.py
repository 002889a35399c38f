"""One answer of one web server as a bounded stream of raw bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from urllib.parse import urlsplit

import httpx

from bluejacket.errors import without_secrets
from bluejacket.foundation.fetch.answer import Answer, Since
from bluejacket.foundation.fetch.transport import deadline
from bluejacket.foundation.fetch.wanted import Absent, BadResume, Limits, Refused, TryAgain

# RFC 9110 section 15: what a server says of now, not of the file.
_FOR_THE_MOMENT = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524}
_ABSENT = {404, 410}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")  # RFC 9110 section 14.4


@contextmanager
def opened(
    client: httpx.Client,
    url: str,
    auth: tuple[str, str] | None,
    limits: Limits,
    stopped: Callable[[], bool],
    *,
    start: int = 0,
    validator: str = "",
    since: Since | None = None,
    fresh: bool = False,
) -> Iterator[Answer]:
    """Open `url` from byte `start` on.

    `validator` is the ETag or date that makes a resumed answer fit (If-Range). `fresh` asks
    caches on the way to look again. Raises Refused, Absent, TryAgain, BadResume, Stopped.
    """
    request = client.build_request("GET", url, headers=_headers(start, validator, since, fresh))
    try:
        with deadline(limits.answer_s, stopped):
            response = client.send(request, stream=True, auth=auth or httpx.USE_CLIENT_DEFAULT)
        try:
            _refuse_downgrade(url, response)
            answer = _judge(response, start)
            if not answer.unchanged:
                answer.chunks = _timed(response, limits)
            with deadline(limits.whole_s, stopped):
                yield answer
        finally:
            response.close()
    except httpx.TimeoutException as error:
        raise TryAgain(f"no answer in time ({_named(error)})") from None
    except (httpx.TooManyRedirects, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise Refused(_named(error)) from None
    except httpx.TransportError as error:
        final = "CERTIFICATE_VERIFY_FAILED" in str(error)
        raise (Refused if final else TryAgain)(_named(error)) from None
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise Refused(_named(error)) from None


def _headers(start: int, validator: str, since: Since | None, fresh: bool) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}
    if fresh:
        headers["Cache-Control"] = "max-age=0"
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    if since and since.etag:
        headers["If-None-Match"] = since.etag
    elif since and since.modified:
        headers["If-Modified-Since"] = since.modified
    return headers


def _judge(response: httpx.Response, start: int) -> Answer:
    status = response.status_code
    if status == 304:
        return Answer(iter(()), url=str(response.url), unchanged=True)
    if status in _ABSENT:
        raise Absent(f"status {status}, the mirror does not have it")
    if status == 416 and start:
        raise BadResume("the mirror's file is shorter than what was kept (status 416)")
    if status == 407:
        raise Refused("the proxy wants a login (status 407)")
    if status in (401, 403):
        raise Refused(f"the mirror refuses the login, or wants one (status {status})")
    if status in _FOR_THE_MOMENT:
        raise TryAgain(f"status {status}", _retry_after(response))
    if status not in (200, 206):
        raise Refused(f"status {status}")
    answer = Answer(
        iter(()),
        length=_length(response),
        etag=response.headers.get("ETag", ""),
        modified=response.headers.get("Last-Modified", ""),
        url=str(response.url),
    )
    if status == 206:
        answer.start, answer.length = _range(response, start)
    return answer


def _range(response: httpx.Response, start: int) -> tuple[int, int]:
    told = response.headers.get("Content-Range", "")
    match = _CONTENT_RANGE.fullmatch(told.strip())
    if not match:
        raise BadResume(f"a partial answer with Content-Range {told!r}")
    first, last = int(match[1]), int(match[2])
    if first != start or last < first:
        raise BadResume(f"asked for bytes from {start} on, got Content-Range {told!r}")
    return first, last - first + 1


def _length(response: httpx.Response) -> int | None:
    told = response.headers.get("Content-Length", "")
    return int(told) if told.isdecimal() else None


def _retry_after(response: httpx.Response) -> float | None:
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else None


def _refuse_downgrade(asked: str, response: httpx.Response) -> None:
    """An address that promised TLS may not be answered without it, not even on the way."""
    if urlsplit(asked).scheme != "https":
        return
    for seen in (*response.history, response):
        if seen.url.scheme != "https":
            raise Refused(f"redirected from https to {seen.url.scheme}")


def _timed(response: httpx.Response, limits: Limits) -> Iterator[bytes]:
    """Give the raw chunks, or raise TryAgain when the mirror drips or takes too long."""
    began = window = monotonic()
    in_window = 0
    for chunk in response.iter_raw():  # as they come: waiting for a full chunk would hide a drip
        yield chunk
        now = monotonic()
        in_window += len(chunk)
        if now - began > limits.whole_s:
            raise TryAgain(f"not done after {limits.whole_s:.0f} s")
        if now - window >= limits.slow_window_s:
            rate = in_window / (now - window)
            if rate < limits.slow_bytes_s:
                raise TryAgain(f"too slow: {rate:.0f} bytes a second")
            window, in_window = now, 0


def _named(error: Exception) -> str:
    """httpx leaves some messages empty, and puts addresses with their logins into others."""
    return without_secrets(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
