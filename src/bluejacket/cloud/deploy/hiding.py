"""What no reply shows of a template: passwords, custom data and protected settings that are written in it.

Azure's CLI writes a machine's custom data into the template itself, and not into a secure parameter. An
expression that only names where a secret comes from is shown; one that has text of its own in its value is
not, and neither is a variable of which a secret is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bluejacket.cloud.deploy.expressions import (
    ExpressionError,
    Index,
    Literal,
    Node,
    Property,
    calls_in,
    is_expression,
    parse,
)
from bluejacket.cloud.deploy.parameters import is_secure

SECRETS = ("adminpassword", "customdata", "protectedsettings")
"""Properties that are secrets whatever resource has them, in lower case."""

_OWN_NAMES = ("parameters", "variables", "outputs")  # what is in these is called as the author likes
_NAMING = ("parameters", "variables", "reference", "references", "copyindex", "lambdavariables", "list")
_JUDGING = (
    *("equals", "less", "lessorequals", "greater", "greaterorequals", "contains", "startswith", "endswith"),
    *("empty", "not", "and", "or", "bool", "length", "indexof", "lastindexof"),
)
"""Functions whose values say nothing of the text that they are given."""


def without_secrets(found: Any, *, own_names: bool = False) -> Any:
    """Give a template, or any part of one, without secrets; expressions stay that only name some.

    Default, allowed and given values of what is secure go as well. `own_names` is for what declares
    parameters. A variable that a secret is made of is null, unless it only names where that comes from.
    """
    return _shown(found, _sources(found), own_names=own_names)


def _shown(found: Any, sources: frozenset[str], *, own_names: bool = False) -> Any:
    if isinstance(found, list):
        return [_shown(one, sources) for one in found]
    if not isinstance(found, dict):
        return found
    hidden: tuple[str, ...] = SECRETS
    if is_secure(str(found.get("type", ""))):
        hidden += ("defaultvalue", "allowedvalues", "value")
    inner = _secure_names(found.get("template"))
    kept = {}
    for name, value in found.items():
        key = str(name).lower()
        declared = own_names and isinstance(value, dict)
        if not declared and key in hidden and _tells(value):
            continue
        if key == "variables" and isinstance(value, dict):
            kept[name] = _variables(value, sources)
        elif key == "parameters" and inner and isinstance(value, dict):
            kept[name] = {one: _given(one, said, inner, sources) for one, said in value.items()}
        else:
            kept[name] = _shown(value, sources, own_names=key in _OWN_NAMES)
    return kept


def _variables(declared: dict[str, Any], sources: frozenset[str]) -> dict[str, Any]:
    """Give variables; those that a property loop makes have their name inside of it."""
    kept: dict[str, Any] = {}
    for name, value in declared.items():
        if name.lower() == "copy" and isinstance(value, list):
            named = [isinstance(one, dict) and str(one.get("name", "")).lower() in sources for one in value]
            kept[name] = [
                {**one, "input": None} if secret and _tells(one.get("input")) else _shown(one, sources)
                for one, secret in zip(value, named, strict=True)
            ]
        elif name.lower() in sources and _tells(value):
            kept[name] = None
        elif name.lower() not in SECRETS or isinstance(value, dict) or not _tells(value):
            kept[name] = _shown(value, sources)
    return kept


def _given(name: str, value: Any, secure: frozenset[str], sources: frozenset[str]) -> Any:
    """Give what a nested deployment is given for one of its parameters."""
    if name.lower() in secure and isinstance(value, dict) and _tells(value.get("value")):
        return {key: one for key, one in value.items() if key != "value"}
    return _shown(value, sources)


def _secure_names(template: Any) -> frozenset[str]:
    declared = template.get("parameters") if isinstance(template, dict) else None
    if not isinstance(declared, dict):
        return frozenset()
    kinds = {name: one.get("type", "") for name, one in declared.items() if isinstance(one, dict)}
    return frozenset(name.lower() for name, kind in kinds.items() if is_secure(str(kind)))


def _sources(found: Any) -> frozenset[str]:
    """Give the variables, in lower case, of which secrets of a template are made, also by way of others."""
    declared: dict[str, list[Any]] = {}
    _declared(found, declared)
    known: set[str] = set()
    todo = [name for value in _secret_values(found) for name in _named(value)]
    while todo:
        name = todo.pop()
        if name not in known:
            known.add(name)
            todo += [other for value in declared.get(name, ()) for other in _named(value)]
    return frozenset(known)


def _declared(found: Any, into: dict[str, list[Any]]) -> None:
    if isinstance(found, dict):
        for key, value in found.items():
            if str(key).lower() == "variables" and isinstance(value, dict):
                for name, one in value.items():
                    into.setdefault(str(name).lower(), []).append(one)
            _declared(value, into)
    elif isinstance(found, list):
        for one in found:
            _declared(one, into)


def _secret_values(found: Any) -> Iterator[Any]:
    if isinstance(found, list):
        for one in found:
            yield from _secret_values(one)
    elif isinstance(found, dict):
        secure = _secure_names(found.get("template"))
        for name, value in found.items():
            key = str(name).lower()
            if key in SECRETS or (key == "value" and is_secure(str(found.get("type", "")))):
                yield value
            if key == "parameters" and isinstance(value, dict):
                yield from (one for inner, one in value.items() if str(inner).lower() in secure)
            yield from _secret_values(value)


def _named(value: Any) -> Iterator[str]:
    """Give the variables that a value is made of."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif is_expression(value):
        try:
            found = list(calls_in(parse(value[1:-1])))
        except ExpressionError:
            return
        for call in found:
            if call.name.lower() == "variables":
                yield from (str(one.value).lower() for one in call.arguments[:1] if isinstance(one, Literal))


def _tells(value: Any) -> bool:
    """Whether a value has text of its own in it, rather than only names of where it comes from."""
    if isinstance(value, dict):
        return any(map(_tells, value.values()))
    if isinstance(value, list):
        return any(map(_tells, value))
    if not is_expression(value):
        return value is not None and value != ""
    try:
        return _has_text(parse(value[1:-1]))
    except ExpressionError:
        return True


def _has_text(node: Node) -> bool:
    if isinstance(node, Literal):
        return node.value != ""
    if isinstance(node, (Property, Index)):
        return _has_text(node.base)
    name = node.name.lower()
    if not node.namespace and (name.startswith(_NAMING) or name.endswith("resourceid") or name in _JUDGING):
        return False
    arguments = node.arguments[1:] if name == "if" else node.arguments
    return any(map(_has_text, arguments))
