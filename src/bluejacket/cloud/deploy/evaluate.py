"""What expressions come to.

`evaluated` gives the value of one expression, `resolved` that of a piece of a template:
with all its expressions evaluated and its property loops (`copy`) written out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.deploy.expressions import (
    Call,
    ExpressionError,
    Literal,
    Node,
    Property,
    is_expression,
    parse,
    unescaped,
)
from bluejacket.cloud.deploy.scope import Function, Names, Scope, UserFunction

COPY_LIMIT = 800
"""Iterations of one loop: Azure's own limit."""


@dataclass(frozen=True, slots=True)
class Lambda:
    """A lambda expression with the scope that it was written in."""

    names: tuple[str, ...]
    body: Node
    scope: Scope

    def __call__(self, *values: Any) -> Any:
        """Give the body's value; values that it has no names for are left out."""
        bound = dict(zip((name.lower() for name in self.names), values, strict=False))
        return evaluated(self.body, replace(self.scope, lambdas={**self.scope.lambdas, **bound}))


def evaluated(node: Node, scope: Scope) -> Any:
    """Give the value of an expression.

    Raises ExpressionError, and CloudError for a resource that is not there.
    """
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Call):
        return _called(node, scope)
    base = evaluated(node.base, scope)
    if isinstance(node, Property):
        return member(base, node.name)
    return element(base, evaluated(node.index, scope))


def resolved(value: Any, scope: Scope) -> Any:
    """Give a piece of a template with its expressions evaluated, in keys as well, and loops written out."""
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, one in value.items():
            if key.lower() == "copy" and is_loops(one):
                found |= {str(loop["name"]): unrolled(loop, scope) for loop in one}
            else:
                found[str(resolved(key, scope))] = resolved(one, scope)
        return found
    if isinstance(value, list):
        return [resolved(one, scope) for one in value]
    if not isinstance(value, str):
        return value
    if not is_expression(value):
        return unescaped(value)
    if not scope.lenient:
        return evaluated(parse(value[1:-1]), scope)
    try:
        return evaluated(parse(value[1:-1]), scope)
    except CloudError:
        return value


