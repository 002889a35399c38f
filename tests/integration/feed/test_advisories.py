"""DNF5 itself reads our advisories, and chooses security updates by them; and those of the real archive."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from bluejacket.definition import Release
from bluejacket.feed.advisory import Severity
from bluejacket.feed.advisory.facts import facts_of_all
from bluejacket.feed.advisory.issue import issue
from bluejacket.feed.advisory.updateinfo import updateinfo_xml
from bluejacket.feed.verify import dnf, prepare_dnf
from bluejacket.package.made import Made
from bluejacket.tools import Sandbox
from debs import BUILT, Member, Thing
from feeds import SIGNER, compose, make
from updates import with_updateinfo

A, B = "CVE-2026-1111", "CVE-2026-22222"
WITH_UPDATEINFO = "--setopt=optional_metadata_types=updateinfo"


def thing(name: str, *entries: tuple[str, str]) -> Thing:
    """Give a package in its newest version, with a changelog of these versions and texts, newest first."""
    told = "".join(
        f"{name} ({version}) stable; urgency=high\n\n  * {text}\n\n"
        f" -- A Person <a@example.org>  Mon, 21 Sep 2026 14:13:{20 - at} +0000\n\n"
        for at, (version, text) in enumerate(entries)
    )
    version = entries[0][0]
    return Thing(name, version, [Member(f"/usr/lib/{name}", version.encode())], changelog=told)


FIRST = ("1.0-1", "First release")
STATES = {
    "fixed": (("1.0-1+deb13u1", f"Fix {A} and {B}"), FIRST),
    "improved": (("1:1.1-1", f"Drop {A}.patch, applied upstream"), FIRST),
    "ours": (("1.1-1", "Point the right way"), FIRST),
    "epochal": (("2:0.5-1", f"New upstream version\n    - {A}: read overrun"), ("1:9.0-1", "Older")),
}


def states(work: Path) -> tuple[list[Made], list[Made]]:
    """Give the packages before and after their updates."""
    old = [make(thing(name, *entries[1:]), work / "old") for name, entries in STATES.items()]
    new = [make(thing(name, *entries), work / "new") for name, entries in STATES.items()]
    return old, new


OURS = """\
[advisory]
id = "BJEA-2026:0001"
kind = "enhancement"
component = "ours"
fixed_in = "1.1-1"
title = "ours points the right way"
"""
JUDGED = f"""\
[advisory]
component = "epochal"
cves = ["{A}"]
severity = "high"
severity_source = "its maintainers"
reboot_suggested = true
"""


@pytest.fixture
def told(tmp_path: Path, distro: Path) -> Release:
    """Release 4 with advisories of a maintainer."""
    from bluejacket.definition import load

    copy = tmp_path / "distro"
    shutil.copytree(distro, copy)
    (copy / "advisories").mkdir(exist_ok=True)
    (copy / "advisories" / "ours.toml").write_text(OURS)
    (copy / "advisories" / "epochal.toml").write_text(JUDGED)
    return load(copy).release("4")


def test_dnf_lists_advisories_and_takes_security_updates_alone(
    sandbox: Sandbox, tmp_path: Path, told: Release
) -> None:
    old, new = states(tmp_path)
    advisories = issue(told, (), facts_of_all(old), facts_of_all(new), BUILT)
    by_id = {one.id: one for one in advisories}
    assert by_id.keys() == {"BJSA-2026:0001", "BJSA-2026:0002", "BJEA-2026:0001"}
    assert by_id["BJSA-2026:0001"].severity is Severity.HIGH

    before = compose(tmp_path / "before", *old)
    text = updateinfo_xml(advisories, told, BUILT)
    after = with_updateinfo(compose(tmp_path / "after", *new), tmp_path / "feed", text)
    work = tmp_path / "work"
    work.mkdir()
    options = prepare_dnf(work, before, SIGNER.certificate())
    sandbox.run(dnf("install", *STATES), name="install", **options)
    options["ro_binds"] = {after: next(iter(options["ro_binds"].values()))}

    listed = ask(sandbox, options, "advisory", "list", "--refresh")
    assert "BJSA-2026:0001 security" in listed
    assert "Important" in listed
    assert "epochal-2:0.5-1.noarch" in listed
    assert "fixed-1.0-1+deb13u1.noarch" in listed
    assert "ours-1.1-1.noarch" in listed
    assert "improved" not in listed
    info = ask(sandbox, options, "advisory", "info", "BJSA-2026:0002")
    assert A in info
    assert B in info
    assert "Fix CVE-2026-1111 and CVE-2026-22222" in info
    cves = ask(sandbox, options, "advisory", "list", "--with-cve", "--security")
    assert {line.split()[0] for line in cves.splitlines() if "CVE-" in line} == {A, B}
    found = ask(sandbox, options, "advisory", "list", f"--cves={B}")
    assert "BJSA-2026:0002" in found
    assert "BJSA-2026:0001" not in found

    refused = ask(sandbox, options, "upgrade", "--security", "--assumeno", status=1)
    assert "epochal" in refused
    assert "fixed" in refused
    assert "ours" not in refused
    assert "improved" not in refused
    important = ask(sandbox, options, "upgrade", "--advisory-severities=important", "--assumeno", status=1)
    assert "epochal" in important
    assert "fixed" not in important
    sandbox.run(dnf(WITH_UPDATEINFO, "upgrade", "--security"), name="upgrade", **options)
    assert installed(sandbox, options) == {
        "fixed-1.0-1+deb13u1", "epochal-2:0.5-1", "improved-1.0-1", "ours-1.0-1",
    }  # fmt: skip
    assert "BJEA" in ask(sandbox, options, "advisory", "list")
    assert "BJSA" not in ask(sandbox, options, "advisory", "list")


def ask(sandbox: Sandbox, options: dict[str, Any], *command: str, status: int = 0) -> str:
    """Give what DNF5 says on both streams, where it ends with `status`."""
    script = f'"$@" 2>&1; test $? = {status}'
    line = ["bash", "-c", script, "dnf5", *dnf(WITH_UPDATEINFO, *command)]
    return sandbox.output(line, name="dnf5", **options)


def installed(sandbox: Sandbox, options: dict[str, Any]) -> set[str]:
    form = "%{NAME}-%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n"
    line = ["rpm", "--root", "/run/work/root", "-qa", "--qf", form]
    return {
        text for text in sandbox.output(line, name="rpm", **options).splitlines() if "gpg-pubkey" not in text
    }
