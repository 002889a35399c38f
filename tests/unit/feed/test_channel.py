"""Channels: moved through gates only, back for a reason, and kept by retention."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bluejacket.definition import Advisory as Said
from bluejacket.definition.release import Retention
from bluejacket.errors import OutsideError, UserError
from bluejacket.feed.advisory.record import from_json
from bluejacket.feed.agreement import disagreements
from bluejacket.feed.channel import Channel, channel, channels, find_snapshot, roll_back
from bluejacket.feed.diff import difference
from bluejacket.feed.promote import gates, promote
from bluejacket.feed.publish.send import Wishes, publish
from bluejacket.feed.publish.target import open_target
from bluejacket.feed.retention import expired, let_go
from bluejacket.feed.snapshot import ADVISORIES, RECORD, Snapshot, snapshots
from bluejacket.store import Step
from bluejacket.store.files import replace_link
from bluejacket.store.gc import collect
from debs import Member, Thing
from feeds import SIGNER, STRANGER
from snapshotted import DAY, NOON, Snapshots

CERTIFICATE = SIGNER.certificate()
SCRIPT = {"postinst": "#!/bin/sh\nset -e\necho something of its own >/etc/thing\n"}


def thing(number: int, **more: object) -> Thing:
    return Thing("thing", f"{number}-1", [Member("/usr/share/thing", str(number).encode())], **more)  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> Snapshots:
    found = Snapshots(tmp_path)
    found.release = replace(found.release, published=datetime.fromtimestamp(NOON, UTC).date())
    return found


def booted(world: Snapshots, number: int, **more: object) -> Snapshot:
    """Give a snapshot whose boot test passed."""
    things = [thing(number, **more)]
    world.boot(*things)
    return world.take(*things, now=NOON + number).snapshot


def point(world: Snapshots, name: str, snapshot: Snapshot, now: int = NOON, override: str = "") -> Channel:
    return promote(world.state, world.release, name, snapshot, CERTIFICATE, now, override)[0]


def shut(world: Snapshots, snapshot: Snapshot, name: str = "stable", now: int = NOON) -> dict[str, str]:
    """Give the gates that are shut, each with its first fault."""
    judged = gates(world.state, world.release, snapshot, name, CERTIFICATE, now)
    assert all(gate.way_out.startswith("bluejacket ") for gate in judged)
    return {gate.name: gate.faults[0] for gate in judged if not gate.passed}


def test_a_channel_points_at_what_passed_every_gate(world: Snapshots) -> None:
    first, second = booted(world, 1), booted(world, 2)
    assert channel(world.state, world.release, "stable") is None
    assert point(world, "stable", first).snapshot == first.id
    now = point(world, "stable", second)
    assert now == channel(world.state, world.release, "stable")
    assert (now.pointed.sha256, now.pointed.size) == (second.repomd_sha256, second.repomd_size)
    assert [(move.snapshot, move.how) for move in now.history] == [
        (first.id, "promoted"),
        (second.id, "promoted"),
    ]
    again, judged = promote(world.state, world.release, "stable", second, CERTIFICATE, NOON)
    assert (again, judged) == (now, [])
    assert [one.name for one in channels(world.state, world.release)] == ["stable"]
    assert find_snapshot(world.state, world.release, "stable").id == second.id


def test_without_a_boot_test_nothing_moves(world: Snapshots) -> None:
    snapshot = world.take(thing(1)).snapshot
    with pytest.raises(UserError) as caught:
        point(world, "preview", snapshot)
    assert str(caught.value) == (
        f"boot of vm keeps {snapshot.id} out of preview: no boot test of vm on these packages is recorded "
        "(see `bluejacket boot vm --release 1`)"
    )
    world.boot(thing(1), passed=False, when=NOON + 1)
    assert "did not pass" in shut(world, snapshot)["boot of vm"]
    world.boot(thing(2), when=NOON + 2)
    assert "boot of vm" in shut(world, snapshot)
    world.boot(thing(1), epoch=NOON, when=NOON + 3)  # the same packages, built from a newer index
    assert shut(world, snapshot) == {}
    world.boot(thing(1), passed=False, when=NOON + 4)  # the newest counts
    assert "boot of vm" in shut(world, snapshot)
    assert channels(world.state, world.release) == []


def test_scripts_without_a_review_stay_out_of_stable_alone(world: Snapshots) -> None:
    snapshot = booted(world, 1, scripts=SCRIPT)
    assert shut(world, snapshot) == {"reviews": "thing 1-1: postinst has no review"}
    assert shut(world, snapshot, "preview") == {}
    with pytest.raises(UserError, match=r"reviews keeps .*see `bluejacket feed scripts --release 1`"):
        point(world, "stable", snapshot)
    later = booted(world, 2, scripts=SCRIPT)
    assert later.packages[0].scripts == snapshot.packages[0].scripts


def test_harm_to_a_snapshot_shuts_its_gates(world: Snapshots) -> None:
    snapshot = booted(world, 1)
    file = snapshot.file_of(snapshot.packages[0])
    data = file.read_bytes()
    file.unlink()  # another hard link of it is the store's
    file.write_bytes(data[:-1])
    assert "is not the package" in shut(world, snapshot)["signatures"]
    file.write_bytes(data)
    assert shut(world, snapshot) == {}


def test_harm_to_any_file_beside_the_packages_is_told(world: Snapshots) -> None:
    """To pages and lists too, for which no signature answers; by promotion, publishing and the next one."""
    world.take(replace(thing(1), version="2:1.2-2"))
    fixed = replace(thing(2), version="2:1.2-3")
    world.boot(fixed)
    snapshot = world.take(fixed).snapshot
    place = open_target(str(world.folder / "site"))
    files = [path for path in snapshot.folder.resolve().rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {
        ".html",
        ".json",
        ".csv",
        ".txt",
        ".asc",
        ".zst",
        ".xml",
        ".key",
    }
    for file in (*files, snapshot.folder.resolve() / "advisories/more.html"):
        data = file.read_bytes() if file.exists() else None
        file.unlink(missing_ok=True)  # another hard link of it may be the store's
        file.write_bytes(bytes([data[0] ^ 1, *data[1:]]) if data else b"more")
        name = file.relative_to(snapshot.folder.resolve()).as_posix()
        if name != RECORD:  # without which there is no snapshot
            assert list(shut(world, snapshot)) == ["signatures"], name
        with pytest.raises(OutsideError, match=re.escape(name)):
            world.take(thing(3), now=NOON + DAY)
        with pytest.raises(OutsideError, match=re.escape(name)):
            publish(world.state, world.release, place, CERTIFICATE, Wishes(("https://feed.example/",)), NOON)
        file.unlink()
        if data is not None:
            file.write_bytes(data)
    assert shut(world, snapshot) == {}
    assert not (world.folder / "site").exists()
    assert world.take(thing(3), now=NOON + DAY).fresh


def test_what_is_not_closed_stays_out(world: Snapshots) -> None:
    world.requires = ("nobody",)
    snapshot = booted(world, 1)
    assert shut(world, snapshot) == {
        "closure": "thing-1-1.noarch requires nobody, and no package of the feed provides it"
    }


def test_metadata_of_another_snapshot_shut_the_gates(world: Snapshots) -> None:
    snapshot, other = booted(world, 1), booted(world, 2)
    shutil.rmtree(snapshot.folder.resolve() / "repodata")
    shutil.copytree(other.folder / "repodata", snapshot.folder.resolve() / "repodata")
    with pytest.raises(UserError, match="signatures keeps"):
        point(world, "preview", snapshot)
    assert channel(world.state, world.release, "preview") is None


def test_a_package_of_ours_that_changed_without_a_newer_version_stays_out(world: Snapshots) -> None:
    """From where machines have the former one; not if only its signature changed, nor if it is upstream's."""

    def own(content: bytes) -> Thing:
        return Thing("own", "1-1", [Member("/usr/share/own", content)])

    def taken(*things: Thing) -> Snapshot:
        world.boot(*things)
        return world.take(*things, now=NOON + DAY).snapshot

    world.built_here = {"own"}
    first = taken(own(b"1"))
    point(world, "stable", first)
    world.signer = STRANGER
    signed = taken(own(b"1"))
    assert signed.content != first.content
    assert "versions" not in shut(world, signed)
    world.signer = SIGNER
    changed = taken(own(b"2"))
    assert shut(world, changed, "preview") == {}, "this channel never had the other one"
    assert shut(world, changed) == {
        "versions": f"own-1-1.noarch is another package than the one of the same version in {first.id}: "
        "no machine that has that one would take it until its release or revision is raised"
    }
    with pytest.raises(UserError, match=r"versions keeps .*see `bluejacket feed snapshot 1`"):
        point(world, "stable", changed)
    world.built_here = set()
    assert shut(world, taken(own(b"3"))) == {}


