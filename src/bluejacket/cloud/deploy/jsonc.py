"""The JSON that clients send and people write in templates: with comments, and more than RFC 8259 allows.

Accepted besides: `//` and `/* */` comments, a comma after the last element, strings over several lines,
strings in single quotes, and keys without quotes. The last comes from Microsoft's own client, which sends
`{"properties": {…, template:` followed by the template file as it is. Source: Azure Resource Manager,
"Template syntax" (comments and multi-line strings), and the requests of azure-cli 2.91.
"""

from __future__ import annotations

import json
import re
from typing import Any

from bluejacket.cloud.arm.errors import CloudError

_BLANK = re.compile(r"(?:[\s\ufeff]|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_KEY = re.compile(r"[A-Za-z_$][\w$.-]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}
_ESCAPES = {
    '"': '"',
    "'": "'",
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "\n": "",
}
_PLAIN = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_DEEPEST = 128
_TOO_DEEP = f"it is more than {_DEEPEST} levels deep"


def read(text: str | bytes) -> Any:
    """Read a document; of keys that stand twice, the last one counts.

    Raises CloudError (400 InvalidRequestContent) with the line and column of what cannot be read.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise _refused(f"it is not UTF-8 at byte {error.start}") from None
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return _Reader(text).document()
    if text.count("{") + text.count("[") > _DEEPEST and _depth(found) > _DEEPEST + 1:
        raise _refused(_TOO_DEEP)
    return found


def _depth(value: Any) -> int:
    """Give how many levels a document has; in turns, since it may be too deep for recursion."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = (list(one.values()) if isinstance(one, dict) else one for one in level)
        level = [below for one in inner if isinstance(one, list) for below in one]
    return depth


def _no_constant(word: str) -> None:
    raise ValueError(word)


def _refused(what: str) -> CloudError:
    return CloudError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{what}'.",
    )


class _Reader:
    """A reader of one text, one character at a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def document(self) -> Any:
        found = self._value(0)
        self._skip()
        if self._at < len(self._text):
            raise self._wrong("there is more text after the end of the document")
        return found

    def _value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise self._wrong(_TOO_DEEP)
        self._skip()
        letter = self._text[self._at : self._at + 1]
        if letter == "{":
            return self._object(depth)
        if letter == "[":
            return self._array(depth)
        if letter in ('"', "'") and letter:
            return self._string(letter)
        number = _NUMBER.match(self._text, self._at)
        if number:
            self._at = number.end()
            whole = number[1] is None and number[2] is None
            return int(number[0]) if whole and len(number[0]) < 400 else float(number[0])
        word = _KEY.match(self._text, self._at)
        if word and word[0] in _WORDS:
            self._at = word.end()
            return _WORDS[word[0]]
        raise self._wrong("a value is expected" if letter else "it ends too early")

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._at += 1
        while not self._take("}"):
            key = self._key()
            if not self._take(":"):
                raise self._wrong(f"after the key '{key}' a colon is expected")
            found[key] = self._value(depth + 1)
            if not self._take(",") and not self._next("}"):
                raise self._wrong("a comma or the end of the object is expected")
        return found

    def _array(self, depth: int) -> list[Any]:
        found: list[Any] = []
        self._at += 1
        while not self._take("]"):
            found.append(self._value(depth + 1))
            if not self._take(",") and not self._next("]"):
                raise self._wrong("a comma or the end of the array is expected")
        return found

    def _key(self) -> str:
        self._skip()
        letter = self._text[self._at : self._at + 1]
        if letter in ('"', "'") and letter:
            return self._string(letter)
        word = _KEY.match(self._text, self._at)
        if word is None:
            raise self._wrong("a key is expected" if letter else "it ends too early")
        self._at = word.end()
        return word[0]

    def _string(self, quote: str) -> str:
        begin = self._at
        self._at += 1
        parts: list[str] = []
        while True:
            plain = _PLAIN[quote].match(self._text, self._at)
            if plain is not None:
                parts.append(plain[0])
                self._at = plain.end()
            letter = self._text[self._at : self._at + 1]
            if letter == quote:
                self._at += 1
                return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if not letter:
                self._at = begin
                raise self._wrong("the string that begins here does not end")
            parts.append(self._escape())

    def _escape(self) -> str:
        letter = self._text[self._at + 1 : self._at + 2]
        if letter == "u":
            code = self._text[self._at + 2 : self._at + 6]
            if not re.fullmatch(r"[0-9a-fA-F]{4}", code):
                raise self._wrong("\\u needs four hexadecimal digits")
            self._at += 6
            return chr(int(code, 16))
        if letter not in _ESCAPES:
            raise self._wrong("this escape does not exist")
        self._at += 2
        return _ESCAPES[letter]

    def _skip(self) -> None:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        if self._text.startswith("/*", self._at):
            raise self._wrong("the comment that begins here does not end")

    def _next(self, letter: str) -> bool:
        self._skip()
        return self._text.startswith(letter, self._at)

    def _take(self, letter: str) -> bool:
        if not self._next(letter):
            return False
        self._at += 1
        return True

    def _wrong(self, what: str) -> CloudError:
        line = self._text.count("\n", 0, self._at) + 1
        column = self._at - self._text.rfind("\n", 0, self._at)
        return _refused(f"{what}. Path '', line {line}, position {column}.")
