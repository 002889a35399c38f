"""Which other source packages are in a binary package (Debian Policy 7.8)."""

from __future__ import annotations

from collections.abc import Iterator

from bluejacket.foundation.debian.control import Stanza, relation

FIELDS = ("built-using", "static-built-using")


def built_using(stanza: Stanza) -> Iterator[tuple[str, str, str]]:
    """Give field, name and version of each source package of which parts are in, besides its own source."""
    for field in FIELDS:
        for group in relation(stanza.get(field, "")):
            yield from ((field, atom.name, atom.version) for atom in group if atom.op == "=")
