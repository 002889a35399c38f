from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId

_RESERVED = {"providers", "subscriptions", "resourcegroups"}
words = st.from_regex(r"[A-Za-z0-9._()-]{1,12}", fullmatch=True).filter(lambda w: w.lower() not in _RESERVED)
pairs = st.lists(st.tuples(words, words), min_size=1, max_size=3)


@st.composite
def ids(draw: st.DrawFn) -> ResourceId:
    group = draw(st.one_of(st.just(""), words))
    chosen = draw(pairs)
    types, names = tuple(t for t, _ in chosen), tuple(n for _, n in chosen)
    return ResourceId(draw(words), group, draw(words), types, names)


@given(ids())
def test_what_is_written_is_read_again(found: ResourceId) -> None:
    again = ResourceId.parse(found.text)
    assert again == found
    assert again.text == found.text
    assert (again.provider, again.types, again.names) == (found.provider, found.types, found.names)


@given(ids(), ids())
def test_an_extension_keeps_its_scope(holder: ResourceId, found: ResourceId) -> None:
    text = f"{holder.text}/providers/{found.provider}/{found.types[0]}/{found.names[0]}"
    again = ResourceId.parse(text)
    assert again.scope == holder.text
    assert again.text == text
    assert ResourceId.parse(again.scope) == holder


@given(ids(), st.data())
def test_case_and_slashes_mean_nothing(found: ResourceId, data: st.DataObject) -> None:
    spelled = "".join(data.draw(st.sampled_from((c.lower(), c.upper()))) for c in found.text)
    loose = spelled.replace("/", data.draw(st.sampled_from(("/", "//")))) + data.draw(
        st.sampled_from(("", "/"))
    )
    assert ResourceId.parse(loose) == found
    assert hash(ResourceId.parse(loose)) == hash(found)


@given(ids())
def test_a_part_lies_below_its_parent(found: ResourceId) -> None:
    part = found.child("parts", "one")
    assert part.parent == found
    assert part.key.startswith(found.key + "/")
    assert part.type == found.type + "/parts"


@given(st.text(alphabet="/abcPROVIDERSproviders", max_size=60))
def test_anything_else_is_refused_in_azures_words(text: str) -> None:
    refusal = None
    try:
        ResourceId.parse(text)
    except CloudError as error:
        refusal = (error.status, error.code)
    if refusal is None:
        assert text.strip("/").lower().startswith("subscriptions/")
    else:
        assert refusal == (400, "InvalidResourceId")


@pytest.mark.parametrize(
    ("text", "type_name", "collection"),
    [
        ("/subscriptions/s", "Microsoft.Resources/subscriptions", False),
        ("/subscriptions/s/resourceGroups", "Microsoft.Resources/resourceGroups", True),
        ("/subscriptions/s/resourcegroups/g/", "Microsoft.Resources/resourceGroups", False),
        ("/subscriptions/s/providers/N/t", "N/t", True),
        ("/subscriptions/s/resourceGroups/g/providers/N/t/n/u", "N/t/u", True),
        ("/subscriptions/s/resourceGroups/g/providers/N/t/n/u/m", "N/t/u", False),
    ],
)
def test_types_and_collections(text: str, type_name: str, collection: bool) -> None:
    found = ResourceId.parse(text)
    assert (found.type, found.is_collection) == (type_name, collection)
