from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.cloud.deploy.expressions import (
    Call,
    ExpressionError,
    Index,
    Literal,
    Node,
    Property,
    calls,
    escaped,
    is_expression,
    parse,
    unescaped,
    written,
)

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
LITERALS = st.builds(Literal, st.text() | st.integers())


def _wider(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    call = st.builds(Call, NAMES, st.lists(inner, max_size=3).map(tuple), st.just("") | NAMES)
    return call | st.builds(Property, inner, NAMES) | st.builds(Index, inner, inner)


@given(st.recursive(LITERALS, _wider, max_leaves=12))
def test_a_written_tree_is_read_as_the_same_tree(node: Node) -> None:
    assert parse(written(node)) == node


def test_reads_properties_indexes_and_arguments() -> None:
    node = parse("concat( variables('a').b[copyIndex()][0].c , 'it''s', -3 )")
    base = Property(Call("variables", (Literal("a"),)), "b")
    inner = Property(Index(Index(base, Call("copyIndex", ())), Literal(0)), "c")
    assert node == Call("concat", (inner, Literal("it's"), Literal(-3)))
    assert parse("own.name('x')") == Call("name", (Literal("x"),), "own")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("concat('a'", "expected token 'RightParenthesis' and actual 'EndOfData'"),
        ("concat('a' 'b')", "expected token 'RightParenthesis' and actual 'LiteralString'"),
        ("concat", "expected token 'LeftParenthesis' and actual 'EndOfData'"),
        ("a() b()", "expected token 'EndOfData' and actual 'Identifier'"),
        ("a().'b'", "expected token 'Identifier' and actual 'LiteralString'"),
        ("'open", "the string character ''' at position '0' is not expected"),
        ("", "expected token 'Identifier' and actual 'EndOfData'"),
        ("a(" * 300, "more than 200 levels deep"),
        ("'" + "x" * 30000 + "'", "length limit exceeded"),
    ],
)
def test_says_what_it_expected(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    assert said in str(refused.value)


def test_what_is_an_expression() -> None:
    assert is_expression("[x()]")
    assert not is_expression("[[x()]")
    assert not is_expression("[x()] y")
    assert not is_expression("x")
    assert unescaped("[[x]") == "[x]"
    assert unescaped("[[x") == "[[x"


@given(st.text(alphabet="[]ab"))
def test_escaped_text_means_itself(text: str) -> None:
    assert not is_expression(escaped(text))
    assert unescaped(escaped(text)) == text


def test_finds_calls_everywhere() -> None:
    value = {"[a()]": ["[b(c('x').d[e()])]", "[[f()]", 1], "g()": {"h": "[own.i()]"}}
    assert sorted(call.name for call in calls(value)) == ["a", "b", "c", "e", "i"]
