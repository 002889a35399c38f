"""Functions of numbers, comparisons and logic.

Source: Azure Resource Manager, "Numeric functions", "Comparison functions" and "Logical functions" for ARM
templates. `if`, `and`, `or` and `coalesce` evaluate only what they need.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bluejacket.cloud.deploy.evaluate import evaluated, type_name
from bluejacket.cloud.deploy.expressions import ExpressionError, Node
from bluejacket.cloud.deploy.functions.collections import same
from bluejacket.cloud.deploy.functions.table import Library
from bluejacket.cloud.deploy.scope import Scope

NUMBERS = Library()
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1


def _whole(name: str, value: int) -> int:
    if not _LOWEST <= value <= _HIGHEST:
        raise ExpressionError(f"The template language function '{name}' comes to more than 64 bits.")
    return value


@NUMBERS.add("add", "ii")
def _add(left: int, right: int) -> int:
    return _whole("add", left + right)


@NUMBERS.add("sub", "ii")
def _sub(left: int, right: int) -> int:
    return _whole("sub", left - right)


@NUMBERS.add("mul", "ii")
def _mul(left: int, right: int) -> int:
    return _whole("mul", left * right)


@NUMBERS.add("div", "ii")
def _div(left: int, right: int) -> int:
    """The quotient is cut towards zero, as .NET does it."""
    if right == 0:
        raise ExpressionError("The template language function 'div' can't divide by zero.")
    return _whole("div", abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1))


@NUMBERS.add("mod", "ii")
def _mod(left: int, right: int) -> int:
    """The remainder has the sign of the dividend, as in .NET."""
    if right == 0:
        raise ExpressionError("The template language function 'mod' can't divide by zero.")
    return abs(left) % abs(right) * (-1 if left < 0 else 1)


@NUMBERS.add("min", "x*")
def _min(*values: Any) -> int:
    return min(_integers("min", values))


@NUMBERS.add("max", "x*")
def _max(*values: Any) -> int:
    return max(_integers("max", values))


def _integers(name: str, values: tuple[Any, ...]) -> list[int]:
    found = values[0] if len(values) == 1 and isinstance(values[0], list) else list(values)
    if not found or not all(type_name(one) == "Integer" for one in found):
        raise ExpressionError(
            f"The template language function '{name}' expects integers, or one array of them."
        )
    return list(found)


@NUMBERS.add("int", "q")
def _int(value: Any) -> int:
    if isinstance(value, str):
        if not re.fullmatch(r"\s*[+-]?\d+\s*", value):
            raise ExpressionError("The template language function 'int' can't read the string as an integer.")
        return _whole("int", int(value))
    return _whole("int", int(value))


@NUMBERS.add("float", "q")
def _float(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        raise ExpressionError(
            "The template language function 'float' can't read the string as a number."
        ) from None


@NUMBERS.add("equals", "xx")
def _equals(left: Any, right: Any) -> bool:
    return same(left, right)


def _compared(name: str, fits: Callable[[Any, Any], bool]) -> None:
    @NUMBERS.add(name, "qq")
    def _compare(left: Any, right: Any) -> bool:
        if isinstance(left, str) is not isinstance(right, str):
            raise ExpressionError(
                f"The template language function '{name}' expects two parameters of matching types; they are "
                f"of type '{type_name(left)}' and '{type_name(right)}'."
            )
        return fits(left, right)


_compared("less", lambda left, right: left < right)
_compared("lessOrEquals", lambda left, right: left <= right)
_compared("greater", lambda left, right: left > right)
_compared("greaterOrEquals", lambda left, right: left >= right)


@NUMBERS.add("true", "")
def _true() -> bool:
    return True


@NUMBERS.add("false", "")
def _false() -> bool:
    return False


@NUMBERS.add("bool", "x")
def _bool(value: Any) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if isinstance(value, (bool, int)):
        return bool(value)
    raise ExpressionError(
        "The template language function 'bool' expects a boolean, an integer, 'true' or 'false'."
    )


@NUMBERS.add("not", "b")
def _not(value: bool) -> bool:
    return not value


@NUMBERS.add("and", "xx*", lazy=True)
def _and(scope: Scope, *nodes: Node) -> bool:
    return all(_truth("and", node, scope) for node in nodes)


@NUMBERS.add("or", "xx*", lazy=True)
def _or(scope: Scope, *nodes: Node) -> bool:
    return any(_truth("or", node, scope) for node in nodes)


@NUMBERS.add("if", "xxx", lazy=True)
def _if(scope: Scope, condition: Node, yes: Node, no: Node) -> Any:
    return evaluated(yes if _truth("if", condition, scope) else no, scope)


@NUMBERS.add("coalesce", "x*", lazy=True)
def _coalesce(scope: Scope, *nodes: Node) -> Any:
    return next((value for node in nodes if (value := evaluated(node, scope)) is not None), None)


@NUMBERS.add("fail", "s")
def _fail(message: str) -> None:
    raise ExpressionError(message)


def _truth(name: str, node: Node, scope: Scope) -> bool:
    value = evaluated(node, scope)
    if not isinstance(value, bool):
        raise ExpressionError(
            f"The template language function '{name}' expects its parameter to be of type 'Boolean'. The "
            f"provided value is of type '{type_name(value)}'. "
            f"Please see https://aka.ms/arm-functions#{name} for usage details."
        )
    return value
