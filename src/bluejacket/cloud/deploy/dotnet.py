"""How .NET writes values: the format strings of `format`, `utcNow` and `dateTimeAdd`.

Source: .NET, "Composite formatting", "Standard numeric format strings" and "Custom date and time format
strings", for the invariant culture, which is what Resource Manager uses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bluejacket.cloud.deploy.expressions import ExpressionError

_HOLE = re.compile(r"\{\{|\}\}|\{(\d+)(?:,(-?\d+))?(?::((?:[^{}]|\{\{|\}\})*))?\}|[{}]")
_STANDARD = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "m": "MMMM dd",
    "M": "MMMM dd",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ssZ",
    "U": "dddd, dd MMMM yyyy HH:mm:ss",
    "y": "yyyy MMMM",
    "Y": "yyyy MMMM",
}
_PIECE = re.compile(r"y+|M+|d+|H+|h+|m+|s+|f+|F+|t+|z+|K|g+|:|/|'[^']*'|\"[^\"]*\"|\\.|%|.", re.DOTALL)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip


def shown(value: Any) -> str:
    """Give a value as the language's `string` function does: JSON for what is no string."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def formatted(pattern: str, values: Sequence[Any]) -> str:
    """Fill the holes `{0}`, `{1,8}`, `{2:D3}` of a pattern. Raises ExpressionError."""

    def filled(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None:
            raise ExpressionError(
                "Unable to evaluate template language function 'format': the format is invalid."
            )
        at = int(found[1])
        if at >= len(values):
            raise ExpressionError(
                "Unable to evaluate template language function 'format': "
                f"there is no argument with the index {at}."
            )
        text = _one(values[at], (found[3] or "").replace("{{", "{").replace("}}", "}"))
        width = int(found[2] or 0)
        return text.rjust(width) if width >= 0 else text.ljust(-width)

    return _HOLE.sub(filled, pattern)


def _one(value: Any, how: str) -> str:
    if not how or isinstance(value, bool) or not isinstance(value, (int, float)):
        return shown(value)
    standard = re.fullmatch(r"([A-Za-z])(\d{0,2})", how)
    if standard is None:
        return _custom_number(value, how)
    letter, digits = standard[1], int(standard[2] or 0)
    sign = "-" if value < 0 else ""
    if letter in "Dd" and isinstance(value, int):
        return sign + str(abs(value)).rjust(digits, "0")
    if letter in "Xx" and isinstance(value, int):
        text = format(value & 0xFFFFFFFFFFFFFFFF if value < 0 else value, letter)
        return text.rjust(digits, "0")
    if letter in "NnFfPp":
        places = int(standard[2]) if standard[2] else 2
        if letter in "Pp":
            return f"{value * 100:,.{places}f} %"
        return f"{value:,.{places}f}" if letter in "Nn" else f"{value:.{places}f}"
    if letter in "GgRr":
        return str(value)
    raise ExpressionError(
        f"Unable to evaluate template language function 'format': '{how}' is no number format."
    )


def _custom_number(value: float, how: str) -> str:
    """`000`, `0.00`, `#,##0`: zeros are digits that always stand, `#` those that stand at need."""
    found = re.fullmatch(r"([^0#.,]*)([0#,]*)(?:\.([0#]+))?([^0#.,]*)", how)
    if found is None or not (found[2] or found[3]):
        return how
    places = found[3] or ""
    body = f"{abs(value):.{len(places)}f}"
    whole, _, part = body.partition(".")
    least = places.rfind("0") + 1
    while len(part) > least and part.endswith("0"):
        part = part[:-1]
    whole = whole.rjust(found[2].count("0"), "0") if whole != "0" or "0" in found[2] else ""
    if "," in found[2]:
        whole = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", whole)
    return ("-" if value < 0 else "") + found[1] + whole + ("." + part if part else "") + found[4]


def dated(moment: datetime, how: str) -> str:
    """Write a moment in UTC with a standard or custom format. Raises ExpressionError for an empty one."""
    if not how:
        raise ExpressionError("The date format must not be empty.")
    if len(how) == 1 and how not in _STANDARD:
        raise ExpressionError(f"The date format '{how}' is not valid.")
    pattern = _STANDARD.get(how, how)
    return "".join(_piece(moment, one) for one in _PIECE.findall(pattern))


def _piece(moment: datetime, piece: str) -> str:
    letter, count = piece[0], len(piece)
    hour12 = moment.hour % 12 or 12
    numbers = {"d": moment.day, "M": moment.month, "H": moment.hour, "h": hour12, "m": moment.minute}
    numbers["s"] = moment.second
    if letter == "y":
        year = moment.year % 100 if count < 3 else moment.year
        return str(year).rjust(count, "0")
    if letter == "d" and count > 2:
        day = _DAYS[moment.weekday()]
        return day[:3] if count == 3 else day
    if letter == "M" and count > 2:
        month = _MONTHS[moment.month - 1]
        return month[:3] if count == 3 else month
    if letter in numbers:
        return str(numbers[letter]).rjust(min(count, 2), "0")
    if letter in "fF":
        digits = f"{moment.microsecond:06d}0"[:count]
        return digits if letter == "f" else digits.rstrip("0")
    if letter == "t":
        return ("AM" if moment.hour < 12 else "PM")[:count]
    if letter == "K":
        return "Z"
    if letter == "z":
        return "+0" if count == 1 else "+00" if count == 2 else "+00:00"
    if letter in "'\"":
        return piece[1:-1]
    if letter == "\\":
        return piece[1:]
    return "" if letter == "%" else "A.D." if letter == "g" else piece
