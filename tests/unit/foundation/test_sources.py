"""Corresponding source of a lock: by exact version, and named where no index has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bluejacket.foundation.lock import read_lock
from bluejacket.foundation.locking import make_lock
from bluejacket.foundation.sources import Source, Use
from debarchive import NOW
from smalldistro import Small, small_distro


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    with small_distro(tmp_path) as made:
        yield made


def locked(small: Small) -> dict[str, Source]:
    small.archive.publish(NOW + timedelta(seconds=1))
    lock, _ = make_lock(small.state, small.release())
    assert read_lock(small.release()) == lock, "the lock keeps its sources"
    return {f"{source.name} {source.version}": source for source in lock.sources}


def test_each_binary_has_the_source_of_its_very_version(small: Small) -> None:
    small.archive.add("library", "1.0-1+b2", Source="libs (1.0-1)")  # rebuilt, its source unchanged
    small.archive.add_source("app")
    small.archive.add_source("first")
    wanted = small.archive.add_source("libs", "1.0-1")
    small.archive.add_source("libs", "1.1-1")
    found = locked(small)
    assert sorted(found) == ["app 1.0-1", "first 1.0-1", "libs 1.0-1"]
    libs = found["libs 1.0-1"]
    assert (libs.use, libs.of, libs.archive, libs.missing) == (Use.SOURCE, ("library",), "debian", False)
    assert [small.archive.base / file.location for file in libs.files] == wanted
    assert libs.size == sum(file.stat().st_size for file in wanted)
    assert not any("source packages" in text for text in small.told.warnings)


def test_what_is_built_in_counts_as_well(small: Small) -> None:
    small.archive.add(
        "app",
        Depends="library",
        Built_Using="kernel (= 6-1)",
        Static_Built_Using="go (= 2-1), kernel (= 6-1)",
    )
    for name, version in (("app", "1.0-1"), ("library", "1.0-1"), ("kernel", "6-1"), ("kernel", "7-1")):
        small.archive.add_source(name, version)
    found = locked(small)
    kernel, go = found["kernel 6-1"], found["go 2-1"]
    assert (kernel.use, kernel.of, kernel.owed, kernel.missing) == (Use.BUILT_USING, ("app",), True, False)
    assert (go.use, go.owed, go.missing) == (Use.STATIC, False, True)
    assert "kernel 7-1" not in found
    assert not any("source packages" in text for text in small.told.warnings), (
        "go's licence demands no source"
    )


def test_a_source_that_is_gone_is_named(small: Small) -> None:
    small.archive.add_source("app", "2.0-1")
    found = locked(small)
    assert all(source.missing for source in found.values())
    assert (
        "small has no source of 3 source packages: app 1.0-1, first 1.0-1, library 1.0-1"
        in small.told.warnings
    )


def test_a_lock_without_sources_can_still_be_read(small: Small) -> None:
    lock = small.lock()
    assert lock.sources == ()
    assert read_lock(small.release()) == replace(lock, sources=())
