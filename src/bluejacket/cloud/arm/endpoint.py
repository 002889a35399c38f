"""Operations that belong to no record: catalogues, checks of a name, metrics of whatever resource.

A room exports `ENDPOINTS: tuple[Endpoint, ...]` beside its `KINDS`. They are asked before the kinds are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bluejacket.cloud.arm.kind import Caller, Cloud, Grade


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to an endpoint. `parts` are the path's, as spelled; keys of `query` are in lower case."""

    path: str
    parts: Mapping[str, str]
    caller: Caller
    body: dict[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is not 200 with a body; `body` None sends none at all."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint:
    """One method on one path, compared without regard to case.

    `path` is `/subscriptions/{subscription}/providers/Microsoft.Compute/skus`: `{name}` is one part,
    `{name:path}` any number of them. `answer` gives the body (an object or an array, which is sent as
    200), or a `Reply`; it raises CloudError. `action` is the permission that the caller needs, at the part
    of the path named `scope` or else at its subscription; without one every caller who is known may ask.
    """

    method: str
    path: str
    grade: Grade
    answer: Callable[[Cloud, Asked], Any]
    action: str = ""
    note: str = ""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the path has to look like, as a regular expression."""
        found = ""
        for word in re.split(r"(\{[a-z_]+(?::path)?\})", self.path):
            if not word.startswith("{"):
                found += re.escape(word)
            elif word.endswith(":path}"):
                found += f"(?P<{word[1:-6]}>.+)"
            else:
                found += f"(?P<{word[1:-1]}>[^/]+)"
        return re.compile(found, re.IGNORECASE)


class EndpointTable:
    """All endpoints, found by method and path; those that are named first are tried first."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._endpoints = tuple(endpoints)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._endpoints)

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """Give the endpoint and the path's parts, or None; `path` has no doubled or trailing slashes."""
        for one in self._endpoints:
            if one.method == method and (match := one.pattern.fullmatch(path)):
                return one, match.groupdict()
        return None