def test_an_advisory_of_what_left_the_feed_can_be_withdrawn(world: Snapshots) -> None:
    rest = Thing("rest", "1-1", [Member("/usr/share/rest", b"rest")])
    world.take(replace(thing(1), version="2:1.2-2"), rest)
    fixed = world.take(replace(thing(2), version="2:1.2-3"), rest, now=NOON + DAY).snapshot
    (number,) = (one.id for one in from_json((fixed.folder / ADVISORIES).read_text()))
    world.boot(rest)
    left = world.take(rest, now=NOON + 2 * DAY).snapshot
    assert "holds no thing" in shut(world, left)["advisories"]
    said = Said.model_validate({"amends": number, "withdrawn": "thing left the feed"})
    world.release = replace(world.release, advisories=(said,))
    told = world.take(rest, now=NOON + 3 * DAY).snapshot
    assert difference(left, told).withdrawn == (number,)
    assert difference(left, told).amended == ()
    assert shut(world, told) == {}


def lacking(world: Snapshots) -> tuple[Snapshot, Path]:
    """Give a snapshot with a fix, and a stored image without it, of which a boot test on it tells."""
    world.take(replace(thing(1), version="2:1.2-2"))
    fixed, old = replace(thing(2), version="2:1.2-3"), replace(thing(1), version="2:1.2-2")
    snapshot = world.take(fixed, now=NOON + DAY).snapshot
    built, _ = world.build(fixed)
    image = world.image(built, old)
    world.booted(built, image)
    return snapshot, image


