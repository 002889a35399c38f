"""Advisories as JSON: nothing is lost, nothing else is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisories import ADVISORIES
from bluejacket.errors import OutsideError
from bluejacket.feed.advisory import Advisory, Fixed, Kind, NotAffected, Reference, Severity
from bluejacket.feed.advisory.record import from_json, to_json

TEXT = st.text(max_size=20)
WHEN = st.integers(0, 2**40)
FIXED = st.builds(Fixed, TEXT, WHEN, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT)
ADVISORY = st.builds(
    Advisory,
    TEXT, st.sampled_from(Kind), st.sampled_from(Severity), TEXT, TEXT, WHEN, WHEN,
    cves=st.lists(TEXT, max_size=3).map(tuple),
    fixed=st.lists(FIXED, max_size=2).map(tuple),
    references=st.lists(st.builds(Reference, TEXT, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    not_affected=st.lists(st.builds(NotAffected, TEXT, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    reboot_suggested=st.booleans(),
    relogin_suggested=st.booleans(),
    severity_source=TEXT,
    amended=st.lists(WHEN, max_size=2).map(tuple),
    withdrawn=st.none() | WHEN,
    withdrawn_because=TEXT,
)  # fmt: skip


@given(st.lists(ADVISORY, max_size=3).map(tuple))
def test_nothing_is_lost(advisories: tuple[Advisory, ...]) -> None:
    text = to_json(advisories)
    assert from_json(text) == advisories
    assert to_json(from_json(text)) == text
    text.encode("utf-8")


def test_one_a_line() -> None:
    lines = to_json(ADVISORIES).splitlines()
    assert len(lines) == len(ADVISORIES) + 2
    assert all(one.id in line for one, line in zip(ADVISORIES, lines[1:], strict=False))


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: t | {"format": 2},
        lambda t: {"advisories": t["advisories"]},
        lambda t: t | {"advisories": [t["advisories"][0] | {"surprise": 1}]},
        lambda t: t | {"advisories": [t["advisories"][0] | {"kind": "mistake"}]},
        lambda t: t | {"advisories": [{"id": "x"}]},
        lambda t: t | {"advisories": [t["advisories"][0] | {"fixed": [{"name": "a"}]}]},
        lambda t: [],
    ],
)
def test_anything_else_is_refused(damage: object) -> None:
    assert callable(damage)
    table = json.loads(to_json(ADVISORIES[:1]))
    with pytest.raises(OutsideError, match="no advisories"):
        from_json(json.dumps(damage(table)))
    with pytest.raises(OutsideError):
        from_json(to_json(ADVISORIES)[:-3])
