"""The pages for people, by the elements that bear `data-field`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser

from bluejacket.feed.advisory.names import stem_of
from bluejacket.feed.advisory.reading.said import Said, UnreadableError, Value, addresses, prose

_VOID = {"br", "hr", "img", "input", "link", "meta"}


@dataclass(slots=True)
class _Element:
    name: str
    attributes: dict[str, str]
    row: str  # the `data-id` of the table's row it stands in
    depth: int
    cells: list[str] = field(default_factory=lambda: [""])

    @property
    def text(self) -> str:
        return prose("".join(self.cells))


class _Fields(HTMLParser):
    """Collects the elements with `data-field`, and the rows with `data-id`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Element] = []
        self.rows: dict[str, dict[str, str]] = {}
        self.links: list[str] = []
        self._open: list[_Element] = []
        self._depth = 0
        self._row = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in _VOID:
            return
        self._depth += 1
        if "href" in attributes:
            self.links.append(attributes["href"])
        if "data-id" in attributes:
            self._row = attributes["data-id"]
            self.rows[self._row] = attributes
        if tag in ("td", "th"):
            for element in self._open:
                element.cells.append("")
        if name := attributes.get("data-field"):
            self._open.append(_Element(name, attributes, self._row, self._depth))

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if self._open and self._open[-1].depth == self._depth:
            self.found.append(self._open.pop())
        self._depth -= 1

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.cells[-1] += data


def read_page(data: bytes, name: str) -> Said:
    """Give what an advisory's page says. Raises UnreadableError."""
    fields = _parsed(data).found
    values: dict[str, Value] = {
        "kind": _one(fields, "kind").attributes.get("data-value", ""),
        "severity": _one(fields, "severity").text,
        "severity_source": "".join(one.text for one in fields if one.name == "severity_source"),
        "title": _one(fields, "title").text,
        "description": _one(fields, "description").text,
        "withdrawn": _time(fields, "withdrawn"),
        "withdrawn_because": "".join(one.text for one in fields if one.name == "withdrawn_because"),
        "issued": _one(fields, "issued").attributes.get("datetime", ""),
        "updated": _one(fields, "updated").attributes.get("datetime", ""),
        "reboot": "yes" if any(one.name == "reboot" for one in fields) else "no",
        "relogin": "yes" if any(one.name == "relogin" for one in fields) else "no",
        "cves": frozenset(one.text for one in fields if one.name == "cve"),
        "sources": frozenset(_one(fields, "sources").text.split()),
        **_packages(fields),
        "not_affected": frozenset(" ".join(row[:3]) for row in _rows(fields, "not_affected")),
        "references": frozenset(one.attributes.get("href", "") for one in fields if one.name == "reference"),
    }
    identifier = _one(fields, "id").text
    values["references"] = addresses(values["references"], identifier)
    return Said(name, identifier, values)


def read_index(data: bytes, name: str) -> list[Said]:
    """Give what the list of all advisories says. Raises UnreadableError."""
    page = _parsed(data)
    found = []
    for identifier, attributes in page.rows.items():
        fields = [one for one in page.found if one.row == identifier]
        if f"{stem_of(identifier)}.html" not in page.links:
            raise UnreadableError(f"{identifier} has no link to its page")
        values: dict[str, Value] = {
            "kind": attributes.get("data-kind", ""),
            "severity": _one(fields, "severity").text,
            "title": _one(fields, "title").text,
            "withdrawn": _time(fields, "withdrawn"),
            "issued": _one(fields, "issued").attributes.get("datetime", ""),
            "sources": frozenset(_one(fields, "sources").text.split()),
        }
        if attributes.get("data-severity") != values["severity"]:
            values["severity"] = f"{values['severity']}, and found as {attributes.get('data-severity')}"
        found.append(Said(name, identifier, values))
    return found


def _parsed(data: bytes) -> _Fields:
    parser = _Fields()
    parser.feed(data.decode("utf-8"))
    parser.close()
    return parser


def _one(fields: Iterable[_Element], name: str) -> _Element:
    found = [one for one in fields if one.name == name]
    if len(found) != 1:
        raise UnreadableError(f"it has {len(found)} elements with data-field={name}")
    return found[0]


def _time(fields: Iterable[_Element], name: str) -> str:
    return " ".join(one.attributes.get("datetime", "") for one in fields if one.name == name)


def _rows(fields: Iterable[_Element], name: str) -> list[list[str]]:
    return [[prose(cell) for cell in one.cells[1:]] for one in fields if one.name == name]


def _packages(fields: Iterable[_Element]) -> dict[str, Value]:
    rows = _rows(fields, "fixed")
    return {
        "fixed": frozenset(row[0] for row in rows),
        "components": frozenset(row[1] for row in rows),
        "digests": frozenset(f"{row[0]} {row[2]}" for row in rows),
    }
