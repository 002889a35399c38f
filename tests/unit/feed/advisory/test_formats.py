"""OSV and CSAF as their schemas and specifications want them, also of hostile and of odd advisories."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisories import ADVISORIES, BUGFIX, HOSTILE, SECURITY, SPARED, WITHOUT_CVE
from advisoryschemas import CSAF, OSV, PROVIDER
from bluejacket.definition import Release
from bluejacket.feed.advisory import Advisory, Kind, NotAffected, Reference, Severity
from bluejacket.feed.advisory.csaf import vex
from bluejacket.feed.advisory.files import advisory_files, write_advisories
from bluejacket.feed.advisory.osv import osv
from bluejacket.feed.advisory.updateinfo import updateinfo_xml
from bluejacket.foundation.openpgp import Keyring, verify_detached
from bluejacket.package.purl import package_url
from csafrules import RULES, broken_rules, file_name
from feeds import SIGNER


def written(advisories: tuple[Advisory, ...], release: Release, below: str) -> dict[str, Any]:
    """The JSON documents below a folder as they were written."""
    files = advisory_files(advisories, release)
    return {
        name: json.loads(data)
        for name, data in files.items()
        if name.startswith(below) and name.endswith(".json") and "provider" not in name
    }


def test_osv_is_valid(release: Release) -> None:
    found = written(ADVISORIES, release, "osv/")
    assert sorted(found) == ["osv/bjsa-2026_0001.json", "osv/bjsa-2026_0002.json"]
    for table in found.values():
        OSV.validate(table)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("id",), "XXSA-2026:0001"),
        (("affected", 0, "package", "ecosystem"), "Elsewhere:4"),
        (("modified",), "2026-09-21T14:13:20+00:00"),
        (("affected", 0, "ranges", 0, "type"), "RPM"),
        (("references", 0, "url"), "no address"),
        (("strange",), 1),
    ],
    ids=str,
)
def test_the_schema_is_not_relaxed_further(path: tuple[Any, ...], value: object, release: Release) -> None:
    table: Any = osv(SECURITY, release)
    inner = table
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert not OSV.is_valid(table)


def test_osv_by_source_package(release: Release) -> None:
    table: Any = osv(dataclasses.replace(SECURITY, fixed=SECURITY.fixed[:2]), release)
    assert table["upstream"] == ["CVE-2026-1111", "CVE-2026-22222"]
    assert table["database_specific"] == {"severity": "high", "severity_source": "Debian"}
    (affected,) = table["affected"]
    assert affected["package"] == {
        "ecosystem": "Bluejacket:4",
        "name": "openssl",
        "purl": "pkg:rpm/bluejacket/openssl?arch=src&distro=bluejacket-4",
    }
    assert affected["ranges"] == [
        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.5.4-1"}]}
    ]
    assert affected["ecosystem_specific"] == {"binaries": [{"libssl3t64": "1:3.5.4-1", "openssl": "3.5.4-1"}]}
    assert table["references"][0]["url"].endswith("/advisories/bjsa-2026_0001.html")
    assert not any(one["url"].startswith("javascript:") for one in table["references"])


def test_osv_in_one_archive(release: Release) -> None:
    files = advisory_files(ADVISORIES, release)
    with zipfile.ZipFile(BytesIO(files["osv/all.zip"])) as archive:
        packed = {f"osv/{name}": archive.read(name) for name in archive.namelist()}
    assert packed == {
        name: files[name] for name in files if name.startswith("osv/") and name.endswith(".json")
    }


def test_csaf_is_valid(release: Release) -> None:
    found = written(ADVISORIES, release, "csaf/")
    assert sorted(found) == [
        "csaf/2025/bjsa-2026_0003.json",
        "csaf/2026/bjsa-2026_0001.json",
        "csaf/2026/bjsa-2026_0002.json",
    ]
    for name, table in found.items():
        CSAF.validate(table)
        assert broken_rules(table) == []
        assert name.rpartition("/")[2] == file_name(table)
        assert name.split("/")[1] == table["document"]["tracking"]["initial_release_date"][:4]
        assert json.dumps(table) == json.dumps(table, sort_keys=True)  # CSAF 2.0 §5.3


Break = Callable[[Any], object]


def first(table: Any) -> Any:
    return table["vulnerabilities"][0]


def spared(table: Any) -> Any:
    return next(one for one in table["vulnerabilities"] if "flags" in one)


def helper(table: Any) -> Any:
    """How the first package is identified."""
    branches = table["product_tree"]["branches"][0]["branches"]
    architecture = next(one for one in branches if one["category"] == "architecture")
    return architecture["branches"][0]["product"]["product_identification_helper"]


def revise(table: Any, *numbers: str, version: str = "", status: str = "final") -> None:
    tracking = table["document"]["tracking"]
    tracking["revision_history"] = [
        {"date": f"2026-01-{day:02}T00:00:00Z", "number": number, "summary": "so"}
        for day, number in enumerate(numbers, 1)
    ]
    tracking["version"], tracking["status"] = version or numbers[-1], status


BREAKS: dict[str, Break] = {
    "6_1_1": lambda t: first(t)["product_status"]["fixed"].append("nowhere"),
    "6_1_2": lambda t: t["product_tree"]["relationships"].append(t["product_tree"]["relationships"][0]),
    "6_1_3": lambda t: t["product_tree"]["relationships"][0].update(
        product_reference=t["product_tree"]["relationships"][0]["full_product_name"]["product_id"]
    ),
    "6_1_4": lambda t: first(t)["remediations"][0].update(group_ids=["nowhere"]),
    "6_1_6": lambda t: first(t)["product_status"].update(
        under_investigation=first(t)["product_status"]["fixed"]
    ),
    "6_1_12": lambda t: t["document"].update(lang="ez"),
    "6_1_13": lambda t: helper(t).update(purl="pkg:rpm/@1"),
    "6_1_14": lambda t: revise(t, "2.0.0", "1.0.0", version="2.0.0"),
    "6_1_16": lambda t: t["document"]["tracking"].update(version="1.0.1"),
    "6_1_17": lambda t: revise(t, "0.9.0"),
    "6_1_18": lambda t: revise(t, "0.9.0", "1.0.0"),
    "6_1_19": lambda t: revise(t, "1.0.0-rc.1", "1.0.0"),
    "6_1_20": lambda t: revise(t, "1.0.0", version="1.0.0-rc.1"),
    "6_1_21": lambda t: revise(t, "1.0.0", "3.0.0"),
    "6_1_22": lambda t: revise(t, "1.0.0", "1.0.0"),
    "6_1_23": lambda t: t["vulnerabilities"].append(first(t)),
    "6_1_25": lambda t: helper(t)["hashes"][0]["file_hashes"].append(
        helper(t)["hashes"][0]["file_hashes"][0]
    ),
    "6_1_26": lambda t: t["document"].update(category="CSAF VEX"),
    "6_1_27_4": lambda t: t.pop("product_tree"),
    "6_1_27_5": lambda t: first(t).pop("notes"),
    "6_1_27_7": lambda t: first(t).pop("product_status"),
    "6_1_27_8": lambda t: first(t).pop("cve"),
    "6_1_27_9": lambda t: spared(t).pop("flags"),
    "6_1_27_10": lambda t: first(t).update(
        product_status={"known_affected": first(t)["product_status"]["fixed"]}, remediations=[]
    ),
    "6_1_27_11": lambda t: t.pop("vulnerabilities"),
    "6_1_28": lambda t: t["document"].update(source_lang="en"),
    "6_1_29": lambda t: first(t)["remediations"][0].pop("product_ids"),
    "6_1_30": lambda t: revise(t, "1", "1.1.0"),
    "6_1_31": lambda t: t["product_tree"]["branches"][0]["branches"][0]["branches"][0].update(name="< 4"),
    "6_1_32": lambda t: spared(t)["flags"][0].pop("product_ids"),
    "6_1_33": lambda t: spared(t)["flags"].append(spared(t)["flags"][0]),
}


@pytest.mark.parametrize("rule", [rule.__name__.removeprefix("rule_") for rule in RULES])
def test_the_rules_notice_what_breaks_them(rule: str, release: Release) -> None:
    """Otherwise `broken_rules` proves nothing."""
    table = copy.deepcopy(vex(SECURITY, release))
    assert broken_rules(table) == []
    BREAKS[rule](table)
    assert rule in broken_rules(table)


def test_what_a_vex_document_says(release: Release) -> None:
    table: Any = vex(SECURITY, release)
    one, other = table["vulnerabilities"]
    fixed = [
        "bluejacket-4:libssl3t64-1:3.5.4-1.x86_64",
        "bluejacket-4:openssl-3.5.4-1.x86_64",
        "bluejacket-4:openssl-doc-3.5.4-1.noarch",
    ]
    assert one["product_status"] == {"fixed": fixed}
    assert other["product_status"] == {"fixed": fixed, "known_not_affected": ["bluejacket-4:gnutls28.src"]}
    assert other["flags"] == [
        {"label": "component_not_present", "product_ids": ["bluejacket-4:gnutls28.src"]}
    ]
    assert one["remediations"][0]["restart_required"]["category"] == "system"
    assert table["document"]["aggregate_severity"] == {"text": "high"}
    assert table["document"]["tracking"]["version"] == "1.20260922.51199"
    assert table["document"]["publisher"] == {
        "category": "vendor",
        "contact_details": "https://bluejacket.example/support",
        "issuing_authority": "Bluejacket answers for the packages of Bluejacket Linux.",
        "name": "Bluejacket",
        "namespace": "https://bluejacket.example/",
    }
    system = table["product_tree"]["branches"][0]["branches"][0]["branches"][0]["product"]
    assert system["product_identification_helper"] == {"cpe": "cpe:/o:bluejacket:bluejacket:4"}
    assert helper(table)["hashes"] == [
        {
            "file_hashes": [{"algorithm": "sha256", "value": SECURITY.fixed[2].sha256}],
            "filename": "openssl-doc-3.5.4-1.noarch.rpm",
        }
    ]


def test_an_unknown_severity_is_not_invented(release: Release) -> None:
    table: Any = vex(WITHOUT_CVE, release)
    assert "aggregate_severity" not in table["document"]
    assert table["vulnerabilities"][0]["ids"] == [
        {"system_name": "Bluejacket Linux advisory", "text": "BJSA-2026:0002"}
    ]
    assert "unknown" not in json.dumps(table)


def test_what_turned_out_to_be_unaffected_fixes_nothing(release: Release) -> None:
    """All CVEs of an update were taken back: its packages fix nothing, whatever was built."""
    spared = dataclasses.replace(
        SECURITY,
        cves=(),
        not_affected=(NotAffected("CVE-2026-1111", "openssl", "vulnerable_code_not_present"),),
    )
    files = advisory_files([spared], release)
    assert "osv/bjsa-2026_0001.json" not in files
    table = json.loads(files["csaf/2026/bjsa-2026_0001.json"])
    CSAF.validate(table)
    assert broken_rules(table) == []
    assert [one["product_status"] for one in table["vulnerabilities"]] == [
        {"known_not_affected": ["bluejacket-4:openssl.src"]}
    ]
    assert b"dnf upgrade" not in files["bjsa-2026_0001.html"]


def test_what_is_withdrawn_says_so_everywhere(release: Release) -> None:
    """Scanners and people are told; machines hear nothing more of it."""
    when = SECURITY.updated + 86_400
    reason = "openssl left the feed"
    gone = dataclasses.replace(
        SECURITY, amended=(SECURITY.updated, when), updated=when, withdrawn=when, withdrawn_because=reason
    )
    files = advisory_files([gone], release)
    table = json.loads(files["osv/bjsa-2026_0001.json"])
    OSV.validate(table)
    assert (table["withdrawn"], table["modified"]) == ("2026-09-23T14:13:19Z",) * 2
    assert table["database_specific"]["withdrawn_because"] == reason
    document = json.loads(files["csaf/2026/bjsa-2026_0001.json"])
    CSAF.validate(document)
    assert broken_rules(document) == []
    assert [one["summary"] for one in document["document"]["tracking"]["revision_history"]] == [
        "First issued.",
        "Amended.",
        f"Withdrawn: {reason}",
    ]
    assert not any("remediations" in one for one in document["vulnerabilities"])
    page = files["bjsa-2026_0001.html"].decode()
    assert reason in page
    assert "dnf upgrade" not in page
    assert ">withdrawn</time>" in files["index.html"].decode()
    assert gone.id not in updateinfo_xml([gone], release, when)


@pytest.mark.parametrize(
    ("name", "epoch", "version", "url"),
    [
        (
            "libstdc++6",
            0,
            "14.2~rc1",
            "pkg:rpm/bluejacket/libstdc%2B%2B6@14.2~rc1-1?arch=x86_64&distro=bluejacket-4",
        ),
        ("vim", 2, "9.1", "pkg:rpm/bluejacket/vim@9.1-1?arch=x86_64&distro=bluejacket-4&epoch=2"),
    ],
)
def test_package_urls(name: str, epoch: int, version: str, url: str, release: Release) -> None:
    fixed = dataclasses.replace(SECURITY.fixed[0], name=name, epoch=epoch, version=version)
    assert package_url(release, name, fixed.evr, fixed.arch) == url


def test_a_provider(release: Release) -> None:
    """CSAF 2.0 §7.1.7 and §7.1.11 to §7.1.14, as far as files go."""
    files = advisory_files(ADVISORIES, release)
    table = json.loads(files["csaf/provider-metadata.json"])
    PROVIDER.validate(table)
    assert table["role"] == "csaf_provider"
    assert (
        table["canonical_url"]
        == f"{release.feed.address_of(release.version)}/advisories/csaf/provider-metadata.json"
    )
    assert files["csaf/index.txt"].decode() == (
        "2026/bjsa-2026_0002.json\n2026/bjsa-2026_0001.json\n2025/bjsa-2026_0003.json\n"
    )
    assert files["csaf/changes.csv"].decode() == (
        '"2026/bjsa-2026_0001.json","2026-09-22T14:13:19Z"\n'
        '"2026/bjsa-2026_0002.json","2026-09-21T14:13:20Z"\n'
        '"2025/bjsa-2026_0003.json","2026-09-21T14:13:20Z"\n'
    )
    assert b'href="2025/index.html"' in files["csaf/index.html"]
    assert b'href="bjsa-2026_0003.json.sha512"' in files["csaf/2025/index.html"]


def test_hashes_and_signatures(release: Release) -> None:
    """§7.1.18 to §7.1.20: what makes a trusted provider."""
    files = advisory_files(ADVISORIES, release, SIGNER)
    table = json.loads(files["csaf/provider-metadata.json"])
    PROVIDER.validate(table)
    assert table["role"] == "csaf_trusted_provider"
    assert table["public_openpgp_keys"][0]["fingerprint"] == SIGNER.fingerprint
    assert files["csaf/openpgp/advisories.asc"].decode() == SIGNER.certificate()
    name = "csaf/2026/bjsa-2026_0001.json"
    for kind in ("sha256", "sha512"):
        digest, file = files[f"{name}.{kind}"].decode().split()
        assert (digest, file) == (hashlib.new(kind, files[name]).hexdigest(), "bjsa-2026_0001.json")
    keyring = Keyring.parse(SIGNER.certificate().encode(), "the key")
    verify_detached(files[name], files[f"{name}.asc"], keyring, name)


def test_no_advisories(release: Release) -> None:
    files = advisory_files([], release)
    PROVIDER.validate(json.loads(files["csaf/provider-metadata.json"]))
    assert files["csaf/index.txt"] == b""
    assert b"0 advisories" in files["index.html"]


def test_the_same_bytes_whatever_the_order(tmp_path: Path, release: Release) -> None:
    for name, order in (("a", ADVISORIES), ("b", ADVISORIES[::-1])):
        write_advisories(tmp_path / name, order, release, SIGNER)
    one, other = (
        {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()}
        for name in "ab"
    )
    assert one == other
    assert len(one) == 29
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "a").rglob("*") if p.is_file()} == {0o644}


texts = st.text(max_size=40) | st.sampled_from([HOSTILE, "", " ", "a\0b", "\ud800", "]]>", "&amp;", "\r\n"])


def test_any_text_is_valid(release: Release) -> None:
    @settings(max_examples=40)
    @given(title=texts, text=texts, kind=st.sampled_from(Kind), severity=st.sampled_from(Severity))
    def check(title: str, text: str, kind: Kind, severity: Severity) -> None:
        advisory = dataclasses.replace(
            SECURITY,
            kind=kind,
            title=title,
            description=text,
            severity=severity,
            references=(
                Reference("other", title, "https://a.example/?b=c&d", text),
                Reference("x", text, text),
            ),
            not_affected=tuple(dataclasses.replace(one, note=text) for one in SECURITY.not_affected),
        )
        for name, data in advisory_files([advisory], release).items():
            if name.startswith("osv/") and name.endswith(".json"):
                OSV.validate(json.loads(data))
            if name.startswith("csaf/2026") and name.endswith(".json"):
                CSAF.validate(json.loads(data))
                assert broken_rules(json.loads(data)) == []

    check()


def test_what_is_told_where(release: Release) -> None:
    files = advisory_files([BUGFIX, SPARED], release)
    assert sorted(name for name in files if "/" not in name) == [
        "bjba-2026_0004.html",
        "bjsa-2026_0003.html",
        "index.html",
    ]
    assert [name for name in files if name.startswith("osv/")] == ["osv/all.zip"]
    assert not any("bjba" in name for name in files if name.startswith("csaf/"))
