"""The index is derived: it follows what is there, and is made anew when it cannot be used."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import pytest

from bluejacket.feed.advisory import Severity
from bluejacket.feed.advisory.record import to_json
from bluejacket.inquiry.index import open_index
from bluejacket.inquiry.trace import trace
from bluejacket.store import State
from inquiries import CVE, RELEASE, Asked, advisory
from told import Told

TABLES = ("snapshot", "package", "holds", "image", "installed", "file", "advisory", "cve", "fixed", "spared")


def content(state: State) -> dict[str, set[tuple[object, ...]]]:
    """Give all rows; numbers of rows are left to the index, so only those tables are compared as sets."""
    with open_index(state) as database:
        return {table: set(database.execute(f"SELECT * FROM {table}")) for table in TABLES}


def test_the_index_grows_with_the_snapshots_as_if_made_anew(asked: Asked) -> None:
    before = content(asked.world.state)
    third = asked.world.package("third", "1-1")
    amended = dataclasses.replace(advisory(asked.new), severity=Severity.CRITICAL)
    asked.world.snapshot("20261126.1", [asked.new, third], [amended, advisory(third, 2)])
    inode = (asked.world.state.root / "index.sqlite").stat().st_ino
    grown = content(asked.world.state)
    assert (asked.world.state.root / "index.sqlite").stat().st_ino == inode  # it was not replaced
    assert len(grown["snapshot"]) == len(before["snapshot"]) + 1
    (asked.world.state.root / "index.sqlite").unlink()
    fresh = content(asked.world.state)
    for table in ("snapshot", "package", "holds", "image"):
        assert fresh[table] == grown[table]
    assert {row[1:] for row in fresh["advisory"]} == {row[1:] for row in grown["advisory"]}
    with asked.world.lookup() as lookup:
        (one,) = trace(lookup, CVE).advisories[:1]
    assert (one.severity, one.first) == ("critical", "20261125.1")


def test_a_changed_record_is_read_again(asked: Asked) -> None:
    content(asked.world.state)
    record = asked.snapshots[0].folder / "snapshot.json"
    record.write_text(dataclasses.replace(asked.snapshots[0], packages=()).as_text())
    with asked.world.lookup() as lookup:
        assert [one.snapshots for one in trace(lookup, "other").packages] == [("harbour/1/20261125.1",)]


def test_what_is_gone_is_forgotten(asked: Asked) -> None:
    content(asked.world.state)
    asked.world.state.snapshot_link("harbour", RELEASE, "20261101.1").unlink()
    asked.world.state.image_link("harbour", RELEASE, "small").unlink()
    found = content(asked.world.state)
    assert len(found["snapshot"]) == 2
    assert not found["image"]
    assert not found["installed"]


def test_an_image_built_anew_replaces_the_former(asked: Asked) -> None:
    content(asked.world.state)
    asked.world.image("small", [asked.new])
    with asked.world.lookup() as lookup:
        (image,) = trace(lookup, "small").images
    assert (image.packages, image.lacks) == (1, ())
    assert image.snapshots == ("harbour/1/20261125.2",)


@pytest.mark.parametrize("harm", ["garbage", "empty", "other format"])
def test_an_index_that_cannot_be_used_is_made_anew(asked: Asked, harm: str) -> None:
    before = content(asked.world.state)
    file = asked.world.state.root / "index.sqlite"
    if harm == "other format":
        with sqlite3.connect(file) as database:
            database.execute("PRAGMA user_version = 99")
        database.close()
    else:
        file.write_bytes(b"garbage" * 1000 if harm == "garbage" else b"")
    assert content(asked.world.state) == before


def test_a_snapshot_that_cannot_be_read_is_told_and_left_out(asked: Asked, tmp_path: Path) -> None:
    told = Told()
    state = State(asked.world.state.root, told)
    (asked.snapshots[1].folder / "advisories.json").write_text(to_json([])[:-3])
    assert len(content(state)["snapshot"]) == 2
    assert any("advisories" in text for text in told.warnings)
