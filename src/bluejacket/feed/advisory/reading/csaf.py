"""CSAF's VEX documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from bluejacket.feed.advisory.reading.said import Said, UnreadableError, Value, addresses, prose

_SOURCE = ".src"
_SOURCES = re.compile(r"^The severity is as (.*) has it\.$")
_WITHDRAWN = "Withdrawn: "


def read_csaf(data: bytes, name: str) -> Said:
    """Give what a VEX document says. Raises whatever a document of another shape leads to."""
    table = json.loads(data)
    document, tree = table["document"], table["product_tree"]
    tracking = document["tracking"]
    parts = {
        one["full_product_name"]["product_id"]: one["product_reference"] for one in tree["relationships"]
    }
    products = {product["product_id"]: product for product in _products(tree["branches"])}
    vulnerabilities = table["vulnerabilities"]
    fixed = [_status(one, "fixed", parts) for one in vulnerabilities]
    if len({frozenset(each) for each in fixed if each}) > 1:
        raise UnreadableError("its vulnerabilities are not fixed by the same packages")
    names = {name for each in fixed for name in each}
    general = {
        note["title"]: prose(note["text"]) for note in document["notes"] if note["category"] == "general"
    }
    revisions = tracking["revision_history"]
    restarts = {
        fix["restart_required"]["category"] for one in vulnerabilities for fix in one.get("remediations", ())
    }
    fields: dict[str, Value] = {
        "severity": document.get("aggregate_severity", {"text": "unknown"})["text"],
        "severity_source": " ".join(_SOURCES.findall(general.get("Source of the severity", ""))),
        "title": "" if document["title"] == tracking["id"] else prose(document["title"]),
        "description": " ".join(prose(n["text"]) for n in document["notes"] if n["title"] == "Description"),
        "withdrawn": " ".join(one["date"] for one in revisions if one["summary"].startswith(_WITHDRAWN)),
        "withdrawn_because": general.get("Reasoning for Withdrawal", ""),
        "amended": " ".join(one["date"] for one in revisions[1:]),
        "issued": tracking["initial_release_date"],
        "updated": tracking["current_release_date"],
        "cves": frozenset(
            one["cve"] for one in vulnerabilities if "cve" in one and _status(one, "fixed", parts)
        ),
        "fixed": frozenset(names),
        "files": frozenset(line for name in names for line in _hashes(products[name])),
        "not_affected": frozenset(line for one in vulnerabilities for line in _spared(one, parts)),
        "references": addresses((one["url"] for one in document["references"]), tracking["id"]),
    }
    if restarts:
        said = {restart == "system" for restart in restarts}
        fields["reboot"] = "in part" if len(said) > 1 else "yes" if True in said else "no"
    return Said(name, tracking["id"], fields)


def _products(branches: Any) -> Iterator[Any]:
    for branch in branches:
        if "product" in branch:
            yield branch["product"]
        yield from _products(branch.get("branches", ()))


def _status(vulnerability: Any, status: str, parts: Mapping[str, str]) -> list[str]:
    """Give the packages with a status, by what they are called without the release."""
    return [parts[product] for product in vulnerability["product_status"].get(status, ())]


def _hashes(product: Any) -> Iterator[str]:
    helper = product["product_identification_helper"]
    if _nevra(helper["purl"]) != product["product_id"]:
        raise UnreadableError(f"{helper['purl']} is no address of {product['product_id']}")
    for file in helper["hashes"]:
        for digest in file["file_hashes"]:
            if digest["algorithm"] == "sha256":
                yield f"{file['filename']} {digest['value']}"


def _nevra(purl: str) -> str:
    """Give what a package URL names, as DNF prints it."""
    path, _, query = purl.partition("?")
    name, _, version = path.rpartition("/")[2].partition("@")
    said = dict(pair.split("=", 1) for pair in query.split("&"))
    epoch = f"{said['epoch']}:" if "epoch" in said else ""
    return f"{unquote(name)}-{epoch}{unquote(version)}.{said['arch']}"


def _spared(vulnerability: Any, parts: Mapping[str, str]) -> Iterator[str]:
    labels = {
        parts[product]: flag["label"]
        for flag in vulnerability.get("flags", ())
        for product in flag["product_ids"]
    }
    for name in _status(vulnerability, "known_not_affected", parts):
        yield f"{vulnerability['cve']} {name.removesuffix(_SOURCE)} {labels.get(name, 'without a reason')}"