def is_loops(value: Any) -> bool:
    """Tell whether what stands under the key `copy` are loops for properties, rather than a property."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and {"name", "count", "input"} <= set(one) for one in value)
    )


def unrolled(loop: Mapping[str, Any], scope: Scope) -> list[Any]:
    """Give the values of a loop `{"name", "count", "input"}`."""
    name = str(loop.get("name", ""))
    count = loop_count(loop.get("count"), name, scope)
    return [resolved(loop["input"], scope.inside(name, at)) for at in range(count)]


def loop_count(written: Any, name: str, scope: Scope) -> int:
    """Give how often a loop runs. Raises ExpressionError for what is no number from 0 to 800."""
    count = resolved(written, scope)
    if isinstance(count, str) and count.isdigit():
        count = int(count)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ExpressionError(f"The copy count of loop '{name}' must be a non-negative integer value.")
    if count > COPY_LIMIT:
        raise ExpressionError(
            f"The copy count '{count}' of loop '{name}' exceeds the maximum of '{COPY_LIMIT}'."
        )
    return count


def member(base: Any, name: str) -> Any:
    """Give a property, by its name in any case. Raises ExpressionError, which names those that are there."""
    if not isinstance(base, dict):
        raise ExpressionError(
            f"The language expression property '{name}' can't be evaluated, "
            f"property name can't be selected on a value of type '{type_name(base)}'."
        )
    if name in base:
        return base[name]
    for key, value in base.items():
        if key.lower() == name.lower():
            return value
    raise ExpressionError(
        f"The language expression property '{name}' doesn't exist, "
        f"available properties are '{', '.join(base)}'."
    )


def element(base: Any, index: Any) -> Any:
    """Give an element of an array, or a property of an object. Raises ExpressionError."""
    if isinstance(base, dict) and isinstance(index, str):
        return member(base, index)
    if not isinstance(base, list):
        raise ExpressionError(
            f"The language expression can't be indexed: the value is of type '{type_name(base)}'."
        )
    if not isinstance(index, int) or isinstance(index, bool):
        raise ExpressionError(
            f"The language expression property array index '{index}' must be an integer value."
        )
    if not 0 <= index < len(base):
        raise ExpressionError(f"The language expression property array index '{index}' is out of bounds.")
    return base[index]


def type_name(value: Any) -> str:
    """Give the name that Azure's messages have for a value's type."""
    names: Sequence[tuple[type, str]] = (
        (bool, "Boolean"),
        (int, "Integer"),
        (float, "Float"),
        (str, "String"),
        (list, "Array"),
        (dict, "Object"),
        (Lambda, "LambdaExpression"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "Null")


def _called(node: Call, scope: Scope) -> Any:
    if node.namespace:
        return _called_own(node, scope)
    function = scope.functions.get(node.name.lower())
    if function is None and node.name.lower().startswith("list"):
        function = scope.functions["list*"]
        return function.work(scope, node.name, *(evaluated(one, scope) for one in node.arguments))
    if function is None:
        raise ExpressionError(
            f"The template function '{node.name}' is not valid. "
            "Please see https://aka.ms/arm-functions for usage details."
        )
    if function.lazy:
        _count(function, len(node.arguments))
        return function.work(scope, *node.arguments)
    values = [evaluated(one, scope) for one in node.arguments]
    _count(function, len(values))
    _types(function, values)
    return function.work(scope, *values) if function.scoped else function.work(*values)


def _called_own(node: Call, scope: Scope) -> Any:
    own = scope.names.function(node.namespace, node.name)
    if own is None:
        raise ExpressionError(f"The template function '{node.namespace}.{node.name}' is not valid.")
    if len(own.parameters) != len(node.arguments):
        raise ExpressionError(
            f"The template function '{node.namespace}.{node.name}' requires {len(own.parameters)} "
            f"argument(s) while {len(node.arguments)} were provided."
        )
    values = [evaluated(one, scope) for one in node.arguments]
    inner = _OwnNames(scope.names, dict(zip((one.lower() for one in own.parameters), values, strict=True)))
    return resolved(own.output, replace(scope, names=inner, copies=(), lambdas={}))


@dataclass(frozen=True, slots=True)
class _OwnNames:
    """In a user's function only its own parameters and the other functions have names."""

    outer: Names
    values: Mapping[str, Any]

    def parameter(self, name: str) -> Any:
        if name.lower() not in self.values:
            raise ExpressionError(f"The template parameter '{name}' is not found in the function.")
        return self.values[name.lower()]

    def variable(self, name: str) -> Any:
        raise ExpressionError(f"The template variable '{name}' can't be used in a user-defined function.")

    def function(self, namespace: str, name: str) -> UserFunction | None:
        return self.outer.function(namespace, name)

    def is_secret(self, kind: str, name: str) -> bool:
        return False  # what is a secret was not evaluated, and is no argument


LETTERS: Mapping[str, tuple[str, ...]] = {
    "s": ("String",),
    "i": ("Integer",),
    "n": ("Integer", "Float"),
    "b": ("Boolean",),
    "a": ("Array",),
    "o": ("Object",),
    "m": ("Array", "Object"),
    "c": ("String", "Array", "Object"),
    "e": ("String", "Array", "Object", "Null"),
    "k": ("String", "Integer"),
    "q": ("String", "Integer", "Float"),
    "l": ("LambdaExpression",),
}
"""The letters of `Function.types`; `x` is any type."""


def _count(function: Function, count: int) -> None:
    if count >= function.low and (function.high is None or count <= function.high):
        return
    low, high = function.low, function.high
    wanted = f"{low}" if high == low else (f"at least {low}" if high is None else f"{low} to {high}")
    raise ExpressionError(
        f"Unable to evaluate template language function '{function.name}': function requires {wanted} "
        f"argument(s) while {count} were provided. "
        f"Please see https://aka.ms/arm-functions#{function.name.lower()} for usage details."
    )


def _types(function: Function, values: Sequence[Any]) -> None:
    for at, value in enumerate(values):
        letter = function.types[min(at, len(function.types) - 1)] if function.types else "x"
        wanted = LETTERS.get(letter)
        if wanted and type_name(value) not in wanted:
            raise ExpressionError(
                f"The template language function '{function.name}' expects its parameter '{at + 1}' to be of "
                f"type '{', '.join(wanted)}'. The provided value is of type '{type_name(value)}'. "
                f"Please see https://aka.ms/arm-functions#{function.name.lower()} for usage details."
            )
