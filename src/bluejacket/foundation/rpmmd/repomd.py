"""repomd.xml: what metadata a repository has, with sizes and hashes (createrepo_c's format)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from bluejacket.errors import Fault
from bluejacket.foundation.rpmmd.xml import (
    Malformed,
    child,
    children,
    local,
    number_of,
    parse_xml,
    scheme_of,
    text_of,
)

_HEX = {"sha256": 64, "sha512": 128}
_LARGEST_BYTES = 4 << 30  # of one decompressed index that gives no size of its own


class Data(NamedTuple):
    """One piece of metadata. `checksum` and `size` (bytes) are of the file as it is fetched,
    the `open_` ones of its content."""

    kind: str
    href: str
    algorithm: str
    checksum: str
    size: int | None
    open_algorithm: str
    open_checksum: str
    open_size: int | None
    timestamp: int

    @property
    def most_bytes(self) -> int:
        """Where decompression stops."""
        return self.open_size if self.open_size is not None else _LARGEST_BYTES


class Repomd(NamedTuple):
    """A repository's index of indexes."""

    revision: str
    data: Mapping[str, Data]

    @property
    def newest(self) -> int:
        """The newest timestamp of its data, in Unix seconds."""
        return max((data.timestamp for data in self.data.values()), default=0)


def parse_repomd(content: bytes, name: str) -> Repomd:
    """Read a repomd.xml; unknown kinds of data are kept, as nothing forces anyone to read them.

    Raises Malformed, also when there is no `primary` or a hash is of a kind that proves nothing.
    """
    root = parse_xml(content, name)
    if local(root.tag) != "repomd":
        raise Malformed(Fault(f"{name} is no repomd.xml but <{local(root.tag)}>"))
    data: dict[str, Data] = {}
    for element in children(root, "data"):
        kind = element.get("type", "")
        # Databases for yum and zchunk copies of the same data: nobody here reads them.
        if kind and not kind.endswith(("_db", "_zck")):
            data[kind] = _data(element, kind, name)
    if "primary" not in data:
        raise Malformed(Fault(f"{name} names no primary metadata"))
    return Repomd(text_of(root, "revision"), MappingProxyType(data))


def _data(element: Element, kind: str, name: str) -> Data:
    algorithm, checksum = _hash(element, "checksum", kind, name)
    if not checksum:
        raise Malformed(Fault(f"{name} gives no SHA-256 or SHA-512 of its {kind} metadata"))
    open_algorithm, open_checksum = _hash(element, "open-checksum", kind, name)
    return Data(
        kind=kind,
        href=_href(element, kind, name),
        algorithm=algorithm,
        checksum=checksum,
        size=number_of(element, "size"),
        open_algorithm=open_algorithm,
        open_checksum=open_checksum,
        open_size=number_of(element, "open-size"),
        timestamp=number_of(element, "timestamp") or 0,
    )


def _hash(element: Element, tag: str, kind: str, name: str) -> tuple[str, str]:
    found = child(element, tag)
    if found is None:
        return "", ""
    algorithm, value = (found.get("type") or "").lower(), (found.text or "").strip().lower()
    if algorithm not in _HEX:
        return "", ""
    if len(value) != _HEX[algorithm] or set(value) - set("0123456789abcdef"):
        raise Malformed(Fault(f"{name} holds a {algorithm} of {kind} that is none: {value[:140]!r}"))
    return algorithm, value


def _href(element: Element, kind: str, name: str) -> str:
    location = child(element, "location")
    href = "" if location is None else location.get("href", "")
    check_href(href, f"{name}: {kind}")
    return href


def check_href(href: str, name: str) -> None:
    """Refuse a location that leaves its repository. Raises Malformed."""
    if not href or scheme_of(href) or href.startswith("/") or ".." in unquote(href).split("/"):
        raise Malformed(Fault(f"{name} is at {href!r}, which is not inside the repository"))
