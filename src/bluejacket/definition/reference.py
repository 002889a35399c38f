"""The reference page of the definition files, from the same table as reading and schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bluejacket.definition.explain import shown
from bluejacket.definition.kinds import KINDS, Kind
from bluejacket.definition.options import Options
from bluejacket.definition.schema import schema_of
from bluejacket.definition.table import (
    ABSOLUTE,
    ACCOUNT,
    ADVISORY_ID,
    CVE,
    FINGERPRINT,
    MIRROR,
    MODE,
    NAME,
    SHA256,
    URL,
    VERSION,
)

_HEAD = """\
# Definition files

What may stand in the TOML files of a definitions' folder (`distro/`). This page is generated from the models
that read the files; `bluejacket schema` gives the same as JSON Schema, `bluejacket check` tells all mistakes.

A key without a default must be there. Paths count from the definitions' folder.

## Options of components

They may stand in the `[defaults]` tables of a distribution, a release and a group, and in a component itself.
Nearer tables win; arrays append, and an element that is inherited already is a mistake.
"""

_WORDS = {
    ABSOLUTE: "absolute path",
    ACCOUNT: "user or group",
    ADVISORY_ID: "advisory's id",
    CVE: "CVE",
    FINGERPRINT: "OpenPGP fingerprint",
    MIRROR: "address",
    MODE: "four octal digits",
    NAME: "name",
    SHA256: "SHA-256",
    URL: "address",
    VERSION: "version",
}


_INHERITED = frozenset(Options.model_fields)


def page() -> str:
    """Give the page as Markdown."""
    options = Options.model_json_schema()
    lines = [_HEAD, *_rows(options, options), *(line for kind in KINDS for line in _kind(kind))]
    return "\n".join(lines).rstrip() + "\n"


def _kind(kind: Kind) -> Iterator[str]:
    schema = schema_of(kind)
    yield f"## {kind.where}"
    yield ""
    yield schema["description"]
    if kind.named:
        yield f"The {kind.named} is the file's name."
    yield ""
    for title, table in _tables(schema, schema, ""):
        if title == "[defaults]":
            continue
        yield f"### `{title}`"
        yield ""
        if table.get("description"):
            yield _sentence(table["description"])
            yield ""
        yield from _rows(schema, table, leave_out=_INHERITED if title == "[[component]]" else ())
    if "defaults" in schema["properties"]:
        yield "The table `[defaults]`, and each component, may have the options of components."
        yield ""


def _rows(
    schema: Mapping[str, Any], table: Mapping[str, Any], leave_out: Iterable[str] = ()
) -> Iterator[str]:
    """Give a table of the plain values of `table`; tables below it have their own."""
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for key, option in table["properties"].items():
        whole = _followed(schema, option)
        if key in leave_out or _below(schema, whole) is not None:
            continue
        default = "" if key in table.get("required", ()) else _default(option)
        yield f"| `{key}` | {_value(schema, whole)} | {default} | {_cell(option['description'])} |"
    yield ""


def _tables(schema: Mapping[str, Any], node: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    """Give each table below `node` with its header as TOML writes it, outer ones first."""
    for key, option in node["properties"].items():
        whole = _followed(schema, option)
        below = _below(schema, whole)
        if below is None:
            continue
        name = f"{above}.{key}".lstrip(".")
        header = f"[[{name}]]" if whole.get("type") == "array" else f"[{name}]"
        for choice in below:
            which = choice["properties"].get("kind", {})
            suffix = f' with kind = "{which["const"]}"' if "const" in which else ""
            yield header + suffix, choice
            yield from _tables(schema, choice, name)


def _below(schema: Mapping[str, Any], node: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """Give the tables that `node` is, or is an array of; None for a plain value."""
    if node.get("type") == "array":
        return _below(schema, _followed(schema, node["items"]))
    if "oneOf" in node:
        return [_followed(schema, choice) for choice in node["oneOf"]]
    return [node] if "properties" in node else None


def _followed(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references and drop the choice of nothing at all."""
    while True:
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        elif "anyOf" in node:
            node = next(choice for choice in node["anyOf"] if choice.get("type") != "null")
        else:
            return node


def _value(schema: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Give in words what a value may be."""
    if "const" in node:
        return f"`{shown(node['const'])}`"
    if "enum" in node:
        return " or ".join(f"`{shown(value)}`" for value in node["enum"])
    match node.get("type"):
        case "array":
            return f"array of: {_value(schema, _followed(schema, node['items']))}"
        case "integer":
            bounds = [f"from {node['minimum']}"] if "minimum" in node else []
            bounds += [f"to {node['maximum']}"] if "maximum" in node else []
            return " ".join(["whole number", *bounds])
        case "boolean":
            return "true or false"
        case "string" if node.get("format") == "date":
            return "date"
        case "string" if "pattern" in node:
            pattern = node["pattern"]
            return _WORDS.get(pattern) or _cell(f"text like `{pattern}`")
        case _:
            return "text"


def _default(option: Mapping[str, Any]) -> str:
    value = option.get("default")
    if value is None or value in ("", [], {}):
        return "none"
    return f"`{json.dumps(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
