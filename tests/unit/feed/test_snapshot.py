"""A snapshot's record: what is written is what is read, and damage is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError
from bluejacket.feed.snapshot import (
    RECORD,
    Shipped,
    Snapshot,
    Upstream,
    content_of,
    ids_in,
    order,
    snapshots_in,
)
from bluejacket.foundation.sources import Source, SourceFile, Use
from bluejacket.store import State
from bluejacket.store.files import replace_link

PACKAGE = Shipped(
    "thing", 2, "1.2", "3", "noarch", "things", "2:1.2-3", "thing-1.2-3.noarch.rpm", "ab" * 32, 77, "thing",
    Upstream("debian", "thing", "2:1.2-3", "cd" * 32),
)  # fmt: skip
FILE = SourceFile("pool/t/things_1.2.tar.xz", 5, "ef" * 32)
SOURCE = Source("things", "2:1.2-3", Use.SOURCE, ("thing", "things"), "debian", (FILE,))


def snapshot(folder: Path, name: str = "20261125.1") -> Snapshot:
    return Snapshot(
        folder=folder, distribution="example", release="4", id=name, created=1_795_000_000, parent="",
        feed_key="key", content="content", repomd_sha256="12" * 32, repomd_size=9, packages=(PACKAGE,),
        sources=(SOURCE,),
    )  # fmt: skip


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    whole = snapshot(tmp_path)
    (tmp_path / RECORD).write_text(whole.as_text())
    assert Snapshot.load(tmp_path) == whole
    assert whole.sources_of(PACKAGE) == (SOURCE,)
    assert PACKAGE.nevra == "thing-2:1.2-3.noarch"
    assert whole.size == 77
    assert whole.when == "2026-11-18T11:06:40Z"


@pytest.mark.parametrize("harm", ["", "{}", "[]", '{"format": 2}', '{"format": 1, "packages": [{}]}'])
def test_a_damaged_record_is_named(tmp_path: Path, harm: str) -> None:
    (tmp_path / RECORD).write_text(harm)
    with pytest.raises(OutsideError, match=f"{RECORD}: is no record of a snapshot"):
        Snapshot.load(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"format": 1', '"format": 2', "it is of another version of Bluejacket"),
        ('"size": 77', '"size": "77"', "packages.0.size: Input should be a valid integer"),
        ('"size": 77', '"size": 77, "sizes": 1', "packages.0.sizes: Unexpected keyword argument"),
        ('"epoch": 2, ', "", "packages.0.epoch: Field required"),
        ("1.2", '"', "Invalid JSON: .*"),
    ],
)
def test_the_first_mistake_of_a_record_is_told_in_a_line(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    text = snapshot(tmp_path).as_text()
    assert old in text
    (tmp_path / RECORD).write_text(text.replace(old, new, 1))
    with pytest.raises(OutsideError) as caught:
        Snapshot.load(tmp_path)
    (fault,) = caught.value.faults
    assert re.fullmatch(f"is no record of a snapshot: {what}", fault.what)


def test_snapshots_are_listed_by_age(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    names = ["20261125.2", "20261125.10", "20261124.1"]
    for name in names:
        folder = tmp_path / name
        folder.mkdir()
        (folder / RECORD).write_text(snapshot(folder, name).as_text())
        replace_link(state.snapshot_link("example", "4", name), folder)
    state.snapshot_link("example", "4", ".lock").touch()
    folder = state.snapshots("example", "4")
    assert ids_in(folder) == ["20261124.1", "20261125.2", "20261125.10"]
    assert [one.id for one in snapshots_in(folder)] == ["20261124.1", "20261125.2", "20261125.10"]
    assert snapshots_in(state.snapshots("example", "3")) == []
    with pytest.raises(ValueError, match="no id of a snapshot"):
        order("20261125.0")


def test_content_is_a_set() -> None:
    assert content_of([("1", "a"), ("2", "b")]) == content_of([("2", "b"), ("1", "a")])
    assert content_of([("1", "a"), ("2", "b")]) != content_of([("2", "a"), ("1", "b")])
