"""Functions that take a lambda expression. Source: Azure Resource Manager, "Lambda functions"."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

from bluejacket.cloud.deploy.evaluate import Lambda
from bluejacket.cloud.deploy.expressions import ExpressionError, Literal, Node
from bluejacket.cloud.deploy.functions.table import Library
from bluejacket.cloud.deploy.scope import Scope

LAMBDAS = Library()


@LAMBDAS.add("lambda", "x*", lazy=True)
def _lambda(scope: Scope, *nodes: Node) -> Lambda:
    names = [node.value for node in nodes[:-1] if isinstance(node, Literal) and isinstance(node.value, str)]
    if len(names) != len(nodes) - 1:
        raise ExpressionError("The template function 'lambda' expects the names of its variables as strings.")
    return Lambda(tuple(names), nodes[-1], scope)


@LAMBDAS.add("lambdaVariables", "s", scoped=True)
def _lambda_variables(scope: Scope, name: str) -> Any:
    if name.lower() not in scope.lambdas:
        raise ExpressionError(f"The lambda variable '{name}' is not found.")
    return scope.lambdas[name.lower()]


@LAMBDAS.add("filter", "al")
def _filter(values: list[Any], wanted: Lambda) -> list[Any]:
    return [one for at, one in enumerate(values) if _truth("filter", wanted(one, at))]


@LAMBDAS.add("map", "al")
def _map(values: list[Any], made: Lambda) -> list[Any]:
    return [made(one, at) for at, one in enumerate(values)]


@LAMBDAS.add("mapValues", "ol")
def _map_values(table: dict[str, Any], made: Lambda) -> dict[str, Any]:
    return {key: made(value) for key, value in table.items()}


@LAMBDAS.add("reduce", "axl")
def _reduce(values: list[Any], start: Any, step: Lambda) -> Any:
    for at, one in enumerate(values):
        start = step(start, one, at)
    return start


@LAMBDAS.add("sort", "al")
def _sort(values: list[Any], before: Lambda) -> list[Any]:
    def order(left: Any, right: Any) -> int:
        if _truth("sort", before(left, right)):
            return -1
        return 1 if _truth("sort", before(right, left)) else 0

    return sorted(values, key=cmp_to_key(order))


@LAMBDAS.add("groupBy", "al")
def _group_by(values: list[Any], key: Lambda) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in values:
        found.setdefault(_key("groupBy", key(one)), []).append(one)
    return found


@LAMBDAS.add("toObject", "al?l")
def _to_object(values: list[Any], key: Lambda, value: Lambda | None = None) -> dict[str, Any]:
    return {_key("toObject", key(one)): value(one) if value else one for one in values}


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(f"The lambda expression of the template function '{name}' must give a boolean.")
    return value


def _key(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ExpressionError(f"The lambda expression of the template function '{name}' must give a string.")
    return value
