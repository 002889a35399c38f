from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.deploy.jsonc import read

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_what_the_client_sends_with_a_template_file() -> None:
    """azure-cli 2.91 puts the template's text behind an unquoted key, after what it wrote itself."""
    text = """{"properties": {"parameters": {"a": {"value": 1}}, "mode": "incremental", template:{
      // a comment
      "resources": [ /* none
         yet */ ],
      "variables": { "text": "two
lines", "url": "https://example.org//x", },
    }}}"""
    found = read(text)["properties"]
    assert found["template"] == {
        "resources": [],
        "variables": {"text": "two\nlines", "url": "https://example.org//x"},
    }
    assert found["parameters"] == {"a": {"value": 1}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\ufeff{}", {}),
        ("[1,2,]", [1, 2]),
        ("// only\n7", 7),
        ("{'a': 'it''s'}".replace("''", "\\'"), {"a": "it's"}),
        (r'["\u00e9\ud83d\ude00",]', ["é😀"]),
        ('{a: -1.5e3, "b": true,}', {"a": -1500.0, "b": True}),
    ],
)
def test_more_than_json(text: str, value: Any) -> None:
    assert read(text) == value


@given(VALUES)
def test_all_json_is_read_as_json(value: Any) -> None:
    text = json.dumps(value)
    assert read(text) == value
    assert read("/**/" + text + "//") == value  # the first makes json give up, so that ours reads it


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{\n  "a": 1\n  "b": 2\n}', "line 3, position 3"),
        ('{"a": [1, 2}', "line 1, position 12"),
        ("{", "line 1, position 2"),
        ('{"a": "x', "line 1, position 7"),
        ("{} x", "line 1, position 4"),
        ('{"a" 1}', "line 1, position 6"),
        ("/* never ends", "line 1, position 1"),
        (r'["\q",]', "line 1, position 3"),
        ("[NaN]", "line 1, position 2"),
        ("[" * 1000, "line 1, position 130"),
    ],
)
def test_says_where_it_cannot_be_read(text: str, place: str) -> None:
    with pytest.raises(CloudError) as refused:
        read(text)
    assert refused.value.code == "InvalidRequestContent"
    assert place in refused.value.message


@pytest.mark.parametrize("end", ["", "// then it is read by hand"])
def test_the_deepest_document(end: str) -> None:
    """What is deeper would be too deep for all that comes after."""
    assert read("[" * 129 + "]" * 129 + end)
    for depth in (130, 900):
        with pytest.raises(CloudError, match="more than 128 levels deep"):
            read("[" * depth + "]" * depth + end)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(CloudError, match="not UTF-8 at byte 1"):
        read(b'"\xff"')
