"""What expressions may ask at one place of a template, and what functions they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Protocol


class Stage(Enum):
    """When an expression is evaluated, which decides what it may ask for."""

    DEFAULT = "the default value of a parameter: newGuid and utcNow as well"
    PLAN = "before anything is deployed: no look at resources"
    RUN = "while deploying: reference and list functions as well"


class Names(Protocol):
    """What a template has given names to."""

    def parameter(self, name: str) -> Any:
        """Give a parameter's value; raises ExpressionError."""

    def variable(self, name: str) -> Any:
        """Give a variable's value; raises ExpressionError."""

    def function(self, namespace: str, name: str) -> UserFunction | None:
        """Give a function that the template itself defines."""

    def is_secret(self, kind: str, name: str) -> bool:
        """Tell whether one of the `parameters` or `variables` is, or is made of, a secure value."""


class Host(Protocol):
    """What surrounds a deployment."""

    subscription: str
    group: str
    tenant: str

    def about(self, what: str) -> Any:
        """Give what `deployment()`, `environment()`, `resourceGroup()`, `subscription()`, `tenant()` are."""

    def utc_now(self) -> str:
        """Give the time of the deployment: 2026-11-28T04:56:33.1234567Z."""

    def new_guid(self, place: str) -> str:
        """Give a GUID that stays the same for one deployment and place."""

    def providers(self, namespace: str, kind: str | None) -> Any:
        """Give what is known of a resource provider or of one of its types."""

    def reference(self, name: str, version: str | None, full: bool) -> Any:
        """Give what a resource is at this moment, by its id, name or symbolic name."""

    def references(self, name: str, full: bool) -> Any:
        """Give the same of all resources of a loop, by its symbolic name."""

    def listing(self, action: str, resource: str, body: Any) -> Any:
        """Give the answer of a resource's `list…` action."""


@dataclass(frozen=True, slots=True)
class UserFunction:
    """A function of the template's own: the names of its parameters, and the expression that it gives."""

    parameters: tuple[str, ...]
    output: Any


@dataclass(frozen=True, slots=True)
class Scope:
    """All that an expression may ask at one place.

    `copies` are the loops around it, the innermost last; `lambdas` the variables of lambdas, in lower case.
    With `lenient`, an expression that asks for what does not exist yet is left as it stands; with `masked`
    as well, so is one that asks for a secret.
    """

    names: Names
    host: Host
    functions: Mapping[str, Function]
    stage: Stage = Stage.PLAN
    copies: tuple[tuple[str, int], ...] = ()
    lambdas: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""
    lenient: bool = False
    masked: bool = False

    def inside(self, loop: str, index: int) -> Scope:
        """Give the scope of one iteration of a loop."""
        return replace(self, copies=(*self.copies, (loop, index)))


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language.

    `types` are letters of `evaluate.LETTERS`; `work` gets the values, after the scope when `scoped`. A
    `lazy` one gets the scope and the arguments as they are written.
    """

    name: str
    work: Callable[..., Any]
    types: str
    low: int
    high: int | None
    scoped: bool = False
    lazy: bool = False
