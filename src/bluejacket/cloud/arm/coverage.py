"""What the cloud can do, and how much each operation means: `bluejacket cloud coverage`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bluejacket.cloud.arm.endpoint import Endpoint
from bluejacket.cloud.arm.kind import DELETE, GET, LIST, PATCH, PUT, Kind

_METHODS = {GET: "GET", LIST: "GET", PUT: "PUT", PATCH: "PATCH", DELETE: "DELETE"}


@dataclass(frozen=True, slots=True)
class Covered:
    """One operation of a type, or of a path that belongs to none."""

    type: str
    operation: str
    method: str
    grade: str
    long: bool
    note: str


def covered(kinds: Iterable[Kind], endpoints: Iterable[Endpoint]) -> list[Covered]:
    """Give all operations, by type."""
    rows = [*_of_kinds(kinds), *_of_endpoints(endpoints)]
    return sorted(rows, key=lambda row: (row.type.lower(), row.operation, row.method))


def _of_kinds(kinds: Iterable[Kind]) -> Iterator[Covered]:
    for kind in kinds:
        for name, verb in kind.verbs.items():
            method = _METHODS.get(name, verb.method)
            yield Covered(kind.type, name, method, verb.grade.value, verb.long, verb.note)


def _of_endpoints(endpoints: Iterable[Endpoint]) -> Iterator[Covered]:
    for one in endpoints:
        yield Covered(one.path, one.method.lower(), one.method, one.grade.value, False, one.note)
