"""Advisories of every kind, and snapshots whose packages bear them out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from bluejacket.definition import Release
from bluejacket.feed.advisory import Advisory, Fixed, Kind, NotAffected, Reference, Severity
from bluejacket.feed.advisory.files import write_advisories
from bluejacket.feed.advisory.record import to_json
from bluejacket.feed.advisory.updateinfo import updateinfo_xml
from bluejacket.package.describe import createrepo
from bluejacket.package.keys import Signer
from bluejacket.package.made import Made
from debs import Member, Thing
from feeds import SIGNER, compose, make

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
ISSUED = 1_790_000_000  # seconds since 1970: 2026-09-21
CVE = "CVE-2026-12345"  # what the changelog of every made package names


def fixed(name: str = "openssl", version: str = "3.5.4", epoch: int = 0, arch: str = "x86_64") -> Fixed:
    """A fixed package of no file."""
    filename = f"{name}-{version}-1.{arch}.rpm"
    digest = sha256(filename.encode()).hexdigest()
    source = "openssl" if name.startswith(("openssl", "libssl")) else name
    return Fixed(name, epoch, version, "1", arch, source, f"{version}-1", filename, digest)


SECURITY = Advisory(
    "BJSA-2026:0001",
    Kind.SECURITY,
    Severity.HIGH,
    "openssl: two faults in TLS",
    "A peer could crash a server.\n\nAnd more: naïve “quotes” & <angles>.",
    ISSUED,
    ISSUED + 86_399,
    ("CVE-2026-1111", "CVE-2026-22222"),
    (fixed("libssl3t64", "3.5.4", 1), fixed("openssl"), fixed("openssl-doc", arch="noarch")),
    (
        Reference("cve", "CVE-2026-1111", "https://www.cve.org/CVERecord?id=CVE-2026-1111"),
        Reference("cve", "CVE-2026-22222", "https://www.cve.org/CVERecord?id=CVE-2026-22222"),
        Reference("vendor", "DSA-1-1", "https://vendor.example/dsa-1", 'The <vendor\'s> "word"'),
        Reference("other", "bad", "javascript:alert(1)", "no address for a browser"),
    ),
    (NotAffected("CVE-2026-22222", "gnutls28", "component_not_present", "only openssl has it"),),
    reboot_suggested=True,
    severity_source="Debian",
)
WITHOUT_CVE = dataclasses.replace(
    SECURITY, id="BJSA-2026:0002", severity=Severity.UNKNOWN, severity_source="", cves=(),
    title=HOSTILE, references=(), not_affected=(), reboot_suggested=False, updated=ISSUED,
    fixed=(fixed("curl", "8.16.0"),), description=f"{HOSTILE}\n",
)  # fmt: skip
SPARED = Advisory(
    "BJSA-2026:0003",
    Kind.SECURITY,
    Severity.UNKNOWN,
    "bash is not affected",
    "",
    ISSUED - 300 * 86_400,
    ISSUED,
    not_affected=(
        NotAffected("CVE-2026-333333", "bash", "vulnerable_code_not_present", "built without it"),
        NotAffected("CVE-2026-333333", "dash", "vulnerable_code_not_in_execute_path"),
    ),
)
BUGFIX = Advisory(
    "BJBA-2026:0004", Kind.BUGFIX, Severity.UNKNOWN, "tar forgets no file", "It did.", ISSUED, ISSUED,
    fixed=(fixed("tar", "1.35"),), relogin_suggested=True,
)  # fmt: skip
ENHANCEMENT = dataclasses.replace(BUGFIX, id="BJEA-2026:0005", kind=Kind.ENHANCEMENT, title="tar, faster")
ADVISORIES = (SECURITY, WITHOUT_CVE, SPARED, BUGFIX, ENHANCEMENT)


def fixed_of(made: Made) -> Fixed:
    """What a made package is in an advisory."""
    epoch, _, rest = made.package.evr.rpartition(":")
    version, _, release = rest.partition("-")
    digest = sha256(made.rpm.read_bytes()).hexdigest()
    arch = made.package.arch
    return Fixed(made.name, int(epoch or 0), version, release, arch, made.name, rest, made.rpm.name, digest)


@dataclasses.dataclass(frozen=True)
class Laid:
    """A snapshot's folder with its advisories, and the manifest of an image made from it."""

    folder: Path
    advisories: tuple[Advisory, ...]
    manifest: list[dict[str, Any]]


def lay(work: Path, release: Release, signer: Signer = SIGNER) -> Laid:
    """Make a feed of three packages, with advisories that all its formats agree on."""
    things = [
        Thing("first", "1.0-1", [Member("/usr/lib/first/a", b"a")]),
        Thing("second", "1:2.0-1", [Member("/usr/lib/second/a", b"a")]),
        Thing("third", "3-1", [Member("/usr/lib/third/a", b"a")]),
    ]
    made = [make(thing, work) for thing in things]
    first, second, third = map(fixed_of, made)
    cve_reference = Reference("cve", CVE, f"https://www.cve.org/CVERecord?id={CVE}")
    advisories = (
        dataclasses.replace(
            SECURITY, cves=(CVE,), fixed=(first, second), references=(cve_reference, SECURITY.references[3])
        ),
        dataclasses.replace(WITHOUT_CVE, fixed=(first,)),
        SPARED,
        dataclasses.replace(BUGFIX, fixed=(third,)),
    )
    folder = work / "snapshot"
    linked = compose(work, *made)
    for file in sorted(linked.rglob("*")):
        target = folder / file.relative_to(linked)
        if file.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.write_bytes(file.read_bytes())
    put(folder, advisories, release, signer)
    rows = [
        {"name": one.name, "evr": one.evr, "arch": one.arch, "sha256": one.sha256} for one in (first, second)
    ]
    return Laid(folder, advisories, rows)


def put(folder: Path, advisories: Sequence[Advisory], release: Release, signer: Signer = SIGNER) -> None:
    """Write the advisories of a snapshot in every format."""
    (folder / "advisories.json").write_text(to_json(advisories))
    write_advisories(folder, advisories, release, signer)
    put_updateinfo(folder, advisories, release)


def put_updateinfo(folder: Path, advisories: Sequence[Advisory], release: Release) -> None:
    """Write updateinfo.xml, and name it in repomd.xml."""
    text = updateinfo_xml(advisories, release, ISSUED + 86_400)
    (folder / "repodata" / "updateinfo.xml").write_text(text, "utf-8")
    _name_in_repomd(folder)


def _name_in_repomd(folder: Path) -> None:
    """Let repomd.xml name updateinfo.xml, if it does not already."""
    c = createrepo()
    file = folder / "repodata" / "repomd.xml"
    repomd = c.Repomd(str(file))
    if any(record.type == "updateinfo" for record in repomd.records):
        return
    record = c.RepomdRecord("updateinfo", str(folder / "repodata" / "updateinfo.xml"))
    record.fill(c.SHA256)
    record.location_href = "repodata/updateinfo.xml"
    repomd.set_record(record)
    file.write_text(repomd.xml_dump())


def images_of(laid: Laid) -> dict[str, list[dict[str, Any]]]:
    """One image, made from the snapshot."""
    return {"vm": laid.manifest}
