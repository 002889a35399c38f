"""Scans: what is found, what is known not to be affected, and what is written of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from jsonschema import Draft4Validator, FormatChecker

from bluejacket.definition import Severity
from bluejacket.errors import UserError
from bluejacket.feed.advisory import Advisory, Kind, NotAffected
from bluejacket.image.papers import MANIFEST, SBOM
from bluejacket.inquiry.inventory import read_inventory
from bluejacket.inquiry.sarif import as_sarif
from bluejacket.inquiry.scan import Scan, fails, scan
from inquiries import CVE, DISTRIBUTION, OTHER_CVE, RELEASE, Asked, advisory, write_json

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text())


def scanned(asked: Asked, *advisories: Advisory, paper: str = MANIFEST, newest: int = 2) -> Scan:
    told = advisories or (advisory(asked.new),)
    with asked.world.lookup() as lookup:
        return scan(
            read_inventory(asked.image / paper, "small"),
            asked.snapshots[newest],
            told,
            lambda fix: lookup.remedy((DISTRIBUTION, RELEASE), fix),
        )


@pytest.mark.parametrize("paper", [MANIFEST, SBOM])
def test_a_package_older_than_the_fix_is_found(asked: Asked, paper: str) -> None:
    found = scanned(asked, paper=paper)
    (one,) = found.findings
    assert (one.advisory, one.cves, one.severity) == ("EXSA-2026:0001", (CVE,), Severity.HIGH)
    assert (one.package, one.fixed) == ("tool-1:1.0-1.noarch", "tool-1:1.0-2.noarch")
    assert (one.fixed_in, one.channels) == ("20261125.1", ("preview",))
    assert (found.packages, found.advisories, found.snapshot) == (2, 1, "20261125.2")


def test_what_has_the_fix_is_clean(asked: Asked) -> None:
    asked.world.image("small", [asked.new])
    asked = dataclasses.replace(asked, image=asked.world.state.image_link(DISTRIBUTION, RELEASE, "small"))
    assert not scanned(asked).findings


def test_a_fix_that_is_in_no_snapshot_is_said_to_be_in_none(asked: Asked) -> None:
    later = advisory(asked.world.package("tool", "1:2.0-1"))
    assert scanned(asked, later).findings[0].fixed_in == ""


def test_a_cve_that_does_not_reach_the_component_is_no_finding(asked: Asked) -> None:
    spared = NotAffected(CVE, "tool", "vulnerable_code_not_present", "built without it")
    two = advisory(asked.new, cves=(CVE, OTHER_CVE))
    judged = dataclasses.replace(advisory(asked.other, 2, cves=()), fixed=(), not_affected=(spared,))
    found = scanned(asked, two, judged)
    assert [one.cves for one in found.findings] == [(OTHER_CVE,)]
    assert [(one.cve, one.package, one.note) for one in found.not_affected] == [
        (CVE, "tool-1:1.0-1.noarch", "built without it")
    ]
    assert not scanned(asked, advisory(asked.new), judged).findings  # nothing is left of it
    of_another = dataclasses.replace(judged, not_affected=(dataclasses.replace(spared, source="other"),))
    assert scanned(asked, advisory(asked.new), of_another).findings


def test_what_is_withdrawn_is_no_finding(asked: Asked) -> None:
    gone = dataclasses.replace(advisory(asked.new), withdrawn=1, withdrawn_because="it was none")
    found = scanned(asked, gone)
    assert (found.findings, found.advisories) == ((), 0)


def test_an_advisory_without_a_cve_counts_and_a_bug_fix_does_not(asked: Asked) -> None:
    assert scanned(asked, advisory(asked.new, cves=())).findings[0].cves == ()
    bug = dataclasses.replace(advisory(asked.new, cves=()), kind=Kind.BUGFIX)
    found = scanned(asked, bug)
    assert (found.findings, found.advisories) == ((), 0)


def test_another_architecture_is_another_package(asked: Asked) -> None:
    (fixed,) = advisory(asked.new).fixed
    assert fixed.arch == "noarch"
    rows = json.loads((asked.image / MANIFEST).read_text())
    for row in rows:
        row["arch"] = "x86_64"
    write_json(asked.world.work / "x86.json", rows)
    asked = dataclasses.replace(asked, image=asked.world.work)
    assert scanned(asked, paper="x86.json").findings  # noarch replaces any
    other = dataclasses.replace(advisory(asked.new), fixed=(dataclasses.replace(fixed, arch="aarch64"),))
    assert not scanned(asked, other, paper="x86.json").findings


def test_the_worst_comes_first(asked: Asked) -> None:
    words = (Severity.LOW, Severity.UNKNOWN, Severity.CRITICAL, Severity.MEDIUM)
    found = scanned(asked, *(advisory(asked.new, n, severity=s) for n, s in enumerate(words, 1)))
    assert [one.severity for one in found.findings] == [words[2], words[3], words[1], words[0]]


@pytest.mark.parametrize(
    ("severity", "failing"),
    [
        (Severity.CRITICAL, {"low", "medium", "high", "critical", "any"}),
        (Severity.HIGH, {"low", "medium", "high", "any"}),
        (Severity.LOW, {"low", "any"}),
        (Severity.UNKNOWN, {"unknown", "any"}),
    ],
)
def test_the_status_goes_by_severity(asked: Asked, severity: Severity, failing: set[str]) -> None:
    findings = scanned(asked, advisory(asked.new, severity=severity)).findings
    levels = ("low", "medium", "high", "critical", "unknown", "any")
    assert {level for level in levels if fails(findings, [level])} == failing
    assert fails(findings, ["critical", "unknown"]) == (severity in (Severity.CRITICAL, Severity.UNKNOWN))
    assert not fails((), ["any"])


def test_sarif_is_valid_and_says_the_same(asked: Asked) -> None:
    spared = NotAffected(OTHER_CVE, "tool", "component_not_present")
    found = scanned(
        asked,
        advisory(asked.new, cves=(CVE, OTHER_CVE), spared=(spared,)),
        advisory(asked.new, 2, severity=Severity.UNKNOWN),
    )
    log = as_sarif(found, "https://example.org/")
    Draft4Validator.check_schema(SCHEMA)
    Draft4Validator(SCHEMA, format_checker=FormatChecker()).validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    results = run["results"]
    assert [rule["id"] for rule in rules] == ["EXSA-2026:0001", "EXSA-2026:0002"]
    assert [(r["ruleId"], r["level"]) for r in results] == [
        ("EXSA-2026:0001", "error"), ("EXSA-2026:0002", "warning"), ("EXSA-2026:0001", "none")
    ]  # fmt: skip
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in results)
    assert "fixed by tool-1:1.0-2.noarch, in snapshot 20261125.1" in results[0]["message"]["text"]
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == MANIFEST
    assert results[2]["suppressions"][0]["justification"] == "component not present."
    # a schema that let everything pass would prove nothing
    del results[0]["message"]
    assert not Draft4Validator(SCHEMA).is_valid(log)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '[{"name": "a"}]', '{"spdxVersion": "SPDX-3.0"}', '{"spdxVersion": "SPDX-2.3"}', '"a"'],
)
def test_what_is_no_list_of_packages_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "list.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"list\.json: is no list of packages"):
        read_inventory(file)
    with pytest.raises(UserError, match=r"none\.json: cannot be read"):
        read_inventory(tmp_path / "none.json")


def test_an_epoch_in_a_package_url_is_the_versions(tmp_path: Path) -> None:
    purls = (
        "pkg:rpm/example/a@1-1?epoch=2&arch=noarch",
        "pkg:deb/debian/b@1",
        "pkg:rpm/example/c@1%3A2-3?arch=x86_64",
    )
    packages = [{"externalRefs": [{"referenceType": "purl", "referenceLocator": purl}]} for purl in purls]
    write_json(tmp_path / "b.json", {"spdxVersion": "SPDX-2.3", "name": "b", "packages": packages})
    found = read_inventory(tmp_path / "b.json")
    assert [one.nevra for one in found.packages] == ["a-2:1-1.noarch", "c-1:2-3.x86_64"]
