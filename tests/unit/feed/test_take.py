"""Taking snapshots: only what changed makes one, the same inputs make the same one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError
from bluejacket.feed.advisory.record import from_json
from bluejacket.feed.advisory.verify import verify_advisories
from bluejacket.feed.diff import Changed, difference
from bluejacket.feed.pool import whole_tree
from bluejacket.feed.snapshot import ADVISORIES, BESIDE, Snapshot, snapshots
from bluejacket.feed.take import take_snapshot
from bluejacket.feed.verify import verify_feed
from bluejacket.foundation.rpmmd.updateinfo import parse_updateinfo
from debs import Member, Thing
from feeds import SIGNER
from snapshotted import DAY, NOON, Snapshots

OLD = Thing("thing", "2:1.2-2", [Member("/usr/share/thing", b"old")])
NEW = Thing("thing", "2:1.2-3", [Member("/usr/share/thing", b"new")])
REBUILT = Thing("thing", "2:1.2-2", [Member("/usr/share/thing", b"other")])
ELSE = Thing("else", "1-1", [Member("/usr/share/else", b"else")])


@pytest.fixture
def world(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path)


def digest(snapshot: Snapshot) -> str:
    """Give one hash over every file that is published of a snapshot."""
    whole = hashlib.sha256()
    with whole_tree(snapshot.tree) as tree:
        for file in sorted(tree.rglob("*")):
            if file.is_file():
                whole.update(f"{file.relative_to(tree)} {file.stat().st_mode:o}\0".encode())
                whole.update(file.read_bytes())
    return whole.hexdigest()


def test_a_snapshot_is_whole_and_says_what_it_holds(world: Snapshots) -> None:
    taken = world.take(OLD, ELSE)
    found = taken.snapshot
    assert taken.fresh
    assert (found.id, found.parent, found.created) == ("20260924.1", "", NOON)
    assert snapshots(world.state, world.release) == [found]
    verdict = verify_feed(found.folder.resolve(), SIGNER.certificate(), BESIDE)
    assert (verdict.faults, verdict.packages) == ((), 2)
    assert verify_advisories(found.folder.resolve(), certificate=SIGNER.certificate()) == []
    repomd = (found.folder / "repodata/repomd.xml").read_bytes()
    assert (hashlib.sha256(repomd).hexdigest(), len(repomd)) == (found.repomd_sha256, found.repomd_size)
    thing = found.by_filename["thing-1.2-2.noarch.rpm"]
    assert (thing.nevra, thing.source, thing.source_evr) == ("thing-2:1.2-2.noarch", "thing", "2:1.2-2")
    assert hashlib.sha256(found.file_of(thing).read_bytes()).hexdigest() == thing.sha256
    assert found.file_of(thing).stat().st_size == thing.size
    assert thing.upstream is not None
    deb = (world.folder / "debs/thing.deb").read_bytes()
    assert thing.upstream.sha256 == hashlib.sha256(deb).hexdigest()
    assert thing.upstream.version == "2:1.2-2"


def test_nothing_new_makes_no_snapshot(world: Snapshots) -> None:
    first = world.take(OLD, ELSE).snapshot
    again = world.take(ELSE, OLD, now=NOON + DAY)
    assert (again.fresh, again.snapshot) == (False, first)
    later = world.take(OLD, ELSE, now=NOON + DAY, epoch=NOON)  # a newer index of the same packages
    assert (later.fresh, later.snapshot) == (False, first)


def test_ids_rise_even_when_the_clock_goes_back(world: Snapshots) -> None:
    assert world.take(OLD).snapshot.id == "20260924.1"
    assert world.take(OLD, ELSE, now=NOON + 60).snapshot.id == "20260924.2"
    assert world.take(NEW, ELSE, now=NOON - DAY).snapshot.id == "20260924.3"
    assert world.take(NEW, now=NOON + DAY).snapshot.id == "20260925.1"
    assert [one.parent for one in snapshots(world.state, world.release)] == [
        "",
        "20260924.1",
        "20260924.2",
        "20260924.3",
    ]


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = Snapshots(tmp_path / "one"), Snapshots(tmp_path / "other")
    for world in (one, other):
        world.take(OLD, ELSE)
        world.take(NEW, ELSE, now=NOON + DAY)
    for left, right in zip(
        snapshots(one.state, one.release), snapshots(other.state, other.release), strict=True
    ):
        assert digest(left) == digest(right)


def test_a_fix_becomes_an_advisory_that_stays(world: Snapshots) -> None:
    world.take(OLD, ELSE)
    fixed = world.take(NEW, ELSE, now=NOON + DAY).snapshot
    (advisory,) = from_json((fixed.folder / ADVISORIES).read_text())
    assert advisory.cves == ("CVE-2026-12345",)
    assert [one.nevra for one in advisory.fixed] == ["thing-2:1.2-3.noarch"]
    assert verify_advisories(fixed.folder.resolve(), certificate=SIGNER.certificate()) == []
    later = world.take(NEW, now=NOON + 2 * DAY).snapshot
    assert from_json((later.folder / ADVISORIES).read_text()) == (advisory,)


def test_the_foundations_own_advisory_gives_severity_and_cves(world: Snapshots) -> None:
    updateinfo = b"""<updates><update type="security">
    <id>FEDORA-2026-1</id><title>thing</title><severity>Important</severity>
    <references><reference type="self" id="FEDORA-2026-1" href="https://updates.example/FEDORA-2026-1"/>
    <reference type="cve" id="CVE-2026-55555" href="https://cve.example/"/></references>
    <pkglist><collection><package name="thing" epoch="2" version="1.2" release="3" arch="noarch">
    <filename>thing-1.2-3.noarch.rpm</filename></package></collection></pkglist></update></updates>"""
    world.take(OLD, ELSE)
    fixed = world.take(NEW, ELSE, now=NOON + DAY, foreign=parse_updateinfo(updateinfo, "updateinfo.xml"))
    (advisory,) = from_json((fixed.snapshot.folder / ADVISORIES).read_text())
    assert advisory.cves == ("CVE-2026-12345", "CVE-2026-55555")
    assert (advisory.severity, advisory.severity_source) == ("high", "FEDORA-2026-1")
    assert verify_advisories(fixed.snapshot.folder.resolve()) == []


def test_difference_names_every_change(world: Snapshots) -> None:
    before = world.take(OLD, ELSE).snapshot
    after = world.take(NEW, now=NOON + DAY).snapshot
    found = difference(before, after)
    assert found.changed == (Changed("thing", "noarch", "2:1.2-2", "2:1.2-3", "newer"),)
    assert (found.added, found.removed) == ((), ("else-1-1.noarch",))
    assert len(found.advisories) == 1
    assert found.fetched == after.size == found.size_after
    back = difference(after, before)
    assert (back.changed[0].how, back.added, len(back.withdrawn)) == ("older", ("else-1-1.noarch",), 1)
    assert difference(before, before).empty


def test_a_rebuild_of_the_same_version_is_told(world: Snapshots) -> None:
    before = world.take(OLD).snapshot
    taken = world.take(REBUILT, now=NOON + DAY)
    assert taken.same_name == ("thing-1.2-2.noarch.rpm",)
    assert difference(before, taken.snapshot).changed[0].how == "rebuilt"
    pools = [
        snapshot.file_of(snapshot.packages[0]).parts[-3:]  # pool, the hash, the name
        for snapshot in (before, taken.snapshot)
    ]
    assert pools[0] != pools[1]  # one pool holds both


def test_a_feed_whose_parts_are_gone_is_told(world: Snapshots) -> None:
    built, lock = world.build(OLD)
    damaged = replace(built, index="ab" * 32)
    with pytest.raises(OutsideError, match="the store has no whole index abab"):
        take_snapshot(world.state, world.release, lock, damaged, SIGNER, NOON)
    assert snapshots(world.state, world.release) == []
