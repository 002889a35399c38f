"""What the room gives out: each name comes from where the types are said to come from."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import bluejacket.definition as room


def typed() -> dict[str, str]:
    """Give the module of each name, as the type checker reads it."""
    tree = ast.parse(Path(str(room.__file__)).read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_what_is_given_out_is_what_is_typed() -> None:
    assert sorted(typed()) == sorted(room.__all__)
    for name, module in typed().items():
        assert getattr(room, name) is getattr(importlib.import_module(module), name)


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Anchor'"):
        room.Anchor  # noqa: B018
