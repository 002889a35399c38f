"""Reading Debian's control format (deb822(5)) and its relationship fields (Debian Policy 7.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from bluejacket.errors import OutsideError

Stanza = dict[str, str]
_FIELD = re.compile(r"^([^\s:#][^\s:]*):[ \t]*(.*(?:\n[ \t].*)*)", re.M)
_ATOM = re.compile(
    r"(?P<name>[a-zA-Z0-9][a-zA-Z0-9+._-]*)(?::[a-z0-9-]+)?"
    r"(?:\s*\(\s*(?P<op><<|<=|=|>=|>>|<|>)\s*(?P<version>[0-9A-Za-z][^)\s]*)\s*\))?"
    r"(?:\s*\[[^\]]*\])?(?:\s*<[^>]*>)*"
)
# "<" and ">" are the obsolete spellings of "<=" and ">=" (Debian Policy 7.1).
_OPERATORS = {"<<": "<", "<=": "<=", "=": "=", ">=": ">=", ">>": ">", "<": "<=", ">": ">="}


class Atom(NamedTuple):
    """One alternative of a relationship; `op` is RPM's spelling or empty, `version` Debian's."""

    name: str
    op: str = ""
    version: str = ""


def stanzas(text: str) -> Iterator[Stanza]:
    """Give the stanzas of a control file, field names in lower case."""
    for block in re.split(r"\n[ \t]*\n", text):
        if fields := _FIELD.findall(block):
            yield {name.lower(): value for name, value in fields}


Group = tuple[Atom, ...]


def relation(field: str) -> list[Group]:
    """Read a relationship field: a list of groups, each of one or more alternatives.

    Raises OutsideError for what Debian Policy 7.1 does not allow.
    """
    return [_group(group) for text in field.split(",") if (group := text.strip())]


@lru_cache(maxsize=1 << 18)  # an archive says most of its relations many times
def _group(text: str) -> Group:
    return tuple(_atom(alternative) for alternative in text.split("|"))


def _atom(text: str) -> Atom:
    found = _ATOM.fullmatch(text.strip())
    if found is None:
        raise OutsideError(f"{text.strip()!r} is not a package relationship")
    operator = found["op"]
    return Atom(found["name"], _OPERATORS[operator] if operator else "", found["version"] or "")
