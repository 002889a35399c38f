"""Parameters of a template: what was given, checked against what is declared.

Secure values (`securestring`, `secureobject`) are kept out of everything that is shown: `shown` leaves them
out. Source: Azure Resource Manager, "Parameters in ARM templates" and "Resolve errors for invalid template".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.deploy.evaluate import type_name
from bluejacket.cloud.deploy.functions.collections import same

_TYPES = {
    "string": ("String",),
    "securestring": ("String",),
    "int": ("Integer",),
    "bool": ("Boolean",),
    "object": ("Object",),
    "secureobject": ("Object",),
    "array": ("Array",),
}
MOST = 256
"""Parameters of one template: Azure's own limit."""


def invalid_template(what: str, code: str = "InvalidTemplate") -> CloudError:
    """Give Azure's error for a template that cannot be deployed."""
    return CloudError(400, code, f"Deployment template validation failed: '{what}'.")


class Parameters:
    """The parameters of one deployment; `default` evaluates a default value when it is first asked for."""

    def __init__(
        self,
        declared: Mapping[str, Any],
        given: Mapping[str, Any],
        definitions: Mapping[str, Any],
        default: Callable[[str, Any], Any],
        *,
        untyped: bool = False,
    ) -> None:
        """Raises CloudError (400) for values that are not declared, missing or of the wrong form.

        With `untyped`, which language version 2.0 means, a parameter without a type takes any value.
        """
        self._definitions = definitions
        self._default = default
        self._untyped = untyped
        self._declared = {name.lower(): (name, self._type(one)) for name, one in declared.items()}
        self._values: dict[str, Any] = {}
        self._begun: set[str] = set()
        self._references: dict[str, Any] = {}  # to secrets of vaults, whose values are given beside them
        if len(declared) > MOST:
            raise invalid_template(f"The template has {len(declared)} parameters; the limit is '{MOST}'")
        self._take(given)
        for key, (name, one) in self._declared.items():
            if key not in self._values and "defaultValue" not in one and not one.get("nullable"):
                raise invalid_template(
                    f"The value for the template parameter '{name}' at line '1' and column '1' is not "
                    "provided. Please see https://aka.ms/arm-create-parameter-file for usage details."
                )

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._declared

    def is_secret(self, name: str) -> bool:
        """Tell whether a parameter is of a secure type, or has its value from a vault."""
        if name.lower() in self._references:
            return True
        return name in self and is_secure(str(self._declared[name.lower()][1].get("type", "")))

    def value(self, name: str) -> Any:
        """Give the value of a declared parameter."""
        key = name.lower()
        if key not in self._values:
            written, one = self._declared[key]
            if key in self._begun:
                raise invalid_template(
                    f"The default value of the template parameter '{written}' needs itself"
                )
            self._begun.add(key)
            value = self._default(written, one["defaultValue"]) if "defaultValue" in one else None
            self._check(written, one, value)
            self._values[key] = value
        return self._values[key]

    def all(self) -> dict[str, Any]:
        """Give all values, secure ones as well: for the deployment itself, never for a reply."""
        return {name: self.value(name) for name, _ in self._declared.values()}

    def shown(self) -> dict[str, Any]:
        """Give the parameters as a deployment's document has them; a secure one without its value."""
        found: dict[str, Any] = {}
        for name, one in self._declared.values():
            kind = str(one.get("type", "string"))
            value = {} if is_secure(kind) else {"value": self.value(name)}
            if name.lower() in self._references:
                value = {"reference": self._references[name.lower()]}
            found[name] = {"type": usual_type(kind)} | value
        return found

    def _take(self, given: Mapping[str, Any]) -> None:
        unknown = [name for name in given if name.lower() not in self._declared]
        if unknown:
            known = ", ".join(name for name, _ in self._declared.values())
            raise invalid_template(
                f"The template parameters '{', '.join(unknown)}' in the parameters file are not valid; they "
                "are not present in the original template and can therefore not be provided at deployment "
                f"time. The only supported parameters for this template are '{known}'. "
                "Please see https://aka.ms/arm-pass-parameter-values for usage details."
            )
        for name, one in given.items():
            written, declared = self._declared[name.lower()]
            if not isinstance(one, dict) or "value" not in one:
                raise CloudError(
                    400,
                    "InvalidRequestContent",
                    f"The request content was invalid: the parameter '{name}' must have a 'value'.",
                )
            if "reference" in one:
                self._references[name.lower()] = one["reference"]
            if one["value"] is None and "defaultValue" in declared:
                continue
            self._check(written, declared, one["value"])
            self._values[name.lower()] = one["value"]

    def _type(self, one: Any) -> dict[str, Any]:
        """Give a declaration with the type that its `$ref` names written out."""
        found = dict(one) if isinstance(one, dict) else {}
        for _ in range(32):
            reference = str(found.get("$ref", ""))
            if not reference.startswith("#/definitions/"):
                break
            found.pop("$ref")
            found = dict(self._definitions.get(reference.removeprefix("#/definitions/")) or {}) | found
        return found

    def _check(self, name: str, one: Mapping[str, Any], value: Any) -> None:
        kind = str(one.get("type", "")).lower()
        if not kind and self._untyped:
            return
        if kind not in _TYPES:
            raise invalid_template(f"The type '{kind}' of the template parameter '{name}' is not valid")
        if value is None and one.get("nullable"):
            return
        secure = is_secure(kind) or name.lower() in self._references
        if type_name(value) not in _TYPES[kind] and not _lenient(kind, value):
            raise invalid_template(
                f"Template parameter JToken type is not valid. Expected '{', '.join(_TYPES[kind])}'. Actual "
                f"'{type_name(value)}'. Please see https://aka.ms/arm-create-parameter-file for usage "
                f"details. The parameter is '{name}'"
            )
        allowed = one.get("allowedValues")
        if isinstance(allowed, list) and not _allowed(value, allowed):
            told = "" if secure else f" The value '{value}' is not part of the allowed value(s): "
            told += "" if secure else f"'{','.join(map(str, allowed))}'."
            raise invalid_template(
                f"The provided value for the template parameter '{name}' is not valid.{told}"
            )
        _within(name, one, value)


