"""Inheritance of options: distribution -> release -> group -> component. The nearest wins; arrays append."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from bluejacket.definition.component import Component
from bluejacket.definition.document import Document
from bluejacket.definition.explain import shown
from bluejacket.definition.lines import Key
from bluejacket.definition.options import Options
from bluejacket.definition.release import Origin
from bluejacket.errors import Fault


class Level(NamedTuple):
    """One table that may set options."""

    document: Document
    key: Key
    options: Options


class Inherited(NamedTuple):
    """A component with all its options, and where each was said; or what stands against it."""

    component: Component
    origins: tuple[Origin, ...]
    faults: tuple[Fault, ...]


def inherit(levels: Sequence[Level], component: Component) -> Inherited:
    """Give `component`, which is the last of `levels`, with the options of all levels joined."""
    values: dict[str, Any] = {}
    origins: list[Origin] = []
    faults: list[Fault] = []
    for name in Options.model_fields:
        setters = [level for level in levels if name in level.options.model_fields_set]
        if not setters:
            continue
        if isinstance(getattr(setters[0].options, name), tuple):
            elements = _appended(name, setters, faults)
            values[name] = tuple(element for element, _ in elements)
            origins += [origin for _, origin in elements]
        else:
            level = setters[-1]
            values[name] = getattr(level.options, name)
            origins.append(Origin(name, shown(values[name]), level.document.place(*level.key, name)))
    return Inherited(component.model_copy(update=values), tuple(origins), tuple(faults))


def _appended(name: str, setters: Sequence[Level], faults: list[Fault]) -> list[tuple[Any, Origin]]:
    """Join one array of all levels; an element that an outer level has already is a fault."""
    first: dict[Any, Origin] = {}
    for level in setters:
        for at, element in enumerate(getattr(level.options, name)):
            place = level.document.place(*level.key, name, at)
            if element in first:
                earlier = first[element].place
                what = f"{shown(element)} is inherited already, from {earlier.file}:{earlier.line}"
                faults.append(Fault(what, "arrays append: leave it out here", place))
                continue
            first[element] = Origin(name, shown(element), place)
    return list(first.items())
