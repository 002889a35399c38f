"""Words for what pydantic finds wrong: the place, the fault, the way out."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from typing import Any

from pydantic_core import ErrorDetails

from bluejacket.definition.lines import Key
from bluejacket.definition.schema import Node, keys_at, node_at
from bluejacket.definition.table import PATTERN_WORDS

_TYPES = {
    "string_type": "a string",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "an array",
    "date_type": "a date such as 2026-11-01",
    "date_from_datetime_inexact": "a date without a time, such as 2026-11-01",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def true_key(error: ErrorDetails, data: Mapping[str, Any]) -> Key:
    """Give the key as the file has it: pydantic also names the choices that it took in between."""
    key: list[str | int] = []
    value: Any = data
    for at, part in enumerate(error["loc"]):
        absent = isinstance(value, Mapping) and part not in value
        last = at == len(error["loc"]) - 1
        if absent and not (last and error["type"] == "missing"):
            continue
        key.append(part)
        if isinstance(value, Mapping):
            value = value.get(str(part))
        elif isinstance(value, tuple) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            value = None
    return tuple(key)


def dotted(key: Iterable[str | int]) -> str:
    """Give a key as people write it: `component[2].packages[0]`; elements count from 0."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = part.replace("_", "").replace("-", "").isalnum() and part.isascii()
            text += ("." if text else "") + (part if plain else shown(part))
    return text


def shown(value: Any) -> str:
    """Give a value as a person would write it in TOML, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value if len(value) <= 60 else value[:57] + "..."
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, (list, tuple)):
        return "an array"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value)


_MOST_NAMES = 40  # that still help a reader


def nearest(name: str, known: Iterable[str]) -> str:
    """Give the way out for a name that is not known: the nearest one that is, or all."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.55)
    if close:
        return f"the nearest known one is {shown(close[0])}"
    if len(names) > _MOST_NAMES:
        return f"{len(names)} others are known here, none of a name like it"
    return f"known here: {', '.join(names)}" if names else "none is known here"


def words(error: ErrorDetails, key: Key, schema: Node, data: Mapping[str, Any]) -> tuple[str, str]:
    """Give what is wrong, and the way out."""
    kind, value = error["type"], error["input"]
    node = node_at(schema, key, data) or {}
    meaning = _meaning(schema, key, data)
    if kind == "extra_forbidden":
        return "unknown key", nearest(str(key[-1]), keys_at(schema, key[:-1], data))
    if kind == "missing":
        thing = "table" if node.get("type") == "object" else "key"
        return f"this {thing} is missing", meaning
    if kind in _TYPES:
        return f"wants {_TYPES[kind]}, not {shown(value)}", meaning
    if kind in _BOUNDS:
        return f"{_BOUNDS[kind](error['ctx'])}, not {shown(value)}", meaning
    if kind in ("enum", "literal_error"):
        known = node.get("enum") or [node["const"]]
        return f"wants one of {', '.join(map(shown, known))}, not {shown(value)}", meaning
    if kind == "union_tag_invalid":
        tag, known = error["ctx"]["tag"], error["ctx"]["expected_tags"].replace("'", '"')
        return f"its kind {shown(tag)} is unknown", f"known: {known}"
    if kind == "union_tag_not_found":
        close = difflib.get_close_matches("kind", map(str, value), n=1, cutoff=0.55)
        hint = f"or is it meant by {shown(close[0])}?" if close else "it says of which sort the table is"
        return "the key kind is missing", hint
    if kind == "too_short":
        return f"wants at least {_elements(error['ctx']['min_length'])}", meaning
    if kind == "value_error":
        refusal = error["ctx"]["error"]
        return str(refusal), getattr(refusal, "way_out", meaning)
    return error["msg"], meaning


_BOUNDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "string_pattern_mismatch": lambda ctx: (
        f"wants {PATTERN_WORDS.get(ctx['pattern'], 'text that matches ' + ctx['pattern'])}"
    ),
    "string_too_short": lambda _: "wants text that is not empty",
    "string_too_long": lambda ctx: f"wants at most {ctx['max_length']} letters",
    "greater_than_equal": lambda ctx: f"wants {ctx['ge']} or more",
    "less_than_equal": lambda ctx: f"wants {ctx['le']} or less",
}


def needless(error: ErrorDetails) -> bool:
    """Whether an error only repeats another: pydantic counts an array's good elements alone."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _meaning(schema: Node, key: Key, data: Mapping[str, Any]) -> str:
    """Give the description of the key, or of the array whose element it is."""
    while key and isinstance(key[-1], int):
        key = key[:-1]
    node = node_at(schema, key, data)
    return str(node.get("description", "")) if node else ""


def _elements(count: int) -> str:
    return "one element" if count == 1 else f"{count} elements"
