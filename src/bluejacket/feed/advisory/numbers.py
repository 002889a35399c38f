"""Numbers of advisories, none of which is ever given twice."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from bluejacket.feed.advisory.model import Kind

_ID = re.compile(r"(?P<series>[A-Z]+-\d{4}):(?P<number>\d+)")
_DIGITS = 4


class Numbers:
    """Gives ids such as BJSA-2026:0007: one row of numbers for each kind and year.

    A row goes on after its highest number, so that one that was withdrawn stays taken.
    """

    def __init__(self, prefix: str, taken: Iterable[str]) -> None:
        self._prefix = prefix
        self._highest: dict[str, int] = {}
        for text in taken:
            if found := _ID.fullmatch(text):
                series = found["series"]
                self._highest[series] = max(self._highest.get(series, 0), int(found["number"]))

    def next(self, kind: Kind, when: int) -> str:
        """Give the next id of a kind, in the year of `when` (seconds since 1970, UTC)."""
        series = f"{self._prefix}{kind.letters}-{datetime.fromtimestamp(when, UTC).year:04}"
        number = self._highest[series] = self._highest.get(series, 0) + 1
        return f"{series}:{number:0{_DIGITS}}"
