"""How functions of the template language are declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from bluejacket.cloud.deploy.scope import Function

Work = TypeVar("Work", bound=Callable[..., Any])


class Library:
    """The functions of one module, by name in lower case."""

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}

    def add(
        self, name: str, types: str, *, scoped: bool = False, lazy: bool = False
    ) -> Callable[[Work], Work]:
        """Declare a function: `types` has a letter of `evaluate.LETTERS` for each parameter.

        What stands after `?` may be left out, and a `*` at the end repeats the last one.
        """
        required, _, optional = types.partition("?")
        many = types.endswith("*")
        letters = (required + optional).rstrip("*")
        low = len(required.rstrip("*"))
        high = None if many else len(letters)

        def declared(work: Work) -> Work:
            self.functions[name.lower()] = Function(name, work, letters, low, high, scoped, lazy)
            return work

        return declared
