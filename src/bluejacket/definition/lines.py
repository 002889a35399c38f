"""On which line of a TOML text each key stands; `tomllib` forgets it.

The scanner expects a text that `tomllib` has accepted (TOML 1.0), so it looks for ends and judges nothing.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Sequence

Key = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# A multi-line string may end in up to five quotes, of which the last three close it.
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")', re.DOTALL),
    re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)
_PLAIN_VALUE = re.compile(r"[^,\]}#\n]+")


class Lines:
    """The lines of one TOML text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._lines: dict[Key, int] = {}
        self._last: dict[Key, int] = {}  # arrays of tables: the element under way
        self._scan()

    def of(self, key: Sequence[str | int]) -> int | None:
        """Give the 1-based line of `key`, or of the nearest table around it that the text names."""
        for length in range(len(key), 0, -1):
            line = self._lines.get(tuple(key[:length]))
            if line is not None:
                return line
        return None

    def known(self) -> dict[Key, int]:
        """Give the line of every key, table and array element."""
        return dict(self._lines)

    def _scan(self) -> None:
        table: Key = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            start = self._at
            if self._text.startswith("[[", start):
                self._at += 2
                table = self._next_element(self._key(), start)
                self._at += 2
            elif self._text[start] == "[":
                self._at += 1
                table = self._place((), self._key(), start)
                self._at += 1
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _pair(self, table: Key) -> None:
        start = self._at
        key = self._place(table, self._key(), start)
        self._at += 1  # "="
        self._value(key)

    def _place(self, table: Key, parts: list[str], start: int) -> Key:
        """Give the whole key, noting the line of every part; a name of an array of tables means its last."""
        key = table
        for part in parts:
            key = (*key, part)
            self._note(key, start)
            if key in self._last:
                key = (*key, self._last[key])
        return key

    def _next_element(self, parts: list[str], start: int) -> Key:
        array = (*self._place((), parts[:-1], start), parts[-1])
        self._last[array] = self._last.get(array, -1) + 1
        element = (*array, self._last[array])
        self._note(array, start)
        self._note(element, start)
        return element

    def _key(self) -> list[str]:
        """Read a dotted key and the blanks after it."""
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            if self._text[self._at] in "\"'":
                parts.append(tomllib.loads(f"key = {self._string()}")["key"])
            else:
                parts.append(self._skip(_BARE_KEY))
            self._skip(_BLANK)
            if self._text[self._at] != ".":
                return parts
            self._at += 1

    def _value(self, key: Key) -> None:
        self._skip(_BLANK)
        opening = self._text[self._at]
        if opening == "[":
            self._array(key)
        elif opening == "{":
            self._inline_table(key)
        elif opening in "\"'":
            self._string()
        else:
            self._skip(_PLAIN_VALUE)

    def _array(self, key: Key) -> None:
        self._at += 1
        index = 0
        while not self._closes("]"):
            self._note((*key, index), self._at)
            self._value((*key, index))
            index += 1

    def _inline_table(self, key: Key) -> None:
        self._at += 1
        while not self._closes("}"):
            self._pair(key)

    def _closes(self, bracket: str) -> bool:
        """Step over blanks, a comma and more blanks; true, and over it, at the closing bracket."""
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)
        if self._text[self._at] != bracket:
            return False
        self._at += 1
        return True

    def _string(self) -> str:
        for pattern in _STRINGS:
            if text := self._skip(pattern):
                return text
        raise ValueError(f"no string at {self._at}: the text is not TOML")

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found.group()

    def _note(self, key: Key, offset: int) -> None:
        self._lines.setdefault(key, bisect_right(self._starts, offset))
