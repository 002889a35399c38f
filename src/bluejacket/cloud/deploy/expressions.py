"""Expressions of the template language: `[concat(parameters('a').b[0], '-x')]`, as trees and back.

A tree has four kinds of nodes. Names of functions, parameters and properties are kept as spelled and mean
the same in any case. Source: Azure Resource Manager, "Template syntax" and "Template functions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

_TOKEN = re.compile(
    r"(?P<blank>\s+)|(?P<string>'(?:[^']|'')*')|(?P<number>[+-]?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<mark>[()\[\].,])"
)
_NAMES = {
    "(": "LeftParenthesis",
    ")": "RightParenthesis",
    "[": "LeftSquareBracket",
    "]": "RightSquareBracket",
    ",": "Comma",
    ".": "Dot",
    "": "EndOfData",
}
_DEEPEST = 200
_LONGEST = 24_576
"""Characters of one expression: Azure's own limit."""


class ExpressionError(Exception):
    """An expression that cannot be read or evaluated, in Azure's words but without its place."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A string or a number."""

    value: str | int | float


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; a user's own function has its namespace before the name."""

    name: str
    arguments: tuple[Node, ...]
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Property:
    """`base.name`."""

    base: Node
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`base[index]`: an element of an array, or a property by its name."""

    base: Node
    index: Node


Node = Literal | Call | Property | Index


def is_expression(value: Any) -> bool:
    """Tell whether a value of a template is an expression: a string in brackets, the first not doubled."""
    return (
        isinstance(value, str)
        and value.startswith("[")
        and value.endswith("]")
        and not value.startswith("[[")
    )


def unescaped(text: str) -> str:
    """Give what a string that is no expression means: `[[x]` is `[x]`."""
    return text[1:] if text.startswith("[[") and text.endswith("]") else text


def escaped(text: str) -> str:
    """Give the string that means `text` where an expression might stand."""
    return "[" + text if text.startswith("[") and text.endswith("]") else text


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """Read what stands in the outer brackets. Raises ExpressionError."""
    if len(text) > _LONGEST:
        raise ExpressionError(
            f"The language expression length limit exceeded. Limit: '{_LONGEST}' and actual: '{len(text)}'."
        )
    parser = _Parser(text)
    node = parser.expression(0)
    parser.expect("")
    return node


def written(node: Node) -> str:
    """Give an expression's text, so that `parse` of it gives the same tree."""
    if isinstance(node, Literal):
        return "'" + node.value.replace("'", "''") + "'" if isinstance(node.value, str) else str(node.value)
    if isinstance(node, Call):
        name = f"{node.namespace}.{node.name}" if node.namespace else node.name
        return f"{name}({', '.join(written(one) for one in node.arguments)})"
    if isinstance(node, Property):
        return f"{written(node.base)}.{node.name}"
    return f"{written(node.base)}[{written(node.index)}]"


def calls(value: Any) -> Iterator[Call]:
    """Give every call in all expressions of a JSON value. Raises ExpressionError for one that is none."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from calls(key)
            yield from calls(one)
    elif isinstance(value, list):
        for one in value:
            yield from calls(one)
    elif is_expression(value):
        yield from calls_in(parse(value[1:-1]))


def calls_in(node: Node) -> Iterator[Call]:
    """Give every call in an expression, outer ones first."""
    if isinstance(node, Call):
        yield node
        for one in node.arguments:
            yield from calls_in(one)
    elif isinstance(node, Property):
        yield from calls_in(node.base)
    elif isinstance(node, Index):
        yield from calls_in(node.base)
        yield from calls_in(node.index)


class _Parser:
    """A reader of one expression by recursive descent."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._lexed(text))
        self._at = 0

    def expression(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise ExpressionError(
                f"Unable to parse language expression: it is more than {_DEEPEST} levels deep."
            )
        node = self._first(depth)
        while True:
            if self._take("."):
                node = Property(node, self._name())
            elif self._take("["):
                node = Index(node, self.expression(depth + 1))
                self.expect("]")
            else:
                return node

    def _first(self, depth: int) -> Node:
        kind, text = self._token()
        if kind == "string":
            self._at += 1
            return Literal(text[1:-1].replace("''", "'"))
        if kind == "number":
            self._at += 1
            return Literal(float(text) if "." in text else int(text))
        name, namespace = self._name(), ""
        if self._take("."):
            namespace, name = name, self._name()
        self.expect("(")
        arguments: list[Node] = []
        if not self._take(")"):
            arguments.append(self.expression(depth + 1))
            while self._take(","):
                arguments.append(self.expression(depth + 1))
            self.expect(")")
        return Call(name, tuple(arguments), namespace)

    def expect(self, mark: str) -> None:
        """Take a mark (or the end, ''); raises ExpressionError when another token stands there."""
        kind, text = self._token()
        if text != mark or kind in ("string", "name", "number"):
            self._wrong(_NAMES[mark])
        self._at += 1

    def _take(self, mark: str) -> bool:
        if self._token() != ("mark", mark):
            return False
        self._at += 1
        return True

    def _name(self) -> str:
        kind, text = self._token()
        if kind != "name":
            self._wrong("Identifier")
        self._at += 1
        return text

    def _token(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _wrong(self, wanted: str) -> NoReturn:
        kind, text = self._token()
        kinds = {"string": "LiteralString", "name": "Identifier", "number": "Integer"}
        actual = kinds.get(kind) or _NAMES[text]
        raise ExpressionError(
            f"Unable to parse language expression '{self._text}': "
            f"expected token '{wanted}' and actual '{actual}'."
        )

    def _lexed(self, text: str) -> Iterator[tuple[str, str]]:
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise ExpressionError(
                    f"The language expression '{text}' is not valid: "
                    f"the string character '{text[at]}' at position '{at}' is not expected."
                )
            if found.lastgroup != "blank":
                yield found.lastgroup, found[0]
            at = found.end()
