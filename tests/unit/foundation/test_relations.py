"""Debian's relationships in RPM's terms, each with the truth that Debian gives it."""

from __future__ import annotations

import pytest

from bluejacket.errors import OutsideError
from bluejacket.foundation.debian.control import Atom, relation, stanzas
from bluejacket.foundation.debian.relations import Mapped, Mapper, parse

WORLD = """\
Package: mta
Version: 1.0-1
Provides: mail-agent, versioned (= 2.0-1)
Conflicts: mail-agent, old (<< 3)

Package: reader
Version: 2.53.0-1
Pre-Depends: libc:any (>= 2.0)
Depends: mail-agent, mail-agent (>= 5), a | b (>= 1) | mail-agent
Recommends: nice
Breaks: old (<< 2.53.0-.)

Package: a
Version: 1

Package: b
Version: 1

Package: old
Version: 2.53.0-1

Package: libc
Version: 2.1-1
"""


@pytest.fixture
def mapped() -> dict[str, Mapped]:
    world = [(s, parse(s)) for s in stanzas(WORLD)]
    mapper = Mapper(world)
    return {s["package"]: mapper.map(s, p) for s, p in world}


def texts(relations) -> list[str]:
    return [str(r) for r in relations]


def test_an_unversioned_provide_fulfils_no_versioned_dependency(mapped) -> None:
    assert texts(mapped["mta"].provides) == ["mta = 1.0-1", "deb-virtual(mail-agent)", "versioned = 2.0-1"]
    assert texts(mapped["reader"].requires)[:2] == ["deb-virtual(mail-agent)", "mail-agent >= 5-0"]


def test_alternatives_are_rich_and_hint_at_the_first(mapped) -> None:
    assert texts(mapped["reader"].requires)[2] == "(a or b >= 1-0 or deb-virtual(mail-agent))"
    assert texts(mapped["reader"].suggests) == ["a"]


def test_pre_depends_recommends_and_qualifiers(mapped) -> None:
    assert texts(mapped["reader"].requires_pre) == ["libc >= 2.0-0"]
    assert texts(mapped["reader"].recommends) == ["nice"]


def test_a_conflict_with_its_own_provide_is_dropped(mapped) -> None:
    assert texts(mapped["mta"].conflicts) == ["old < 3-0"]


def test_a_relation_whose_truth_would_change_is_rewritten(mapped) -> None:
    """dpkg: 2.53.0-1 << 2.53.0-. ; RPM's order says the opposite of the literal translation."""
    assert texts(mapped["reader"].conflicts) == ["old <= 2.53.0-1"]


def test_obsolete_operators_mean_or_equal() -> None:
    assert relation("a (< 1), b (> 2)") == [(Atom("a", "<=", "1"),), (Atom("b", ">=", "2"),)]


@pytest.mark.parametrize("field", ["a (>= )", "a (1)", "a b", "(>= 1)", "a |"])
def test_what_is_no_relationship_is_refused(field: str) -> None:
    with pytest.raises(OutsideError, match="is not a package relationship"):
        relation(field)