LACKS = "image vm: HASA-2026:0001: fixed: holds thing-2:1.2-2.noarch; advisories.json: fixed in thing-2:1.2-3"


def test_an_image_that_lacks_a_fix_stays_out(world: Snapshots) -> None:
    snapshot, _ = lacking(world)
    (gate,) = (
        one
        for one in gates(world.state, world.release, snapshot, "stable", CERTIFICATE, NOON)
        if not one.passed
    )
    assert gate.name == "advisories"
    assert any(fault.startswith(LACKS) for fault in gate.faults), gate.faults
    assert "holds thing-2:1.2-2.noarch; repodata: has no such package" in gate.faults[0]
    with pytest.raises(UserError, match="advisories keeps"):
        point(world, "stable", snapshot)
    world.boot(replace(thing(2), version="2:1.2-3"), when=NOON + 1)  # an image with the fix
    assert shut(world, snapshot) == {}


def test_an_image_that_is_gone_is_judged_by_what_its_boot_test_kept(world: Snapshots) -> None:
    snapshot, image = lacking(world)
    collect(world.state)
    assert not image.exists()
    found = disagreements(world.state, world.release, snapshot, CERTIFICATE)
    assert any(str(one).startswith(LACKS) for one in found)
    built, _ = world.build(replace(thing(2), version="2:1.2-3"))
    image = world.image(built, replace(thing(2), version="2:1.2-3"))
    world.booted(built, image, when=NOON + 1, kept=False)
    assert shut(world, snapshot) == {}, "the image itself tells"
    collect(world.state)
    assert shut(world, snapshot) == {
        "advisories": "image vm: packages: nobody has its list any more: boot it again; the boot test: was "
        "booted on these packages"
    }


def test_a_damaged_list_of_an_image_is_named(world: Snapshots) -> None:
    snapshot, image = lacking(world)
    (image / "packages.json").unlink()
    (image / "packages.json").write_text("[{")
    with pytest.raises(OutsideError, match=r"packages\.json: is no list of packages"):
        disagreements(world.state, world.release, snapshot, CERTIFICATE)


