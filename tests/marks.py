"""Secrets that are found again wherever they were written down, as they are or in base64."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path


def spellings(mark: str) -> list[str]:
    """Give a mark as it is, and what base64 makes of it at each of the three places where it may begin."""
    found = [mark]
    for before in range(3):
        text = base64.b64encode(b"\0" * before + mark.encode()).decode()
        first = -(-before * 4 // 3)  # what is before has a part in the letters up to here
        found.append(text[first : (before + len(mark)) // 3 * 4])
    return found


def told(marks: Iterable[str], content: str | bytes) -> list[str]:
    """Give the spellings of marks that are in a text."""
    raw = content.encode() if isinstance(content, str) else content
    return [one for mark in marks for one in spellings(mark) if one.encode() in raw]


def files(folder: Path) -> Iterator[Path]:
    """Give all files below a folder; links are not followed."""
    for one in sorted(folder.rglob("*")):
        if one.is_file() and not one.is_symlink():
            yield one
