"""The checks along the way of an answer: each is fine on what is whole, and finds what was harmed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bluejacket.feed.shards import pool_location
from bluejacket.image.papers import MANIFEST, PROVENANCE, SBOM
from bluejacket.inquiry.answer import Check, Outcome
from bluejacket.inquiry.checks import Inspector, failed
from bluejacket.inquiry.trace import trace
from bluejacket.package.sign import sign_detached
from debs import BUILT
from feeds import STRANGER
from inquiries import CVE, Asked, sha256, sign_sums

OK, FAILED, NOT_POSSIBLE = Outcome.OK, Outcome.FAILED, Outcome.NOT_POSSIBLE


def checks(asked: Asked, subject: str, *, quick: bool = False, packages: bool = False) -> dict[str, Check]:
    with asked.world.lookup() as lookup:
        answer = trace(lookup, subject, packages=packages)
    return {check.what: check for check in Inspector(asked.world.state, {}, quick).checks(answer)}


def the(found: dict[str, Check], *words: str) -> Check:
    (one,) = [check for what, check in found.items() if all(word in what for word in words)]
    return one


def test_all_is_fine_where_nothing_was_harmed(asked: Asked) -> None:
    found = checks(asked, CVE)
    assert not failed(found.values())
    assert the(found, "20261101.1", "signature of repomd.xml").outcome is OK
    assert the(found, "20261101.1", "record's hash").outcome is OK
    assert the(found, "20261125.1", "1 packages in the signed metadata").outcome is OK
    assert the(found, "2 packages, their hashes and signatures").outcome is OK
    assert the(found, "upstream files, their hashes").because.startswith("the store no longer has 2")
    pinned = the(found, "upstream files, pinned by the lock")
    assert (pinned.outcome, pinned.because) == (
        NOT_POSSIBLE,
        "the definitions of that release are not at hand",
    )
    assert all(check.outcome is OK for what, check in found.items() if what.startswith("image"))


def test_quick_says_what_it_did_not_read(asked: Asked) -> None:
    found = checks(asked, "small", quick=True, packages=True)
    assert the(found, "their hashes and signatures").because == "--quick reads no package again"
    assert "3 papers read again" in the(found, "its files against").because
    assert "4 files read again" in the(checks(asked, "small"), "its files against").because


def test_without_the_key_no_signature_can_be_judged(asked: Asked) -> None:
    (asked.world.state.keys / "harbour.key").unlink()
    found = checks(asked, CVE)
    for words in (
        ("20261101.1", "signature of repomd.xml"),
        ("hashes and signatures",),
        ("signature of SHA256SUMS",),
    ):
        assert the(found, *words).outcome is NOT_POSSIBLE
    assert not list(asked.world.state.keys.iterdir())  # and none was made


def _repomd(asked: Asked) -> Path:
    return asked.snapshots[0].folder / "repodata/repomd.xml"


def _package(asked: Asked) -> Path:
    top = asked.snapshots[0].folder.parents[1]
    return top / pool_location(asked.old.rpm.name, sha256(asked.old.rpm))


def _changed(file: Path) -> None:
    data = file.read_bytes()
    file.unlink()  # never through a hard link
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def _stranger_signs(asked: Asked) -> None:
    file = _repomd(asked)
    Path(f"{file}.asc").write_text(sign_detached(file.read_bytes(), STRANGER, BUILT))


def _other_metadata(asked: Asked) -> None:
    (primary,) = _repomd(asked).parent.glob("*primary*")
    primary.write_bytes(b"")


def _other_record(asked: Asked) -> None:
    record = asked.snapshots[0].folder / "snapshot.json"
    text = record.read_text().replace(sha256(asked.old.rpm), "ab" * 32)
    record.write_text(text)


def _other_subject(asked: Asked) -> None:
    _edit(asked.image / PROVENANCE, lambda table: table["subject"][0]["digest"].update(sha256="00" * 32))


def _other_bill(asked: Asked) -> None:
    _edit(asked.image / SBOM, lambda table: table["packages"].pop())


def _other_feed(asked: Asked) -> None:
    def change(table: dict) -> None:  # type: ignore[type-arg]
        table["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"]["sha256"] = "00" * 32

    _edit(asked.image / PROVENANCE, change)


def _edit(file: Path, change: Callable[[dict], object]) -> None:  # type: ignore[type-arg]
    table = json.loads(file.read_text())
    change(table)
    file.write_text(json.dumps(table))


def _extra_sum(asked: Asked) -> None:
    names = ("disk.raw", MANIFEST, SBOM, PROVENANCE)
    sign_sums(asked.image, {name: sha256(asked.image / name) for name in names} | {MANIFEST: "00" * 32})


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda a: _changed(_repomd(a)), ("20261101.1", "signature of repomd.xml")),
        (lambda a: _changed(_repomd(a)), ("20261101.1", "record's hash")),
        (_stranger_signs, ("20261101.1", "signature of repomd.xml")),
        (_other_metadata, ("20261101.1", "in the signed metadata")),
        (_other_record, ("20261101.1", "in the signed metadata")),
        (lambda a: _changed(_package(a)), ("hashes and signatures",)),
        (lambda a: _changed(a.image / "SHA256SUMS"), ("signature of SHA256SUMS",)),
        (_other_subject, ("files that its provenance is about",)),
        (_other_subject, ("its files against",)),
        (_extra_sum, ("its files against",)),
        (_other_bill, ("packages in its provenance",)),
        (_other_feed, ("the feed that its provenance names",)),
    ],
)
def test_what_was_harmed_is_found(
    asked: Asked, harm: Callable[[Asked], None], words: tuple[str, ...]
) -> None:
    harm(asked)
    found = the(checks(asked, "tool"), *words)
    assert found.outcome is FAILED, found
    assert found.because


def test_a_disk_is_read_when_its_image_is_asked_for(asked: Asked) -> None:
    _changed(asked.image / "disk.raw")
    assert the(checks(asked, "tool"), "its files against").outcome is OK
    assert the(checks(asked, "small"), "its files against").because == "disk.raw: not the file of that hash"
