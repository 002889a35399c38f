"""A mirror of corresponding source: every file verified, our own packages' among them."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError, UserError
from bluejacket.feed.snapshot import Snapshot
from bluejacket.feed.sources import corresponding, mirror, of_snapshot
from bluejacket.foundation.locking import make_lock
from bluejacket.foundation.sources import Source, Use
from debarchive import NOW
from smalldistro import Small, small_distro

OURS = """
    [[component]]
    name = "ours"
    kind = "spec"
    spec = "packages/ours/ours.spec"
    reason = "the test wants it"
    """


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    with small_distro(tmp_path) as made:
        group = (made.folder / "components/all.toml").read_text()
        made.write("components/all.toml", group + OURS)
        made.write("packages/ours/ours.spec", "Name: ours")
        made.write("packages/ours/deep/helper", "#!/bin/sh")
        for name in ("app", "library", "first"):
            made.archive.add_source(name)
        made.archive.publish(NOW + timedelta(seconds=1))
        yield made


def listed(small: Small) -> tuple[Source, ...]:
    lock, _ = make_lock(small.state, small.release())
    return corresponding(small.state, small.release(), lock)


def test_the_mirror_has_every_file(small: Small, tmp_path: Path) -> None:
    sources = listed(small)
    done = mirror(small.state, small.release(), sources, tmp_path / "mirrored")
    assert (done.sources, done.files, done.missing) == (4, 7, ())
    for source in sources:
        for file in source.files:
            data = (done.folder / source.name / source.version / file.name).read_bytes()
            assert len(data) == file.size
            if source.use is not Use.OWN:
                assert data == (small.archive.base / file.location).read_bytes()
    rows = json.loads((done.folder / "sources.json").read_text())
    assert [row["name"] for row in rows] == ["app", "first", "library", "ours"]
    assert all((done.folder / file).is_file() for row in rows for file in row["files"])


def test_our_own_source_is_the_folder_of_the_spec(small: Small, tmp_path: Path) -> None:
    first, second = listed(small)[-1], listed(small)[-1]
    assert first == second
    mirror(small.state, small.release(), [first], tmp_path / "mirrored")
    with tarfile.open(tmp_path / "mirrored/ours/1/ours-1.tar") as archive:
        assert archive.getnames() == ["ours-1/deep/helper", "ours-1/ours.spec"]
    small.write("packages/ours/ours.spec", "Name: other")
    assert listed(small)[-1].files != first.files


def test_a_second_mirror_asks_only_for_what_is_not_whole(small: Small, tmp_path: Path) -> None:
    sources = listed(small)
    done = mirror(small.state, small.release(), sources, tmp_path / "mirrored")
    file = done.folder / "app/1.0-1/app_1.0-1.dsc"
    whole = file.read_bytes()
    file.unlink()
    file.write_bytes(whole.replace(b"app", b"apq"))
    asked = len(small.site.asked)
    mirror(small.state, small.release(), sources, tmp_path / "mirrored")
    assert file.read_bytes() == whole
    assert len(small.site.asked) == asked, "the store has it"


def test_a_changed_file_is_refused_and_the_others_are_there(small: Small, tmp_path: Path) -> None:
    sources = listed(small)
    bad = small.archive.base / "pool/first/first_1.0-1.tar.xz"
    bad.write_bytes(bytes(reversed(bad.read_bytes())))
    with pytest.raises(OutsideError, match=r"first_1\.0-1\.tar\.xz"):
        mirror(small.state, small.release(), sources, tmp_path / "mirrored")
    there = {file.name for file in (tmp_path / "mirrored").rglob("*") if file.is_file()}
    assert "first_1.0-1.tar.xz" not in there
    assert {"app_1.0-1.tar.xz", "library_1.0-1.dsc", "ours-1.tar"} <= there


def test_a_snapshot_gives_the_source_of_its_own_day(small: Small, tmp_path: Path) -> None:
    release, sources = small.release(), listed(small)
    folder = small.state.snapshot_link("small", "1", "20261101.1")
    folder.mkdir(parents=True)
    record = Snapshot(folder, "small", "1", "20261101.1", 0, "", "", "", "", 0, (), sources)
    (folder / "snapshot.json").write_text(record.as_text())
    small.write("packages/ours/ours.spec", "Name: changed later")
    kept = of_snapshot(small.state, release, "20261101.1")
    assert kept == sources
    assert mirror(small.state, release, kept, tmp_path / "mirrored").files == 7
    with pytest.raises(UserError, match=r"has no snapshot 20261102\.1 .*20261101\.1"):
        of_snapshot(small.state, release, "20261102.1")


def test_a_lock_of_old_says_how_to_get_sources(small: Small) -> None:
    lock = small.lock()
    with pytest.raises(UserError, match=r"holds no sources .*`bluejacket lock 1` makes one that does"):
        corresponding(small.state, small.release(), lock)
