"""Publishing to a folder: what is sent and what is not, who may, and what stays."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bluejacket.definition.release import Retention
from bluejacket.errors import OutsideError, UserError
from bluejacket.feed.channel import Move, move
from bluejacket.feed.publish.folder import Folder
from bluejacket.feed.publish.lease import FOLDER, leased
from bluejacket.feed.publish.target import open_target
from bluejacket.feed.published import published
from bluejacket.feed.snapshot import Snapshot
from clouds import Place
from debs import Member, Thing
from publishing import Told, publish_here
from snapshotted import DAY, NOON, Snapshots
from told import Told as Report

SAME = Thing("same", "1-1", [Member("/usr/share/same", b"same")])


def thing(number: int) -> Thing:
    return Thing("thing", f"{number}-1", [Member("/usr/share/thing", str(number).encode())])


def point(world: Snapshots, name: str, snapshot: Snapshot) -> None:
    move(world.state, world.release, name, snapshot, Move(snapshot.id, NOON, "promoted"))


def take(world: Snapshots, number: int, *, channel: str = "stable") -> Snapshot:
    snapshot = world.take(thing(number), SAME, now=NOON + number * DAY).snapshot
    point(world, channel, snapshot)
    return snapshot


@pytest.fixture
def world(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "world")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "site"), "https://feed.example/1")


def files(place: Place) -> dict[str, bytes]:
    root = Path(place.ours)
    found = (file for file in root.rglob("*") if file.is_file() and FOLDER not in file.parts)
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in found}


def test_everything_is_sent_once_and_in_order(world: Snapshots, place: Place) -> None:
    take(world, 1)
    calls: list[tuple[str, str]] = []
    sent = publish_here(world, place, Told(place.open(), lambda *call: calls.append(call)))
    items = list(published(world.state, world.release, [place.machines]))
    assert (sent.sent, sent.kept, sent.channels) == (len(items), 0, ("stable",))
    assert set(files(place)) == {item.path for item in items}
    assert all(mode & 0o777 == 0o644 for mode in (f.stat().st_mode for f in Path(place.ours).rglob("*.*m*")))
    put = [path for name, path in calls if name == "put" and not path.startswith(FOLDER)]
    tops = [path.partition("/")[0] for path in put]
    assert list(dict.fromkeys(tops)) == ["pool", "snapshots", "advisories", "channels"]
    assert [path for path in put if path.startswith("snapshots/")][-1].endswith("/repomd.xml")
    again = publish_here(world, place)
    assert (again.sent, again.kept) == (0, len(items))


def test_only_what_is_new_is_sent(world: Snapshots, place: Place) -> None:
    take(world, 1)
    publish_here(world, place)
    before = files(place)
    take(world, 2)
    calls: list[str] = []
    publish_here(
        world, place, Told(place.open(), lambda name, path: calls.append(path) if name == "put" else None)
    )
    assert len([path for path in calls if path.startswith("pool/")]) == 1
    assert not [path for path in calls if path.startswith("snapshots/20260925.1/")]
    after = files(place)
    assert {
        path: after[path] for path in before if path.startswith(("pool/", "snapshots/"))
    }.items() <= before.items()
    assert b"20260926.1" in after["channels/stable.metalink"]


def test_only_the_channels_asked_for_move(world: Snapshots, place: Place) -> None:
    take(world, 1)
    take(world, 1, channel="preview")
    publish_here(world, place)
    take(world, 2)
    take(world, 2, channel="preview")
    assert publish_here(world, place, channels=("preview",)).channels == ("preview",)
    assert b"20260926.1" in files(place)["channels/preview.metalink"]
    assert b"20260925.1" in files(place)["channels/stable.metalink"]


def test_a_channel_that_points_nowhere_and_no_snapshot_are_refused(world: Snapshots, place: Place) -> None:
    with pytest.raises(UserError, match="has no snapshot to publish"):
        publish_here(world, place)
    take(world, 1)
    with pytest.raises(UserError, match="the channel preview points at no snapshot"):
        publish_here(world, place, channels=("preview",))
    assert files(place) == {}


def test_advisories_that_disagree_are_refused(world: Snapshots, place: Place) -> None:
    take(world, 1)
    take(world, 2)
    point(world, "stable", world.take(SAME, now=NOON + 3 * DAY).snapshot)  # what was fixed left the feed
    with pytest.raises(UserError, match=r"nothing was published[^\n]*\n20260927\.1: .*HASA-2026:0001"):
        publish_here(world, place)
    assert files(place) == {}


def test_an_image_that_lacks_a_fix_keeps_its_snapshot_from_being_published(
    world: Snapshots, place: Place
) -> None:
    """As the newest, and also as one that nothing points at, which is then left out."""
    take(world, 1)
    sent = publish_here(world, place)
    built, _ = world.build(thing(2), SAME)
    image = world.image(built, thing(1), SAME)
    world.booted(built, image)
    wrong = world.take(thing(2), SAME, now=NOON + 2 * DAY).snapshot
    with pytest.raises(UserError, match=rf"(?s)^nothing was published.*{wrong.id}: image vm: HASA-2026:0001"):
        publish_here(world, place)
    before = files(place)
    assert not [path for path in before if wrong.id in path]
    world.state.report = told = Report()
    point(world, "stable", world.take(thing(3), SAME, now=NOON + 3 * DAY).snapshot)
    later = publish_here(world, place)
    assert (later.withheld, later.snapshots) == ((wrong.id,), (*sent.snapshots, "20260927.1"))
    assert told.warnings == [
        f"{wrong.id} was not published, as its advisories disagree: "
        f"see `bluejacket advisory verify 1 --snapshot {wrong.id}`"
    ]
    after = files(place)
    assert not [path for path in after if wrong.id in path or "thing-2-1" in path]
    point(world, "preview", wrong)
    with pytest.raises(UserError, match=rf"{wrong.id}: image vm: HASA-2026:0001"):
        publish_here(world, place)
    assert files(place) == after


def test_what_is_not_there_yet_is_judged_whatever_points_elsewhere(world: Snapshots, place: Place) -> None:
    """Of three snapshots the middle one was harmed; once it is at the target, nobody reads it again."""
    harmed = [take(world, number) for number in (1, 2, 3)][1].folder.resolve() / "advisories/index.html"
    whole = harmed.read_bytes()
    harmed.unlink()
    harmed.write_bytes(whole + b"more")
    with pytest.raises(OutsideError, match=r"index\.html is not as it was written"):
        publish_here(world, place)
    assert files(place) == {}
    harmed.write_bytes(whole)
    publish_here(world, place)
    harmed.write_bytes(whole + b"more")
    assert publish_here(world, place).sent == 0


def test_what_somebody_has_pruned_is_judged_again(world: Snapshots, place: Place) -> None:
    first, _ = (take(world, number) for number in (1, 2))
    harmed = first.folder.resolve() / "advisories/index.html"
    publish_here(world, place)
    whole = harmed.read_bytes()
    harmed.unlink()
    harmed.write_bytes(whole + b"more")
    index = Path(place.ours, "snapshots/20260925.1/repodata/repomd.xml")

    def prune(name: str, path: str) -> None:
        if name == "sweep":  # the last moment before the publisher looks
            index.unlink(missing_ok=True)

    with pytest.raises(OutsideError, match=r"index\.html is not as it was written"):
        publish_here(world, place, Told(place.open(), prune))
    assert not index.exists()
    harmed.write_bytes(whole)
    publish_here(world, place)
    assert index.exists()


def test_another_snapshot_of_the_same_id_is_refused(world: Snapshots, place: Place, tmp_path: Path) -> None:
    take(world, 1)
    publish_here(world, place)
    before = files(place)
    other = Snapshots(tmp_path / "other")
    point(other, "stable", other.take(thing(7), now=NOON + DAY).snapshot)
    with pytest.raises(UserError, match=r"has another snapshots/20260925\.1/repodata/repomd\.xml"):
        publish_here(other, place)
    assert files(place) == before


def test_a_damaged_package_is_not_sent(world: Snapshots, place: Place) -> None:
    snapshot = take(world, 1)
    rpm = snapshot.file_of(snapshot.packages[0])
    data = rpm.read_bytes()
    rpm.unlink()
    rpm.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(OutsideError, match=r"not the file that the snapshot's record names"):
        publish_here(world, place)
    assert not [path for path in files(place) if path.startswith(("snapshots/", "channels/"))]


def test_check_finds_a_package_that_was_changed_there(world: Snapshots, place: Place) -> None:
    take(world, 1)
    publish_here(world, place)
    rpm = next(Path(place.ours, "pool").rglob("*.rpm"))
    whole = rpm.read_bytes()
    rpm.write_bytes(bytes(len(whole)))
    assert publish_here(world, place).sent == 0
    assert publish_here(world, place, check=True).sent == 1
    assert rpm.read_bytes() == whole


def test_what_a_stopped_publisher_left_half_written_is_swept(world: Snapshots, place: Place) -> None:
    take(world, 1)
    publish_here(world, place)
    (left := Path(place.ours, "pool/.part-abc")).write_bytes(b"half")
    publish_here(world, place)
    assert not left.exists()


def test_prune_removes_what_the_rule_lets_go(world: Snapshots, place: Place) -> None:
    first = take(world, 1)
    take(world, 1, channel="preview")
    for number in (2, 3, 4):
        take(world, number)
    publish_here(world, place)
    world.release = replace(world.release, retention=Retention(keep_days=0, keep_last=1))
    folder = world.state.snapshots(world.release.distribution.id, "1")
    for name in ("20260926.1", "20260927.1"):  # as `store gc` does
        (folder / name).unlink()
    before = files(place)
    assert publish_here(world, place).removed == 0
    assert files(place).keys() == before.keys()
    calls: list[str] = []
    told = Told(place.open(), lambda name, path: calls.append(path) if name == "remove" else None)
    assert publish_here(world, place, told, prune=True).removed == len(before) - len(files(place))
    ids = {path.split("/")[1] for path in files(place) if path.startswith("snapshots/")}
    assert ids == {first.id, "20260928.1"}  # what a channel points at, and the newest
    assert len([path for path in files(place) if path.startswith("pool/")]) == 3
    gone = [path for path in calls if not path.startswith(FOLDER)]
    assert gone[0] == "snapshots/20260926.1/repodata/repomd.xml"
    assert [path.partition("/")[0] for path in gone[-2:]] == ["pool", "pool"]


def test_prune_keeps_packages_of_snapshots_unknown_here(world: Snapshots, place: Place) -> None:
    take(world, 1)
    take(world, 2)
    publish_here(world, place)
    folder = world.state.snapshots(world.release.distribution.id, "1")
    (folder / "20260925.1").unlink()
    before = files(place)
    assert publish_here(world, place, prune=True).removed == 0  # the rule keeps it: it is young
    assert files(place) == before


def test_a_second_publisher_is_refused_and_told_who_is_at_work(place: Place) -> None:
    target = place.open()
    with (
        leased(target, wait_s=0),
        pytest.raises(OutsideError, match=r"process \d+ on .* has been publishing to"),
        leased(place.open(), wait_s=0),
    ):
        raise AssertionError("two at once")
    with leased(target, wait_s=0) as lease:
        lease.check()


def test_a_stale_lease_is_taken_over_and_its_owner_stops(place: Place) -> None:
    target = place.open()
    with leased(target, wait_s=0, seconds=0.5) as old:
        old._over.set()  # its thread renews no more, as if the machine slept
        with leased(place.open(), wait_s=10, seconds=5) as new:
            with pytest.raises(OutsideError, match=r"lease of .* was lost"):
                old.check()
            new.check()
        assert len(target.listing(FOLDER)) == 1
    held = [json.loads(target.read(path)) for path in target.listing(FOLDER)]
    assert [one["released"] for one in held] == [True]


def test_a_lease_is_renewed_while_its_owner_works(place: Place) -> None:
    with leased(place.open(), wait_s=0, seconds=1.0) as lease:
        time.sleep(2.5)
        lease.check()
        with pytest.raises(OutsideError, match="has been publishing"), leased(place.open(), wait_s=0):
            raise AssertionError("two at once")


def test_of_many_at_once_one_has_the_lease_at_a_time(place: Place) -> None:
    inside, most, done = 0, 0, []
    lock, begin = threading.Lock(), threading.Barrier(6)

    def work() -> None:
        nonlocal inside, most
        begin.wait()
        with leased(place.open(), wait_s=60, seconds=20):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.02)
            with lock:
                inside -= 1
                done.append(1)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, len(done)) == (1, 6)


def test_what_is_no_lease_is_not_overwritten(place: Place) -> None:
    target = place.open()
    target.put(f"{FOLDER}/00000001.json", b"[]")
    with pytest.raises(OutsideError, match="is no lease"), leased(target, wait_s=0):
        raise AssertionError("it was taken")


def test_a_folder_s_files_are_always_whole(tmp_path: Path) -> None:
    folder, seen, over = Folder(tmp_path), set(), threading.Event()
    contents = [bytes([number]) * 100_000 for number in range(8)]
    folder.put("a/b", contents[0])

    def look() -> None:
        while not over.is_set():
            seen.add(hashlib.sha256((tmp_path / "a/b").read_bytes()).digest())

    thread = threading.Thread(target=look)
    thread.start()
    for content in contents:
        folder.put("a/b", content)
    over.set()
    thread.join()
    assert seen <= {hashlib.sha256(content).digest() for content in contents}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/feed", "cannot publish to ftp://"),
        ("s3://key:secret@bucket/feed", "must not hold credentials"),
        ("s3://key@bucket/feed", "must not hold credentials"),
        ("abfs://feeds@account:secret/feed?sig=abc", "must not hold credentials"),
    ],
)
def test_other_addresses_are_refused(url: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as refused:
        open_target(url)
    assert "secret" not in str(refused.value)
    assert "abc" not in str(refused.value)
