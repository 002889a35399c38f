"""OSV's JSON."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from bluejacket.feed.advisory.reading.said import Said, UnreadableError, Value, addresses, prose


def read_osv(data: bytes, name: str) -> Said:
    """Give what an OSV file says. Raises whatever a file of another shape leads to."""
    table = json.loads(data)
    affected = [_affected(one) for one in table["affected"]]
    specific = table["database_specific"]
    fields: dict[str, Value] = {
        "kind": "security",
        "severity": specific["severity"],
        "severity_source": prose(specific["severity_source"]),
        "title": prose(table["summary"]),
        "description": prose(table["details"]),
        "withdrawn": table.get("withdrawn", ""),
        "withdrawn_because": prose(specific.get("withdrawn_because", "")),
        "issued": table["published"],
        "updated": table["modified"],
        "cves": frozenset(table["upstream"]),
        "components": frozenset(component for component, _, _ in affected),
        "binaries": frozenset(name for _, binaries, _ in affected for name in binaries),
        "files": frozenset(name for _, _, files in affected for name in files),
        "references": addresses((one["url"] for one in table["references"]), table["id"]),
    }
    return Said(name, table["id"], fields)


def _affected(one: Any) -> tuple[str, list[str], list[str]]:
    """Give the component with its fixed version, its binary packages with theirs, and their files."""
    events = [event for each in one["ranges"] for event in each["events"]]
    if [list(event) for event in events] != [["introduced"], ["fixed"]] or events[0]["introduced"] != "0":
        raise UnreadableError("a range is not from 0 to the fixed version")
    package = one["package"]
    if unquote(package["purl"].partition("?")[0].rpartition("/")[2]) != package["name"]:
        raise UnreadableError(f"{package['purl']} is no address of {package['name']}")
    binaries = [
        f"{name} {evr}" for group in one["ecosystem_specific"]["binaries"] for name, evr in group.items()
    ]
    files = [f"{name} {digest}" for name, digest in one["database_specific"]["sha256"].items()]
    return f"{package['name']} {events[1]['fixed']}", binaries, files
