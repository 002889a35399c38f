"""Reading small XML from outside."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from bluejacket.errors import Fault, OutsideError


class Malformed(OutsideError):
    """Metadata that is not what its format demands."""


class _NoDoctype:
    """Builds the tree; refuses a DOCTYPE, whose entities could grow without bound."""

    def __init__(self) -> None:
        self._builder = TreeBuilder()
        self.start, self.end, self.data = self._builder.start, self._builder.end, self._builder.data
        self.close = self._builder.close

    def doctype(self, name: str, pubid: str, system: str) -> None:
        raise ParseError(f"a document type ({name}) is not allowed here")


def parse_xml(data: bytes, name: str) -> Element:
    """Give the root element. Raises Malformed; `name` stands for the file in the message."""
    # rpm-md is UTF-8, whatever a declaration says: others are looked up by name, and may not exist.
    parser = XMLParser(target=_NoDoctype(), encoding="utf-8")  # noqa: S314
    try:
        parser.feed(data)
        root = parser.close()
    except ParseError as error:
        raise Malformed(Fault(f"{name} is no XML: {error}")) from None
    assert isinstance(root, Element)
    return root


def scheme_of(url: str) -> str:
    """Give the scheme of an address, or nothing if it is none."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def local(tag: str) -> str:
    """Give an element's name without its namespace."""
    return tag.rpartition("}")[2]


def children(element: Element, name: str) -> Iterator[Element]:
    """Give the children called `name` in any namespace."""
    return (child for child in element if local(child.tag) == name)


def child(element: Element, name: str) -> Element | None:
    """Give the first child called `name` in any namespace."""
    return next(children(element, name), None)


def text_of(element: Element, name: str, default: str = "") -> str:
    """Give the stripped text of the child called `name`."""
    found = child(element, name)
    return (found.text or "").strip() if found is not None else default


def number_of(element: Element, name: str) -> int | None:
    """Give the child's text as a number that is not negative, or None if it has none."""
    text = text_of(element, name)
    whole = text.partition(".")[0]  # createrepo (the old one) wrote timestamps with fractions
    return int(whole) if whole.isdecimal() and len(whole) < 20 else None
