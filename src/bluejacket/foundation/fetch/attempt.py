"""One try to get one file from one mirror into its part."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bluejacket.foundation.fetch.answer import CHUNK, Answer
from bluejacket.foundation.fetch.wanted import BadResume, Limits, Refused, Stopped, TryAgain, Wanted
from bluejacket.store import Part

if TYPE_CHECKING:
    from hashlib import _Hash


class Course:
    """How far the download of one file has come, over all tries and mirrors."""

    def __init__(
        self, wanted: Wanted, part: Part, advance: Callable[[int], None], stopped: Callable[[], bool]
    ) -> None:
        self.wanted = wanted
        self.part = part
        self.advance = advance
        self.stopped = stopped
        self.resumed = False  # some bytes of the part came with an earlier answer
        # By address: the ETag or date to send as If-Range (RFC 9110 section 13.1.5).
        self.validators: dict[str, str] = {}
        self.kept_from = ""  # the address that gave the part's bytes, "" when an earlier run did
        self._sha512: _Hash | None = None
        if self.wanted.sha512:
            self._sha512 = hashlib.sha512()
            with self.part.path.open("rb") as kept:
                while chunk := kept.read(CHUNK):
                    self._sha512.update(chunk)
        self.advance(self.part.size)
        if self.wanted.size is not None and self.part.size > self.wanted.size:
            self.restart()

    def write(self, chunk: bytes) -> None:
        """Append what came."""
        self.part.write(chunk)
        if self._sha512:
            self._sha512.update(chunk)
        self.advance(len(chunk))

    def restart(self) -> None:
        """Throw away what came so far."""
        self.advance(-self.part.size)
        self.part.restart()
        self._sha512 = hashlib.sha512() if self._sha512 else None
        self.resumed = False

    def differences(self) -> Iterator[tuple[str, str, str]]:
        """Give each hash that is not the wanted one: its kind, what was expected, what came."""
        wanted = self.wanted
        if wanted.sha256 and self.part.sha256 != wanted.sha256.lower():
            yield "SHA-256", wanted.sha256, self.part.sha256
        if wanted.sha512 and self._sha512 and self._sha512.hexdigest() != wanted.sha512.lower():
            yield "SHA-512", wanted.sha512, self._sha512.hexdigest()

    @property
    def whole(self) -> bool:
        """Whether the part has as many bytes as the index says."""
        return self.wanted.size is not None and self.part.size == self.wanted.size

    def validator_for(self, url: str) -> str:
        """Give what makes a resumed answer of `url` fit, or "" to go by the hash alone."""
        return self.validators.get(url, "") if url == self.kept_from else ""


def receive(course: Course, url: str, answer: Answer, limits: Limits) -> None:
    """Write the answer into the part, inside the size that the index gives.

    Raises Refused, TryAgain, BadResume, Stopped.
    """
    wanted, part = course.wanted, course.part
    if part.size and answer.start == 0:  # asked for the rest, got the whole (status 200)
        course.restart()
    if answer.start != part.size:
        raise BadResume(f"the answer starts at byte {answer.start}, not {part.size}")
    cap = wanted.size if wanted.size is not None else limits.largest_bytes
    if answer.length is not None and answer.start + answer.length != cap:
        told = answer.start + answer.length
        if wanted.size is not None:
            raise Refused(f"has {told} bytes, the index says {wanted.size}")
        if told > cap:
            raise Refused(f"has {told} bytes, more than the {cap} allowed")
    if part.size:
        course.resumed = True
    course.validators[url] = _strong(answer)
    course.kept_from = url
    for chunk in answer.chunks:
        if course.stopped():
            raise Stopped
        if part.size + len(chunk) > cap:
            course.restart()  # nothing of a lying mirror may stay below the next one's bytes
            raise Refused(f"sends more than the {cap} bytes " + ("expected" if wanted.size else "allowed"))
        course.write(chunk)
    if wanted.size is not None and part.size < wanted.size:
        raise TryAgain(f"ended after {part.size} of {wanted.size} bytes")


def _strong(answer: Answer) -> str:
    """A weak ETag never fits a range (RFC 9110 section 13.1.5)."""
    if answer.etag and not answer.etag.startswith("W/"):
        return answer.etag
    return answer.modified


def settle(course: Course) -> Path:
    """Check the hashes of the whole part and give it its name in the store.

    Raises Refused with what was expected and got, or BadResume when the bytes came from more
    than one answer, so that one of them may have spoilt the rest.
    """
    for name, expected, got in course.differences():
        size = course.part.size
        if course.resumed:
            raise BadResume(f"the resumed file has {name} {got}")
        course.restart()
        raise Refused(f"wrong hash: expected {name} {expected}, got {got} ({size} bytes)")
    return course.part.commit(course.part.sha256)
