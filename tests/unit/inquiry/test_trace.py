"""Tracing, in both directions, and what is said where something is missing."""

from __future__ import annotations

import dataclasses

import pytest

from bluejacket.errors import UserError
from bluejacket.feed.advisory import NotAffected
from bluejacket.inquiry.answer import Answer, Standing
from bluejacket.inquiry.trace import trace
from inquiries import CVE, OTHER_CVE, Asked, advisory, sha256, shipped

FIRST, SECOND, THIRD = (f"harbour/1/{name}" for name in ("20261101.1", "20261125.1", "20261125.2"))


def ask(asked: Asked, subject: str, **options: object) -> Answer:
    with asked.world.lookup() as lookup:
        return trace(lookup, subject, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("subject", [CVE, CVE.lower(), "EXSA-2026:0001"])
def test_a_fix_is_found_in_packages_snapshots_channels_and_images(asked: Asked, subject: str) -> None:
    answer = ask(asked, subject)
    assert [one.id for one in answer.advisories] == ["EXSA-2026:0001"]
    assert answer.advisories[0].first == "20261125.1"
    assert [(p.nevra, p.standing, p.snapshots, p.channels, p.images) for p in answer.packages] == [
        ("tool-1:1.0-1.noarch", Standing.VULNERABLE, (FIRST,), ("harbour/1/stable",), ("harbour/1/small",)),
        ("tool-1:1.0-2.noarch", Standing.FIXED, (SECOND, THIRD), ("harbour/1/preview",), ()),
    ]
    assert answer.packages[0].upstream == shipped(asked.old).upstream
    assert [(s.where, s.standing) for s in answer.snapshots] == [
        (FIRST, Standing.VULNERABLE), (SECOND, Standing.FIXED), (THIRD, Standing.FIXED)
    ]  # fmt: skip
    (image,) = answer.images
    assert (image.standing, image.concerned) == (Standing.VULNERABLE, ("tool-1:1.0-1.noarch",))
    assert image.lacks == ("EXSA-2026:0001",)


def test_a_cve_that_does_not_reach_a_component_is_told_as_such(asked: Asked) -> None:
    answer = ask(asked, OTHER_CVE)
    (spared,) = answer.advisories[0].not_affected
    assert (spared.source, spared.justification) == ("other", "vulnerable_code_not_present")
    assert not answer.packages


def test_what_is_withdrawn_is_found_and_needs_no_fix(asked: Asked) -> None:
    gone = dataclasses.replace(advisory(asked.new), withdrawn=1, withdrawn_because="it was none")
    asked.world.snapshot("20261126.1", [asked.new], [gone])
    answer = ask(asked, CVE)
    assert [(one.id, one.withdrawn) for one in answer.advisories] == [("EXSA-2026:0001", 1)]
    assert not answer.packages
    assert ask(asked, "small").images[0].lacks == ()


def test_what_a_cve_does_not_reach_needs_no_fix(asked: Asked) -> None:
    spared = NotAffected(CVE, "tool", "vulnerable_code_not_present")
    judged = dataclasses.replace(advisory(asked.other, 2, cves=()), fixed=(), not_affected=(spared,))
    asked.world.snapshot("20261126.1", [asked.new], [advisory(asked.new), judged])
    answer = ask(asked, CVE)
    assert [one.id for one in answer.advisories] == ["EXSA-2026:0001", "EXSA-2026:0002"]
    assert not answer.packages
    assert ask(asked, "small").images[0].lacks == ()
    assert all(one.standing is Standing.UNKNOWN for one in ask(asked, "tool").packages)
    two = advisory(asked.new, cves=(CVE, OTHER_CVE))
    asked.world.snapshot("20261126.2", [asked.new], [two, judged])
    assert not ask(asked, CVE).packages
    assert [one.standing for one in ask(asked, OTHER_CVE).packages] == [Standing.VULNERABLE, Standing.FIXED]
    assert ask(asked, "small").images[0].lacks == ("EXSA-2026:0001",)


def test_a_package_is_found_by_every_name(asked: Asked) -> None:
    old = shipped(asked.old)
    assert old.upstream is not None
    for subject in (old.nevra, old.filename, old.sha256, old.upstream.sha256):
        (package,) = ask(asked, subject).packages
        assert (package.sha256, package.standing) == (old.sha256, Standing.VULNERABLE)
    by_name = ask(asked, "tool")
    assert [one.nevra for one in by_name.packages] == ["tool-1:1.0-1.noarch", "tool-1:1.0-2.noarch"]
    assert [one.id for one in by_name.advisories] == ["EXSA-2026:0001"]
    assert [one.where for one in by_name.images] == ["harbour/1/small"]


def test_a_snapshot_leads_to_its_feeds_images_and_back(asked: Asked) -> None:
    answer = ask(asked, "20261101.1")
    (snapshot,) = answer.snapshots
    assert (snapshot.packages, snapshot.channels, snapshot.images) == (2, ("stable",), ("harbour/1/small",))
    assert not answer.packages
    listed = ask(asked, "1/20261101.1", packages=True)
    assert [one.nevra for one in listed.packages] == ["other-3-1.noarch", "tool-1:1.0-1.noarch"]
    assert ask(asked, asked.snapshots[0].repomd_sha256).snapshots == answer.snapshots
    assert [one.id for one in ask(asked, "20261125.1").advisories] == ["EXSA-2026:0001"]
    assert not ask(asked, "20261125.2").advisories


def test_an_image_leads_to_snapshots_and_to_what_it_lacks(asked: Asked) -> None:
    for subject in ("small", "1/small", sha256(asked.image / "disk.raw")):
        answer = ask(asked, subject)
        assert [one.where for one in answer.snapshots] == [FIRST]
        assert answer.images[0].lacks == ("EXSA-2026:0001",)
        assert [one.id for one in answer.advisories] == ["EXSA-2026:0001"]
    packages = ask(asked, "small", packages=True).packages
    assert {one.nevra: one.standing for one in packages} == {
        "tool-1:1.0-1.noarch": Standing.VULNERABLE, "other-3-1.noarch": Standing.UNKNOWN
    }  # fmt: skip


def test_a_package_renamed_with_its_version_is_judged_by_its_component(asked: Asked) -> None:
    world = asked.world
    kernel = world.package("kernel", "7.3-1")
    fix = advisory(kernel, 2, ("CVE-2026-7777",))
    world.snapshot("20261126.1", [world.package("kernel-7.2", "7.2-1")])
    record = world.work / "laid/20261126.1/snapshots/20261126.1/snapshot.json"
    record.write_text(record.read_text().replace('"source": "kernel-7.2"', '"source": "kernel"'))
    world.snapshot("20261126.2", [kernel], [fix])
    answer = ask(asked, "CVE-2026-7777")
    assert [(one.nevra, one.standing) for one in answer.packages] == [
        ("kernel-7.3-1.noarch", Standing.FIXED), ("kernel-7.2-7.2-1.noarch", Standing.VULNERABLE)
    ]  # fmt: skip


def test_what_is_nowhere_is_the_persons_mistake(asked: Asked) -> None:
    with pytest.raises(UserError, match=r"knows toool \(the nearest known one is .*tool"):
        ask(asked, "toool")
    for subject in ("CVE-2020-1234", "EXSA-2020:0001", "ab" * 32, "20200101.1", "3/20261101.1", ""):
        with pytest.raises(UserError, match="no snapshot and no image knows"):
            ask(asked, subject)


def test_a_release_leaves_out_the_others(asked: Asked) -> None:
    assert ask(asked, CVE, release="2") == Answer("cve", CVE)
    assert ask(asked, CVE, release="1") == ask(asked, CVE)