def is_secure(kind: str) -> bool:
    """Tell whether values of a type are secrets."""
    return kind.lower() in ("securestring", "secureobject")


def usual_type(kind: str) -> str:
    """Give a type as deployments' documents spell it: String, Int, SecureString."""
    spelled = {"securestring": "SecureString", "secureobject": "SecureObject"}
    return spelled.get(kind.lower(), kind[:1].upper() + kind[1:].lower())


def _lenient(kind: str, value: Any) -> bool:
    """Clients send numbers and booleans as strings; Resource Manager reads them."""
    if not isinstance(value, str):
        return False
    return bool(re.fullmatch(r"-?\d+", value)) if kind == "int" else kind == "bool" and value.lower() in (
        "true",
        "false",
    )  # fmt: skip


def _allowed(value: Any, allowed: list[Any]) -> bool:
    if any(same(value, one) for one in allowed):
        return True
    several = isinstance(value, list) and not any(isinstance(one, list) for one in allowed)
    return several and all(any(same(one, other) for other in allowed) for one in value)


def _within(name: str, one: Mapping[str, Any], value: Any) -> None:
    measured = value if isinstance(value, int) else None
    bounds = [("minValue", "maxValue", measured, "value")]
    if isinstance(value, (str, list)):
        bounds = [("minLength", "maxLength", len(value), "length of the value")]
    for least, most, number, what in bounds:
        if number is None:
            continue
        if isinstance(one.get(least), int) and number < one[least]:
            raise invalid_template(
                f"The {what} of the template parameter '{name}' is {number}, below "
                f"its {least} of {one[least]}"
            )
        if isinstance(one.get(most), int) and number > one[most]:
            raise invalid_template(
                f"The {what} of the template parameter '{name}' is {number}, above its {most} of {one[most]}"
            )
