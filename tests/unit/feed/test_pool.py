"""Snapshots share runs of packages, each a step of the store: what did not change is not linked again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError
from bluejacket.feed.pool import RUNS, in_pool, runs_of, whole_tree
from bluejacket.feed.published import Tree
from bluejacket.feed.serve import Site
from bluejacket.feed.snapshot import Snapshot, snapshots
from bluejacket.feed.take import take_snapshot
from bluejacket.feed.written import verify_snapshot
from bluejacket.store.gc import collect
from debs import Member, Thing
from feeds import SIGNER
from snapshotted import DAY, NOON, Snapshots

FILE = [Member("/usr/share/thing", b"file")]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshots:
    """Runs of one package each; in truth none is shorter than some dozens."""
    monkeypatch.setattr("bluejacket.feed.shards._LEAST", 1)
    monkeypatch.setattr("bluejacket.feed.shards._MORE", 1)
    return Snapshots(tmp_path)


def two(world: Snapshots) -> tuple[Snapshot, Snapshot]:
    """Take a snapshot of three packages, and one in which a package is another."""
    one, same, new = Thing("one", "1-1", FILE), Thing("same", "1-1", FILE), Thing("one", "2-1", FILE)
    before = world.take(one, same, Thing("third", "1-1", FILE)).snapshot
    return before, world.take(new, same, Thing("third", "1-1", FILE), now=NOON + DAY).snapshot


def faults(world: Snapshots, snapshot: Snapshot) -> tuple[str, ...]:
    return verify_snapshot(world.state.store, snapshot, SIGNER.certificate()).faults


def test_a_snapshot_shares_what_did_not_change(world: Snapshots) -> None:
    before, after = two(world)
    assert [len(runs_of(one.tree)) for one in (before, after)] == [3, 3]
    assert len(set(runs_of(before.tree)) - set(runs_of(after.tree))) == 1
    assert not (after.tree / "pool").exists()
    (same,) = (p for p in after.packages if p.name == "same")
    assert after.file_of(same) == before.file_of(same)
    assert [faults(world, one) for one in (before, after)] == [(), ()]


def test_a_snapshot_stands_when_all_it_was_made_of_is_gone(world: Snapshots) -> None:
    before, after = two(world)
    world.state.feed_link(world.release.distribution.id, world.release.version).unlink(missing_ok=True)
    collect(world.state)
    assert [faults(world, one) for one in (before, after)] == [(), ()]
    gone = set(runs_of(before.tree)) - set(runs_of(after.tree))
    before.folder.unlink()
    collect(world.state)
    assert faults(world, after) == ()
    assert [world.state.store.tree_of(key) for key in gone] == [None]
    assert list(world.state.store.damages()) == []


def test_what_is_lost_of_a_run_is_found_and_made_again(world: Snapshots) -> None:
    before, after = two(world)
    (same,) = (p for p in after.packages if p.name == "same")
    file = after.file_of(same)
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data[:-1] + b"x")
    assert any("is not the package that the metadata describe" in one for one in faults(world, after))
    assert len(list(world.state.store.damages())) == 1
    shutil.rmtree(file.parents[3])  # the step
    assert any(one.endswith("is missing") for one in faults(world, after))
    later = world.take(Thing("same", "1-1", FILE), now=NOON + 2 * DAY).snapshot
    assert faults(world, later) == ()
    assert faults(world, before) == faults(world, after) == ()


def test_a_run_of_a_take_that_was_cut_off_is_not_trusted(world: Snapshots) -> None:
    _, after = two(world)
    (new,) = (p for p in after.packages if p.name == "one")
    file = after.file_of(new)
    shutil.rmtree(after.tree.parent)  # as if the snapshot had never got its name
    after.folder.unlink()
    file.unlink()
    file.touch()  # as a file system may leave what was not synced
    world.state.store._whole.clear()  # another process, which has checked nothing yet
    again = world.take(
        Thing("one", "2-1", FILE), Thing("same", "1-1", FILE), Thing("third", "1-1", FILE), now=NOON + DAY
    ).snapshot
    assert again.id == after.id
    assert faults(world, again) == ()


def test_the_whole_tree_is_what_is_published(world: Snapshots) -> None:
    _, after = two(world)
    with whole_tree(after.tree) as tree:
        rpms = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*.rpm"))
        site: Site = Tree(world.state, world.release)
        assert [(tree / rpm).read_bytes() for rpm in rpms] == [
            Path(str(site.find(rpm, ""))).read_bytes() for rpm in rpms
        ]
        assert len(rpms) == 3
        assert (tree / "snapshots" / after.id / "repodata/repomd.xml").is_file()
    assert not tree.exists()


def test_a_snapshot_with_packages_of_its_own_is_read_as_ever(world: Snapshots, tmp_path: Path) -> None:
    _, after = two(world)
    old = tmp_path / "old"
    with whole_tree(after.tree) as tree:
        shutil.copytree(tree, old)
    (old / RUNS).unlink()
    assert runs_of(old) == ()
    moved = Snapshot.load(old / "snapshots" / after.id)
    assert [moved.file_of(p).is_relative_to(old / "pool") for p in moved.packages] == [True] * 3
    assert all(moved.file_of(p).is_file() for p in moved.packages)
    with whole_tree(old) as tree:
        assert tree == old


def test_the_umask_is_not_seen_in_a_run(world: Snapshots) -> None:
    before = os.umask(0o077)
    try:
        snapshot = world.take(Thing("one", "1-1", FILE)).snapshot
    finally:
        os.umask(before)
    file = snapshot.file_of(snapshot.packages[0])
    assert [path.stat().st_mode & 0o777 for path in (file, *list(file.parents)[:4])] == [0o644, *[0o755] * 4]


@pytest.mark.parametrize(
    "location", ["pool/../x", "pool/0/..", "pool/0/", "pool", "snapshots/1/x", "/etc/x/y"]
)
def test_nothing_but_a_package_is_in_the_pool(world: Snapshots, location: str) -> None:
    _, after = two(world)
    assert not in_pool(after.tree, location).exists()


def test_a_list_of_runs_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / RUNS).write_text(json.dumps(5))
    with pytest.raises(OutsideError, match="is no list of runs of packages"):
        runs_of(tmp_path)


@pytest.mark.parametrize(
    ("lost", "told"), [("same", "has lost a package of the feed"), ("one", "has lost the step")]
)
def test_a_package_that_is_lost_is_told_where_it_is_needed(world: Snapshots, lost: str, told: str) -> None:
    """What the former snapshot has too is needed only for a run that is to be made again."""
    _, after = two(world)
    world.take(Thing("one", "2-1", FILE), Thing("same", "1-1", FILE), now=NOON + 2 * DAY)
    built, lock = world.build(Thing("one", "3-1", FILE), Thing("same", "1-1", FILE))
    shutil.rmtree(world.make(Thing("same", "1-1", FILE)).rpm.parents[1])
    take = lambda: take_snapshot(world.state, world.release, lock, built, SIGNER, NOON + 3 * DAY)  # noqa: E731
    if lost == "one":
        shutil.rmtree(world.make(Thing("one", "3-1", FILE)).rpm.parents[1])
    else:
        (same,) = (p for p in after.packages if p.name == "same")
        shutil.rmtree(after.file_of(same).parents[3])
    with pytest.raises(OutsideError, match=told):
        take()
    assert len(snapshots(world.state, world.release)) == 3


def test_a_package_that_the_former_snapshot_has_may_be_lost(world: Snapshots) -> None:
    two(world)
    things = (Thing("one", "3-1", FILE), Thing("same", "1-1", FILE))
    built, lock = world.build(*things)
    shutil.rmtree(world.make(things[1]).rpm.parents[1])
    taken = take_snapshot(world.state, world.release, lock, built, SIGNER, NOON + 2 * DAY)
    assert faults(world, taken.snapshot) == ()
