"""Inheritance over any four tables: the nearest value wins, arrays append in order, nothing is said twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bluejacket.definition import Component, Options
from bluejacket.definition.document import Document
from bluejacket.definition.explain import shown
from bluejacket.definition.inherit import Level, inherit
from bluejacket.definition.kinds import KINDS

NAMES = st.sampled_from("abcdefgh")
TABLES = st.fixed_dictionaries(
    {},
    optional={
        "revision": st.integers(1, 9),
        "check": st.booleans(),
        "exclude": st.lists(NAMES, unique=True, max_size=3).map(tuple),
        "macros": st.lists(NAMES, unique=True, max_size=3).map(tuple),
    },
)


def level(number: int, values: dict[str, Any], model: type[Options], **more: Any) -> Level:
    options = model.model_validate({**values, **more})
    return Level(Document(Path(f"{number}.toml"), KINDS[0], "", options), ("defaults",), options)


@given(st.lists(TABLES, min_size=3, max_size=3), TABLES)
def test_any_four_tables(outer: list[dict[str, Any]], own: dict[str, Any]) -> None:
    levels = [level(at, values, Options) for at, values in enumerate(outer)]
    last = level(3, own, Component, name="x", reason="r")
    assert isinstance(last.options, Component)
    whole = inherit([*levels, last], last.options)
    tables = [*outer, own]
    for key, default in (("revision", 1), ("check", True)):
        said = [table[key] for table in tables if key in table]
        assert getattr(whole.component, key) == (said[-1] if said else default)
    repeated = 0
    for key in ("exclude", "macros"):
        said = [element for table in tables for element in table.get(key, ())]
        assert getattr(whole.component, key) == tuple(dict.fromkeys(said))
        repeated += len(said) - len(set(said))
    assert len(whole.faults) == repeated
    for origin in whole.origins:
        there = tables[int(Path(origin.place.file).stem)][origin.key]
        values = there if isinstance(there, tuple) else (there,)
        assert origin.value in {shown(value) for value in values}


@given(st.lists(TABLES, min_size=3, max_size=3), TABLES)
def test_inheriting_changes_nothing_else(outer: list[dict[str, Any]], own: dict[str, Any]) -> None:
    last = level(3, own, Component, name="x", reason="r", packages=("x", "y"))
    assert isinstance(last.options, Component)
    levels = [level(at, values, Options) for at, values in enumerate(outer)]
    whole = inherit([*levels, last], last.options).component
    for key in Component.model_fields:
        if key not in Options.model_fields:
            assert getattr(whole, key) == getattr(last.options, key)
