"""A template with the values of its parameters: what its names mean, and what its outputs come to.

Source: Azure Resource Manager, "Understand the structure and syntax of ARM templates".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.deploy.evaluate import is_loops, resolved, type_name, unrolled
from bluejacket.cloud.deploy.expressions import ExpressionError, Literal, calls
from bluejacket.cloud.deploy.functions import FUNCTIONS
from bluejacket.cloud.deploy.parameters import Parameters, invalid_template, is_secure, usual_type
from bluejacket.cloud.deploy.scope import Host, Scope, Stage, UserFunction

_OUTPUT_TYPES = {
    "string": "String",
    "int": "Integer",
    "bool": "Boolean",
    "object": "Object",
    "array": "Array",
}
_OUTPUTS = 64
"""Outputs of one template: Azure's own limit."""


class Template:
    """A template of one deployment; implements `evaluate.Names`. All variables are evaluated at once."""

    def __init__(self, raw: Any, given: Mapping[str, Any], host: Host) -> None:
        """Raises CloudError (400 InvalidTemplate, InvalidRequestContent) for what cannot be deployed."""
        if not isinstance(raw, dict):
            raise CloudError(
                400,
                "InvalidTemplate",
                "The template is missing or is not an object. "
                "Please see https://aka.ms/arm-syntax for usage details.",
            )
        self._raw = {key.lower(): value for key, value in raw.items()}
        for key, needed in (
            ("resources", (list, dict)),
            ("parameters", dict),
            ("variables", dict),
            ("outputs", dict),
        ):
            if self._raw.get(key) is not None and not isinstance(self._raw[key], needed):
                found = type_name(self._raw[key])
                raise invalid_template(f"The template's '{key}' can't be of the type '{found}'")
        self.symbolic = isinstance(self._raw.get("resources"), dict)
        self.api_profile = str(self._raw.get("apiprofile") or "")  # stands for versions that are not written
        self._host = host
        self._functions = dict(_own_functions(self._raw.get("functions") or []))
        self.parameters = Parameters(
            self._raw.get("parameters") or {},
            given,
            self._raw.get("definitions") or {},
            self._default,
            untyped=str(self._raw.get("languageversion") or "").startswith("2."),
        )
        self._written = dict(self._all_variables(self._raw.get("variables") or {}))
        self._variables: dict[str, Any] = {}
        self._begun: set[str] = set()
        self.secrets: dict[str, Any] = {}  # the secure outputs' values, once these are evaluated
        with _at("parameter"):
            self.parameters.all()
        for name in self._written:
            self.variable(name)

    @property
    def resources(self) -> list[tuple[str, dict[str, Any]]]:
        """The resources as declared, each with its symbolic name (or none)."""
        found = self._raw.get("resources") or []
        pairs = list(found.items()) if isinstance(found, dict) else [("", one) for one in found]
        for name, one in pairs:
            if not isinstance(one, dict):
                raise invalid_template(
                    f"A resource of the template is of the type '{type_name(one)}' {name}".strip()
                )
        return pairs

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs, as declared."""
        return list(self._raw.get("outputs") or {})

    def scope(self, stage: Stage, *, lenient: bool = False) -> Scope:
        """Give the scope of what stands outside of any loop."""
        return Scope(self, self._host, FUNCTIONS, stage, lenient=lenient)

    def parameter(self, name: str) -> Any:
        """Give a parameter's value; raises ExpressionError for one that is not declared."""
        if name not in self.parameters:
            raise ExpressionError(
                f"The template parameter '{name}' is not found. "
                "Please see https://aka.ms/arm-syntax-parameters for usage details."
            )
        return self.parameters.value(name)

    def variable(self, name: str) -> Any:
        """Give a variable's value; raises ExpressionError, or CloudError if it cannot be evaluated."""
        key = name.lower()
        if key not in self._variables:
            if key not in self._written:
                raise ExpressionError(
                    f"The template variable '{name}' is not found. "
                    "Please see https://aka.ms/arm-syntax-variables for usage details."
                )
            if key in self._begun:
                raise invalid_template(f"The template variable '{name}' is not valid: it needs itself")
            self._begun.add(key)
            written, loop = self._written[key]
            with _at(f"variable '{name}'"):
                scope = self.scope(Stage.PLAN)
                self._variables[key] = unrolled(written, scope) if loop else resolved(written, scope)
        return self._variables[key]

    def function(self, namespace: str, name: str) -> UserFunction | None:
        """Give a function that the template defines."""
        return self._functions.get((namespace.lower(), name.lower()))

    def is_secret(self, kind: str, name: str) -> bool:
        """Tell whether a parameter is secure, or a variable made of one that is."""
        if kind == "parameters":
            return self.parameters.is_secret(name)
        written, _ = self._written.get(name.lower(), (None, False))
        for call in calls(written):
            if call.name.lower() in ("parameters", "variables") and call.arguments:
                asked = call.arguments[0]
                if not isinstance(asked, Literal) or self.is_secret(call.name.lower(), str(asked.value)):
                    return True
        return False

    def outputs(self, *, lenient: bool = False) -> dict[str, Any]:
        """Evaluate the outputs, as a deployment's document shows them: secure ones are in `secrets`.

        Raises CloudError (DeploymentOutputEvaluationFailed) with a detail for each that cannot be.
        """
        declared = self._raw.get("outputs") or {}
        if len(declared) > _OUTPUTS:
            raise invalid_template(f"The template has {len(declared)} outputs; the limit is '{_OUTPUTS}'")
        found: dict[str, Any] = {}
        wrong: list[CloudError] = []
        for name, one in declared.items():
            try:
                with _at(f"output '{name}'"):
                    if resolved(one.get("condition", True), self.scope(Stage.RUN)) in (True, "true", "True"):
                        found[name] = self._output(name, one, lenient)
            except CloudError as error:
                wrong.append(
                    CloudError(error.status, error.code, error.message, target=name, details=error.details)
                )
        if wrong:
            names = ", ".join(one.target for one in wrong)
            raise CloudError(
                400,
                "DeploymentOutputEvaluationFailed",
                f"Unable to evaluate template outputs: '{names}'. Please see error details and deployment "
                "operations. Please see https://aka.ms/arm-common-errors for usage details.",
                details=wrong,
            )
        return found

    def _output(self, name: str, one: Mapping[str, Any], lenient: bool) -> dict[str, Any]:
        kind = str(one.get("type", "object"))
        scope = self.scope(Stage.RUN, lenient=lenient)
        if "copy" in one:
            value: Any = unrolled({"name": name, **one["copy"]}, scope)
        else:
            value = resolved(one.get("value"), scope)
        wanted = _OUTPUT_TYPES.get(kind.lower().removeprefix("secure"))
        if wanted and not lenient and value is not None and type_name(value) != wanted:
            raise ExpressionError(f"it is of the type '{type_name(value)}', and '{wanted}' is expected")
        if is_secure(kind):
            self.secrets[name] = value
            return {"type": usual_type(kind)}
        return {"type": usual_type(kind), "value": value}

    def _default(self, name: str, written: Any) -> Any:
        with _at(f"parameter '{name}'"):
            return resolved(written, replace(self.scope(Stage.DEFAULT), place=name))

    def _all_variables(self, written: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, bool]]]:
        for name, one in written.items():
            if name.lower() == "copy" and is_loops(one):
                yield from ((str(loop["name"]).lower(), (loop, True)) for loop in one)
            else:
                yield name.lower(), (one, False)


def _own_functions(declared: Any) -> Iterator[tuple[tuple[str, str], UserFunction]]:
    for space in declared:
        for name, one in (space.get("members") or {}).items():
            parameters = tuple(str(parameter["name"]) for parameter in one.get("parameters") or [])
            output = (one.get("output") or {}).get("value")
            yield (str(space.get("namespace", "")).lower(), name.lower()), UserFunction(parameters, output)


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Say of an expression that cannot be evaluated where it stands."""
    try:
        yield
    except ExpressionError as error:
        raise invalid_template(f"The template {place} is not valid: {error}") from error
