"""A scan as SARIF 2.1.0 (OASIS), which code hosts and pipelines show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from bluejacket import __version__
from bluejacket.definition import Severity
from bluejacket.inquiry.scan import Finding, Scan, Spared

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# SARIF has three levels (3.27.10); what nobody has rated is a warning
_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.LOW: "note"}


def as_sarif(scan: Scan, home: str) -> dict[str, Any]:
    """Give a log with one run: a rule an advisory, a result a package that lacks its fix.

    What is known not to be affected is a suppressed result (3.35), so that nobody asks again. `home` is
    the distribution's page.
    """
    rules: dict[str, dict[str, Any]] = {}
    for finding in scan.findings:
        rules.setdefault(finding.advisory, _rule(finding))
    for spared in scan.not_affected:
        rules.setdefault(spared.advisory, {"id": spared.advisory})
    numbers = {name: number for number, name in enumerate(rules)}
    results = [_result(one, scan, numbers[one.advisory]) for one in scan.findings]
    results += [_suppressed(one, scan, numbers[one.advisory]) for one in scan.not_affected]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "bluejacket scan",
                        "version": __version__,
                        "informationUri": home,
                        "rules": list(rules.values()),
                    }
                },
                "automationDetails": {"id": f"bluejacket/scan/{scan.release}/{scan.image}"},
                "columnKind": "unicodeCodePoints",
                "properties": {
                    "distribution": scan.distribution,
                    "release": scan.release,
                    "snapshot": scan.snapshot,
                    "packages": scan.packages,
                    "advisories": scan.advisories,
                },
                "results": results,
            }
        ],
    }


def _rule(one: Finding) -> dict[str, Any]:
    return {
        "id": one.advisory,
        "shortDescription": {"text": one.title},
        "fullDescription": {"text": one.description or one.title},
        "defaultConfiguration": {"level": _level(one)},
        "properties": {"tags": ["security", *one.cves], "severity": one.severity.value},
    }


def _level(one: Finding) -> str:
    return _LEVELS.get(one.severity, "warning")


def _result(one: Finding, scan: Scan, rule: int) -> dict[str, Any]:
    return {
        "ruleId": one.advisory,
        "ruleIndex": rule,
        "level": _level(one),
        "message": {"text": _message(one)},
        "locations": [_location(scan, one.package)],
        "partialFingerprints": {"advisoryAndPackage/v1": f"{one.advisory} {one.package}"},
        "properties": {
            "severity": one.severity.value,
            "cves": list(one.cves),
            "component": one.component,
            "fixed": one.fixed,
            "fixedInSnapshot": one.fixed_in,
            "channels": list(one.channels),
        },
    }


def _message(one: Finding) -> str:
    where = f", in snapshot {one.fixed_in}" if one.fixed_in else ", in no snapshot yet"
    about = f" ({_words(one.cves)})" if one.cves else ""
    return f"{one.package} lacks {one.advisory}{about}: fixed by {one.fixed}{where}."


def _suppressed(one: Spared, scan: Scan, rule: int) -> dict[str, Any]:
    why = one.justification.replace("_", " ")
    return {
        "ruleId": one.advisory,
        "ruleIndex": rule,
        "kind": "notApplicable",
        "level": "none",  # 3.27.10: only a result of the kind "fail" has another
        "message": {"text": f"{one.cve} does not reach {one.component}, of which {one.package} is: {why}."},
        "locations": [_location(scan, one.package)],
        "suppressions": [{"kind": "external", "justification": f"{why}. {one.note}".strip()}],
    }


def _location(scan: Scan, package: str) -> dict[str, Any]:
    return {
        "physicalLocation": {"artifactLocation": {"uri": quote(scan.uri)}},
        "logicalLocations": [{"name": package, "kind": "package"}],
    }


def _words(names: Iterable[str]) -> str:
    return ", ".join(names)
