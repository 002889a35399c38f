"""Debian's changelogs (deb-changelog(5)) as RPM's: they name the CVEs that a version fixes."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import NamedTuple

_HEAD = re.compile(r"^(?P<name>\S+) \((?P<version>[^()\s]+)\)[^;]*;", re.M)
_TAIL = re.compile(r"^ -- (?P<who>.*?) {1,2}(?P<when>\w{3}, .*)$", re.M)
_KEPT_ALWAYS = 10  # entries
_KEPT_SECONDS = 3 * 366 * 86400
_TEXT_LIMIT = 64 << 20  # bytes, unpacked


class Change(NamedTuple):
    """One entry: who wrote it and for which version, its text, and when (seconds since 1970)."""

    name: str
    text: str
    when: int


def unpack(content: bytes) -> str:
    """Give a changelog's text; a damaged or absurdly large one counts as empty."""
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
                content = stream.read(_TEXT_LIMIT)
        except (OSError, EOFError, zlib.error):
            return ""
    return content.decode("utf-8", "replace")


def changes(text: str, epoch: int) -> list[Change]:
    """Give the newest ten entries and all that are younger than three years at `epoch`, newest first."""
    found: list[Change] = []
    for change in _parsed(text):
        if len(found) >= _KEPT_ALWAYS and change.when < epoch - _KEPT_SECONDS:
            break
        found.append(change)
    return _in_order(found)


def _parsed(text: str) -> Iterator[Change]:
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=bool(heads)):
        body = text[head.end() : end]
        tail = _TAIL.search(body)
        if tail is None:
            continue
        try:
            when = int(parsedate_to_datetime(tail["when"]).timestamp())
        except ValueError:
            continue
        lines = body[: tail.start()].splitlines()[1:]
        yield Change(f"{tail['who']} - {head['version']}", _told(lines), max(when, 0))


def _told(lines: list[str]) -> str:
    """RPM's habit is a dash where Debian's is a star, and no indentation."""
    told = [re.sub(r"^  ", "", line.rstrip()) for line in lines]
    return "\n".join("- " + line[2:] if line.startswith("* ") else line for line in told if line).strip()


def _in_order(found: list[Change]) -> list[Change]:
    """RPM wants times that fall; a changelog with a wrong clock in it is bent, not refused."""
    ordered: list[Change] = []
    for change in found:
        latest = min(change.when, ordered[-1].when if ordered else change.when)
        ordered.append(change._replace(when=latest, text=change.text or "-"))
    return ordered
