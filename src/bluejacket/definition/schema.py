"""JSON Schema of the definition files, and the look-ups in it that make a fault's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bluejacket.definition.kinds import KINDS, Kind

Node = Mapping[str, Any]


def schema_of(kind: Kind) -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of one kind of file."""
    schema = kind.model.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": kind.where}


def schema_of_all() -> dict[str, Any]:
    """Give the schemas of all kinds, by kind."""
    return {kind.name: schema_of(kind) for kind in KINDS}


def node_at(schema: Node, key: Sequence[str | int], data: Any = None) -> Node | None:
    """Give the schema of the value at `key`, or None where the schema knows no such key.

    `data` is the value under the schema; its `kind` chooses between tables of several kinds.
    """
    node: Node | None = _resolve(schema, schema, data)
    for part in key:
        if node is None:
            return None
        node = node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part)
        data = _below(data, part)
        node = None if node is None else _resolve(schema, node, data)
    return node


def keys_at(schema: Node, key: Sequence[str | int], data: Any = None) -> tuple[str, ...]:
    """Give the keys that the table at `key` may have."""
    node = node_at(schema, key, data)
    return tuple(node.get("properties", {})) if node else ()


def _below(data: Any, part: str | int) -> Any:
    if isinstance(data, Mapping):
        return data.get(part)
    if isinstance(data, (list, tuple)) and isinstance(part, int) and part < len(data):
        return data[part]
    return None


def _resolve(schema: Node, node: Node, data: Any) -> Node:
    """Follow references and choices down to a node with a type; the outer description wins."""
    outer = node
    while True:
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        elif "anyOf" in node:
            node = next(choice for choice in node["anyOf"] if choice.get("type") != "null")
        elif "oneOf" in node:
            chosen = node["discriminator"]["mapping"]
            tag = data.get(node["discriminator"]["propertyName"]) if isinstance(data, Mapping) else None
            node = {"$ref": chosen.get(tag, next(iter(chosen.values())))}
        else:
            break
    if "description" in outer:
        return {**node, "description": outer["description"]}
    return node
