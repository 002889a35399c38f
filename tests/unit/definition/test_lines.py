"""The scanner against tomllib and tomlkit: every key that they know has a line, and that line holds it."""

from __future__ import annotations

import tomllib
from typing import Any

import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.definition.lines import Lines

TEXT = """\
# comment with [brackets] and "quotes"
title = "a # b"
dotted.key."with space" = 1   # after

[one]
list = [
    "x",  # ] not the end
    { a = 1, b = [ 2,
        3 ] },
]
long = \"\"\"
[[not.a.table]]
\\"\"\" still \"\"\"\"
raw = '''
'x' ''''
day = 2026-11-01 10:00:00

[[many]]
name = 'first'
[[many.inner]]
deep = true
[many.inner.sub]
k = 1
[[many.inner]]
deep = false
[[many]]
name = 'second'
[many.inner]
x = 1
"""


def paths(value: Any, prefix: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    below: list[tuple[str | int, ...]] = [prefix] if prefix else []
    if isinstance(value, dict):
        for key, inner in value.items():
            below += paths(inner, (*prefix, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            below += paths(inner, (*prefix, at))
    return below


def test_every_form_of_toml() -> None:
    lines = Lines(TEXT)
    want = {
        ("title",): 2,
        ("dotted", "key", "with space"): 3,
        ("one",): 5,
        ("one", "list"): 6,
        ("one", "list", 0): 7,
        ("one", "list", 1, "b", 1): 9,
        ("one", "long"): 11,
        ("one", "raw"): 14,
        ("one", "day"): 16,
        ("many", 0, "name"): 19,
        ("many", 0, "inner", 0, "deep"): 21,
        ("many", 0, "inner", 0, "sub", "k"): 23,
        ("many", 0, "inner", 1, "deep"): 25,
        ("many", 1, "name"): 27,
        ("many", 1, "inner", "x"): 29,
    }
    assert {key: lines.of(key) for key in want} == want
    assert set(lines.known()) == set(paths(tomllib.loads(TEXT)))


def test_a_missing_key_has_the_line_of_its_table() -> None:
    lines = Lines(TEXT)
    assert lines.of(("many", 1, "absent", 3)) == 26
    assert lines.of(("absent",)) is None
    assert Lines("").of(("a",)) is None


SCALARS = st.one_of(
    st.integers(-(2**40), 2**40), st.booleans(), st.dates(), st.text(max_size=12), st.floats(allow_nan=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=5))
def test_it_knows_what_tomllib_knows(data: dict[str, Any]) -> None:
    text = tomlkit.dumps(data)
    lines = Lines(text)
    assert set(lines.known()) == set(paths(tomllib.loads(text)))
    for key, line in lines.known().items():
        assert 1 <= line <= text.count("\n") + 1, key


@given(st.lists(st.sampled_from(["[[a]]", "[[a.b]]", "[a.c]", "x = 1", "# note", ""]), max_size=12))
def test_arrays_of_tables_in_any_order(rows: list[str]) -> None:
    text = "\n".join(rows)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = Lines(text)
    assert set(lines.known()) == set(paths(data))
    for key, line in lines.known().items():
        if key[-1] == "x":
            assert rows[line - 1] == "x = 1"
