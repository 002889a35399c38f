"""String functions. Source: Azure Resource Manager, "String functions for ARM templates"."""

from __future__ import annotations

import re
from typing import Any

from bluejacket.cloud.deploy.dotnet import formatted, shown
from bluejacket.cloud.deploy.expressions import ExpressionError
from bluejacket.cloud.deploy.functions.table import Library

STRINGS = Library()


@STRINGS.add("endsWith", "ss")
def _ends_with(text: str, end: str) -> bool:
    return text.lower().endswith(end.lower())


@STRINGS.add("startsWith", "ss")
def _starts_with(text: str, start: str) -> bool:
    return text.lower().startswith(start.lower())


@STRINGS.add("indexOf", "xx")
def _index_of(where: Any, what: Any) -> int:
    if isinstance(where, list):
        return where.index(what) if what in where else -1
    return _text("indexOf", where).lower().find(_text("indexOf", what).lower())


@STRINGS.add("lastIndexOf", "xx")
def _last_index_of(where: Any, what: Any) -> int:
    if isinstance(where, list):
        return max((at for at, one in enumerate(where) if one == what), default=-1)
    return _text("lastIndexOf", where).lower().rfind(_text("lastIndexOf", what).lower())


@STRINGS.add("format", "sx*")
def _format(pattern: str, *values: Any) -> str:
    return formatted(pattern, values)


@STRINGS.add("padLeft", "xi?s")
def _pad_left(text: Any, length: int, letter: str = " ") -> str:
    if length > 16:
        raise ExpressionError("The template language function 'padLeft' pads to at most 16 characters.")
    if len(letter) != 1:
        raise ExpressionError("The template language function 'padLeft' expects one character to pad with.")
    return shown(text).rjust(length, letter)


@STRINGS.add("replace", "sss")
def _replace(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


@STRINGS.add("split", "sx")
def _split(text: str, marks: Any) -> list[str]:
    several = [marks] if isinstance(marks, str) else [one for one in marks if isinstance(one, str)]
    wanted = [re.escape(one) for one in several if one]
    return re.split("|".join(wanted), text) if wanted else [text]


@STRINGS.add("join", "as")
def _join(values: list[Any], mark: str) -> str:
    return mark.join(shown(one) for one in values)


@STRINGS.add("string", "x")
def _string(value: Any) -> str:
    return shown(value)


@STRINGS.add("substring", "si?i")
def _substring(text: str, start: int, length: int | None = None) -> str:
    length = len(text) - start if length is None else length
    if start < 0 or length < 0 or start + length > len(text):
        raise ExpressionError(
            "Unable to evaluate the template language function 'substring'. The index and length parameters "
            f"must refer to a location within the string. Index: '{start}', length: '{length}', "
            f"length of the string: '{len(text)}'."
        )
    return text[start : start + length]


@STRINGS.add("toLower", "s")
def _to_lower(text: str) -> str:
    return text.lower()


@STRINGS.add("toUpper", "s")
def _to_upper(text: str) -> str:
    return text.upper()


@STRINGS.add("trim", "s")
def _trim(text: str) -> str:
    return text.strip()


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ExpressionError(f"The template language function '{name}' expects an array or two strings.")
    return value
