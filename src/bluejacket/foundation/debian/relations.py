"""Debian's dependencies in RPM's terms, with the same truth for every version in the archive.

What differs between the two, and what is done about it:

- RPM lets an unversioned Provides satisfy a versioned dependency, Debian does not (Policy 7.5).
  Where a name is both provided without version and asked for with one, the provider gives
  `deb-virtual(name)` instead, and unversioned dependencies accept both.
- The two orders differ in rare corners (`<< 2.53.0-.`). Every versioned relation is tried on every
  version that the archive has, and one whose truth changes is rewritten until it agrees.
- Debian lets a package conflict with a name that it provides itself, and never with itself.
  RPM's solver would not: such conflicts are dropped.
- Alternatives become rich dependencies, with a weak hint for the first, which Debian prefers.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bluejacket.foundation.debian.control import Atom, Group, Stanza, relation
from bluejacket.foundation.debian.version import debian_key, rpm_key, to_evr
from bluejacket.foundation.metadata import Relation

_FIELDS = ("pre-depends", "depends", "recommends", "conflicts", "breaks")
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


class Rewritten(NamedTuple):
    """A relation whose truth RPM's order would change, and what stands in its place."""

    name: str
    op: str
    version: str
    became: str


class Parsed(NamedTuple):
    """The relationship fields of one stanza."""

    provides: list[Group]
    fields: dict[str, list[Group]]


@dataclass(slots=True)
class Mapped:
    """The relations of one package in RPM's terms."""

    provides: list[Relation] = field(default_factory=list)
    requires: list[Relation] = field(default_factory=list)
    requires_pre: list[Relation] = field(default_factory=list)
    recommends: list[Relation] = field(default_factory=list)
    conflicts: list[Relation] = field(default_factory=list)
    suggests: list[Relation] = field(default_factory=list)


def parse(stanza: Stanza) -> Parsed:
    """Read the relationship fields of a stanza."""
    return Parsed(
        relation(stanza.get("provides", "")),
        {name: relation(stanza[name]) for name in _FIELDS if name in stanza},
    )


class Mapper:
    """Maps relations, knowing every name and version of an archive."""

    def __init__(self, packages: Iterable[tuple[Stanza, Parsed]]) -> None:
        self._versions: dict[str, set[str]] = defaultdict(set)
        unversioned: set[str] = set()
        bounded: set[str] = set()
        for stanza, parsed in packages:
            self._versions[stanza["package"]].add(stanza["version"])
            for atom, *_ in parsed.provides:
                if atom.op:
                    self._versions[atom.name].add(atom.version)
                else:
                    unversioned.add(atom.name)
            for groups in parsed.fields.values():
                for group in groups:
                    bounded.update(atom.name for atom in group if atom.op)
        self._virtual = unversioned & bounded
        self._mapped: dict[Atom, tuple[Relation, ...]] = {}
        self.rewritten: list[Rewritten] = []

    def map(self, stanza: Stanza, parsed: Parsed) -> Mapped:
        """Give the relations of one package, its own name and version among what it provides."""
        own = Relation(stanza["package"], "=", to_evr(stanza["version"]))
        mapped = Mapped(provides=[own])
        for atom, *_ in parsed.provides:
            mapped.provides.append(self._provided(atom))
        fields = parsed.fields
        for group in fields.get("pre-depends", ()):
            self._require(group, mapped.requires_pre, mapped.suggests)
        for group in fields.get("depends", ()):
            self._require(group, mapped.requires, mapped.suggests)
        for group in fields.get("recommends", ()):
            self._require(group, mapped.recommends, None)
        mine = {r.name for r in mapped.provides}
        for name in ("conflicts", "breaks"):
            for atom, *_ in fields.get(name, ()):
                mapped.conflicts += (r for r in self.relations(atom) if r.name not in mine)
        return Mapped(*(list(dict.fromkeys(getattr(mapped, f))) for f in Mapped.__slots__))

    def _provided(self, atom: Atom) -> Relation:
        if atom.op:
            return Relation(atom.name, "=", to_evr(atom.version))
        return Relation(f"deb-virtual({atom.name})" if atom.name in self._virtual else atom.name)

    def _require(self, group: Group, into: list[Relation], hints: list[Relation] | None) -> None:
        alternatives = [r for atom in group for r in self.relations(atom)]
        if len(alternatives) == 1:
            into.append(alternatives[0])
            return
        into.append(Relation("(" + " or ".join(map(str, dict.fromkeys(alternatives))) + ")"))
        if hints is not None and len(group) > 1:
            hints.append(alternatives[0])

    def relations(self, atom: Atom) -> tuple[Relation, ...]:
        """Give what stands for one atom: each of them fulfils it."""
        found = self._mapped.get(atom)
        if found is None:
            found = self._mapped[atom] = self._bounded(atom) if atom.op else self._unbounded(atom.name)
        return found

    def _unbounded(self, name: str) -> tuple[Relation, ...]:
        if name not in self._virtual:
            return (Relation(name),)
        virtual = Relation(f"deb-virtual({name})")
        return (Relation(name), virtual) if name in self._versions else (virtual,)

    def _bounded(self, atom: Atom) -> tuple[Relation, ...]:
        literal = Relation(atom.name, atom.op, to_evr(atom.version))
        versions = self._versions.get(atom.name)
        if not versions:
            return (literal,)
        bound, test = debian_key(atom.version), _TESTS[atom.op]
        wanted = {to_evr(v) for v in versions if test(debian_key(v), bound)}
        everything = {to_evr(v) for v in versions}
        if _fulfilled(literal, everything) == wanted:
            return (literal,)
        became = _equivalent(literal, wanted, everything)
        self.rewritten.append(Rewritten(*atom, became=" or ".join(map(str, became))))
        return became


def _fulfilled(bounded: Relation, versions: set[str]) -> set[str]:
    bound, test = rpm_key(bounded.evr), _TESTS[bounded.op]
    return {v for v in versions if test(rpm_key(v), bound)}


def _equivalent(literal: Relation, wanted: set[str], versions: set[str]) -> tuple[Relation, ...]:
    """Give relations of which at least one holds exactly for the `wanted` among `versions`.

    The direction of `literal` is kept where it can be, so that it stays right for versions to come.
    """
    name = literal.name
    if not wanted:
        return (Relation(name, "<", "0~~-0"),)
    upwards, downwards = (">=", ">"), ("<", "<=")
    for op in (*upwards, *downwards) if ">" in literal.op else (*downwards, *upwards):
        for version in sorted(versions, key=rpm_key):
            candidate = Relation(name, op, version)
            if _fulfilled(candidate, versions) == wanted:
                return (candidate,)
    return tuple(Relation(name, "=", v) for v in sorted(wanted, key=rpm_key))