def test_past_its_support_a_release_needs_a_reason(world: Snapshots) -> None:
    first, second = booted(world, 1), booted(world, 2)
    after = NOON + 3 * 366 * DAY
    with pytest.raises(UserError, match=r"support of release 1 ended on .*--override REASON"):
        point(world, "stable", first, after)
    assert point(world, "stable", first, after, "one last fix").history[-1].reason == "one last fix"
    kept = channel(world.state, world.release, "stable")
    assert kept is not None
    assert kept.history[-1].overridden == ("support",)
    with pytest.raises(UserError, match="there is nothing to override"):
        point(world, "stable", second, NOON, "because")
    not_booted = world.take(thing(3), now=NOON + 3).snapshot
    with pytest.raises(UserError, match="boot of vm") as caught:
        point(world, "stable", not_booted, after, "no reason opens this one")
    assert "support" not in str(caught.value)


def test_going_back_needs_a_reason_and_a_place(world: Snapshots) -> None:
    first, second, third = booted(world, 1), booted(world, 2), booted(world, 3)
    for name in ("", "nothing"):
        with pytest.raises(UserError, match="say it with --reason" if not name else "nothing to go back to"):
            roll_back(world.state, world.release, "stable", name, NOON)
    point(world, "stable", first)
    with pytest.raises(UserError, match="nothing to go back to"):
        roll_back(world.state, world.release, "stable", "why", NOON)
    point(world, "stable", second)
    with pytest.raises(UserError, match=f"`bluejacket feed rollback stable --to {first.id}"):
        point(world, "stable", first)
    with pytest.raises(UserError, match=f"never pointed at {third.id} before"):
        roll_back(world.state, world.release, "stable", "why", NOON, third.id)
    back = roll_back(world.state, world.release, "stable", " it broke ", NOON + 1)
    assert (back.snapshot, back.history[-1].how, back.history[-1].reason) == (
        first.id,
        "rolled back",
        "it broke",
    )
    assert (back.pointed.sha256, back.moved) == (first.repomd_sha256, NOON + 1)
    assert point(world, "stable", second).snapshot == second.id


def test_names_that_are_none_are_told(world: Snapshots) -> None:
    with pytest.raises(UserError, match=r"no channel beta.*preview and stable"):
        channel(world.state, world.release, "beta")
    with pytest.raises(UserError, match="points at no snapshot yet"):
        find_snapshot(world.state, world.release, "stable")
    with pytest.raises(UserError, match=r"no snapshot 20200101\.1.*`bluejacket feed snapshot 1`"):
        find_snapshot(world.state, world.release, "20200101.1")
    one = booted(world, 1)
    with pytest.raises(UserError, match=f"the newest are {one.id}"):
        find_snapshot(world.state, world.release, "20200101.1")


@pytest.mark.parametrize("harm", ["", "[]", '{"format": 7}', '{"format": 1, "history": [{}]}'])
def test_a_damaged_channel_is_named(world: Snapshots, harm: str) -> None:
    file = world.state.channel_file(world.release.distribution.id, "1", "stable")
    file.parent.mkdir(parents=True)
    file.write_text(harm)
    with pytest.raises(OutsideError, match="is no record of a channel"):
        channels(world.state, world.release)


def test_retention_keeps_what_the_rule_and_the_channels_say(world: Snapshots) -> None:
    world.release = replace(world.release, retention=Retention(keep_days=10, keep_last=2))
    found = [booted(world, number) for number in range(1, 7)]
    point(world, "stable", found[1])
    built, _ = world.build(thing(3))
    now = NOON + 11 * DAY
    assert [one.id for one in expired(world.state, world.release, NOON + 9 * DAY)] == []
    assert expired(world.state, world.release, now) == [found[0], found[2], found[3]]
    image_of(world, built.key)
    assert expired(world.state, world.release, now) == [found[0], found[3]]
    assert let_go(world.state, world.release, now, dry_run=True) == [found[0], found[3]]
    assert len(snapshots(world.state, world.release)) == 6
    trees = [one.tree for one in found]
    assert let_go(world.state, world.release, now) == [found[0], found[3]]
    collect(world.state)
    assert [tree.exists() for tree in trees] == [False, True, True, False, True, True]
    assert let_go(world.state, world.release, now) == []


def image_of(world: Snapshots, feed_key: str) -> None:
    """Record an image that was built from a feed."""
    tree = world.state.store.obtain(Step("image-vm", "1", "{}", ("base", feed_key)), lambda _: None)
    replace_link(world.state.image_link(world.release.distribution.id, "1", "vm"), tree)
