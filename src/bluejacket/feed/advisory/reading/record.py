"""advisories.json: what all the other files are held against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bluejacket.feed.advisory.names import stamp
from bluejacket.feed.advisory.reading.said import Said, Value, addresses, prose

RECORD = "advisories.json"


def read_record(folder: Path) -> list[Said]:
    """Give what a snapshot's advisories.json says, with every field; what is empty it leaves out."""
    rows = json.loads((folder / RECORD).read_text("utf-8"))["advisories"]
    return [Said(RECORD, row["id"], _fields(row)) for row in rows]


def _fields(row: Mapping[str, Any]) -> dict[str, Value]:
    fixed = row.get("fixed", [])
    spared = row.get("not_affected", [])
    references = row.get("references", [])
    return {
        "kind": row["kind"],
        "severity": row["severity"],
        "severity_source": prose(row.get("severity_source", "")),
        "title": prose(row.get("title", "")),
        "description": prose(row.get("description", "")),
        "issued": stamp(row["issued"]),
        "updated": stamp(row["updated"]),
        "reboot": _flag(row.get("reboot_suggested")),
        "relogin": _flag(row.get("relogin_suggested")),
        "cves": frozenset(row.get("cves", [])),
        "fixed": frozenset(map(_nevra, fixed)),
        "binaries": frozenset(f"{one['name']} {_evr(one)}" for one in fixed),
        "files": frozenset(f"{one['filename']} {one['sha256']}" for one in fixed),
        "digests": frozenset(f"{_nevra(one)} {one['sha256']}" for one in fixed),
        "components": frozenset(f"{one['source']} {one['source_evr']}" for one in fixed),
        "sources": frozenset([*(one["source"] for one in fixed), *(one["source"] for one in spared)]),
        "not_affected": frozenset(f"{o['cve']} {o['source']} {o['justification']}" for o in spared),
        "references": addresses((one["url"] for one in references), row["id"]),
        "withdrawn": "" if row.get("withdrawn") is None else stamp(row["withdrawn"]),
        "withdrawn_because": prose(row.get("withdrawn_because", "")),
        "amended": " ".join(map(stamp, _amended(row))),
        # NEVRA, name, version, file, SHA-256, component and its version: what no other file says in one place
        "packages": frozenset(" ".join(map(str, _package(one))) for one in fixed),
        # whether the foundation's own advisory is named, which then vouches for the CVEs
        "vouched": _flag(any(one["kind"] == "vendor" for one in references)),
    }


def _amended(row: Mapping[str, Any]) -> list[int]:
    """Give the times of amendments; records of before these were kept have the last one alone."""
    return row.get("amended") or ([row["updated"]] if row["updated"] > row["issued"] else [])


def _package(one: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("filename", "sha256", "source", "source_evr")
    return (_nevra(one), one["name"], _evr(one), *(one[name] for name in names))


def _flag(value: object) -> str:
    return "yes" if value else "no"


def _evr(one: Mapping[str, Any]) -> str:
    epoch = f"{one['epoch']}:" if int(one["epoch"]) else ""
    return f"{epoch}{one['version']}-{one['release']}"


def _nevra(one: Mapping[str, Any]) -> str:
    return f"{one['name']}-{_evr(one)}.{one['arch']}"
