"""Small files without a known hash: signed indexes and metalinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bluejacket.foundation.fetch.answer import Answer, Since
from bluejacket.foundation.fetch.wanted import Refused, Stopped, TryAgain


class Small(NamedTuple):
    """A small file, where it came from, and what to ask with the next time.

    `content` is None when the mirror has nothing newer than what was asked with.
    """

    content: bytes | None
    url: str
    since: Since


def read_small(answer: Answer, url: str, limit_bytes: int, stopped: Callable[[], bool]) -> Small:
    """Read the whole answer. Raises Refused, TryAgain, Stopped."""
    since = Since(answer.etag, answer.modified)
    if answer.unchanged:
        return Small(None, url, since)
    content = bytearray()
    for chunk in answer.chunks:
        if stopped():
            raise Stopped
        content += chunk
        if len(content) > limit_bytes:
            raise Refused(f"sends more than the {limit_bytes} bytes allowed")
    if answer.length is not None and len(content) < answer.length:
        raise TryAgain(f"ended after {len(content)} of {answer.length} bytes")
    return Small(bytes(content), url, since)
