"""Functions of arrays and objects.

Source: Azure Resource Manager, "Array functions for ARM templates" and "Object functions for ARM templates".
"""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.deploy import jsonc
from bluejacket.cloud.deploy.dotnet import shown
from bluejacket.cloud.deploy.evaluate import type_name
from bluejacket.cloud.deploy.expressions import ExpressionError
from bluejacket.cloud.deploy.functions.table import Library

COLLECTIONS = Library()


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are equal; to the language, unlike Python, `true` is not 1."""
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _has(values: list[Any], value: Any) -> bool:
    return any(same(one, value) for one in values)


@COLLECTIONS.add("array", "x")
def _array(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@COLLECTIONS.add("createArray", "?x*")
def _create_array(*values: Any) -> list[Any]:
    return list(values)


@COLLECTIONS.add("createObject", "?x*")
def _create_object(*pairs: Any) -> dict[str, Any]:
    if len(pairs) % 2:
        raise ExpressionError(
            "The template language function 'createObject' expects an even number of parameters."
        )
    keys, values = pairs[0::2], pairs[1::2]
    if not all(isinstance(key, str) for key in keys):
        raise ExpressionError("The template language function 'createObject' expects strings as keys.")
    return dict(zip(keys, values, strict=True))


@COLLECTIONS.add("concat", "x*")
def _concat(*values: Any) -> Any:
    if all(isinstance(one, list) for one in values):
        return [element for one in values for element in one]
    if any(isinstance(one, (list, dict)) for one in values):
        kinds = ", ".join(type_name(one) for one in values)
        raise ExpressionError(
            "The provided parameters for language function 'concat' are invalid. Either all or none of the "
            f"parameters must be an array; they are {kinds}."
        )
    return "".join(shown(one) for one in values)


@COLLECTIONS.add("contains", "cx")
def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, str):
        return shown(what) in where
    if isinstance(where, dict):
        return shown(what).lower() in {key.lower() for key in where}
    return _has(where, what)


@COLLECTIONS.add("empty", "e")
def _empty(value: Any) -> bool:
    return not value


@COLLECTIONS.add("length", "c")
def _length(value: Any) -> int:
    return len(value)


@COLLECTIONS.add("first", "c")
def _first(value: Any) -> Any:
    return value[:1] if isinstance(value, str) else (value[0] if value else None)


@COLLECTIONS.add("last", "c")
def _last(value: Any) -> Any:
    return value[-1:] if isinstance(value, str) else (value[-1] if value else None)


@COLLECTIONS.add("skip", "ci")
def _skip(value: Any, count: int) -> Any:
    return value[max(count, 0) :]


@COLLECTIONS.add("take", "ci")
def _take(value: Any, count: int) -> Any:
    return value[: max(count, 0)]


@COLLECTIONS.add("range", "ii")
def _range(start: int, count: int) -> list[int]:
    if not 0 <= count <= 10_000:
        raise ExpressionError("The template language function 'range' makes from 0 to 10000 numbers.")
    return list(range(start, start + count))


@COLLECTIONS.add("flatten", "a")
def _flatten(arrays: list[Any]) -> list[Any]:
    if not all(isinstance(one, list) for one in arrays):
        raise ExpressionError("The template language function 'flatten' expects an array of arrays.")
    return [element for one in arrays for element in one]


@COLLECTIONS.add("union", "mm*")
def _union(*values: Any) -> Any:
    """Objects are merged all the way down; an array within them is replaced by the later one."""
    if all(isinstance(one, dict) for one in values):
        found: dict[str, Any] = {}
        for one in values:
            found = _merged(found, one)
        return found
    if not all(isinstance(one, list) for one in values):
        raise ExpressionError("The template language function 'union' expects only arrays or only objects.")
    several: list[Any] = []
    for element in (element for one in values for element in one):
        if not _has(several, element):
            several.append(element)
    return several


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    found = dict(old)
    for key, value in new.items():
        before = found.get(key)
        both = isinstance(before, dict) and isinstance(value, dict)
        found[key] = _merged(before, value) if both else value  # type: ignore[arg-type]
    return found


@COLLECTIONS.add("intersection", "mm*")
def _intersection(*values: Any) -> Any:
    first, rest = values[0], values[1:]
    if all(isinstance(one, dict) for one in values):
        return {
            key: value
            for key, value in first.items()
            if all(key in one and same(one[key], value) for one in rest)
        }
    if not all(isinstance(one, list) for one in values):
        raise ExpressionError(
            "The template language function 'intersection' expects only arrays or only objects."
        )
    return [one for one in _union(first, []) if all(_has(other, one) for other in rest)]


@COLLECTIONS.add("items", "o")
def _items(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": table[key]} for key in sorted(table)]


@COLLECTIONS.add("objectKeys", "o")
def _object_keys(table: dict[str, Any]) -> list[str]:
    return sorted(table)


@COLLECTIONS.add("shallowMerge", "a")
def _shallow_merge(tables: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in tables:
        if not isinstance(one, dict):
            raise ExpressionError(
                "The template language function 'shallowMerge' expects an array of objects."
            )
        found |= one
    return found


@COLLECTIONS.add("json", "s")
def _json(text: str) -> Any:
    return jsonc.read(text)


@COLLECTIONS.add("null", "")
def _null() -> None:
    return None


@COLLECTIONS.add("tryGet", "xx*")
def _try_get(value: Any, *path: Any) -> Any:
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = next((one for key, one in value.items() if key.lower() == step.lower()), None)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if 0 <= step < len(value) else None
        else:
            return None
    return value


@COLLECTIONS.add("indexFromEnd", "ai")
def _index_from_end(values: list[Any], back: int) -> Any:
    if not 1 <= back <= len(values):
        raise ExpressionError(f"The language expression property array index '^{back}' is out of bounds.")
    return values[-back]


@COLLECTIONS.add("tryIndexFromEnd", "ai")
def _try_index_from_end(values: list[Any], back: int) -> Any:
    return values[-back] if 1 <= back <= len(values) else None
