"""A lock that moves only what is named and what that forces, and holds still what the release holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bluejacket.errors import UserError
from bluejacket.foundation.lock import lock_file, read_lock, write_lock
from bluejacket.foundation.locked import fetch_locked
from bluejacket.foundation.locking import make_lock
from debarchive import NOW
from smalldistro import Small, small_distro, with_updates


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    """The distribution, locked and its packages fetched; then the archive drops them all for newer ones."""
    with small_distro(tmp_path) as made:
        for name in ("app", "library", "first"):
            made.archive.add_source(name)
        made.archive.publish(NOW + timedelta(seconds=1))
        lock, _ = make_lock(made.state, made.release())
        fetch_locked(made.state, made.release(), lock.packages, "Packages")
        made.archive.add("app", "2.0-1", Depends="library (>= 2), first | second, extra")
        for name in ("library", "first"):
            made.archive.add(name, "2.0-1")
        made.archive.add("extra", "1.0-1")
        made.archive.sources.clear()
        for name in ("app", "library", "first", "extra"):
            made.archive.add_source(name, "1.0-1" if name == "extra" else "2.0-1")
        made.archive.publish(NOW + timedelta(seconds=2))
        for old in made.archive.base.rglob("*_1.0-1.deb"):
            if not old.name.startswith(("extra", "tool")):
                old.unlink()
        yield made


def hold(small: Small, *names: str) -> None:
    file = small.folder / "releases/1.toml"
    text = ", ".join(f'"{name}"' for name in names)
    file.write_text(file.read_text().replace("[tools]", f"hold = [{text}]\n[tools]"))


def versions(small: Small, **options: Any) -> dict[str, str]:
    lock, _ = make_lock(small.state, small.release(), **options)
    return {entry.package.name: entry.package.evr for entry in lock.packages}


def test_only_what_is_named_and_what_it_forces_moves(small: Small) -> None:
    lock, changes = make_lock(small.state, small.release(), only=["app"])
    assert dict(zip((name for name, _, _ in changes.moved), changes.reasons, strict=True)) == {
        "app": "asked for",
        "library": "app requires library >= 2-0",
        "extra": "app requires extra",
    }
    first = lock.find("first")
    assert first is not None
    assert first.package.evr == "1.0-1"
    assert read_lock(small.release()) == lock


def test_what_stays_needs_no_archive(small: Small) -> None:
    lock, _ = make_lock(small.state, small.release(), only=["first"])
    assert {e.package.name: e.package.evr for e in lock.packages} == {
        "app": "1.0-1",
        "library": "1.0-1",
        "first": "2.0-1",
    }
    files = fetch_locked(small.state, small.release(), lock.packages, "Packages")
    assert len(files) == 3
    sources = {(source.name, source.version): source for source in lock.sources}
    assert sorted(sources) == [("app", "1.0-1"), ("first", "2.0-1"), ("library", "1.0-1")]
    assert not any(source.missing for source in sources.values()), "the former lock knew them"


def test_what_can_no_longer_be_had_moves_and_is_told(small: Small) -> None:
    lock = read_lock(small.release())
    library = lock.find("library")
    assert library is not None
    blob = small.state.store.blob(library.package.sha256)
    assert blob is not None
    blob.unlink()
    assert versions(small, only=["first"]) == {"app": "1.0-1", "library": "2.0-1", "first": "2.0-1"}
    assert "library 1.0-1 can no longer be had, so that it moves" in small.told.warnings


def test_a_renewal_leaves_what_is_held(small: Small) -> None:
    hold(small, "first")
    assert versions(small) == {"app": "2.0-1", "library": "2.0-1", "first": "1.0-1", "extra": "1.0-1"}
    (line,) = small.told.lines
    assert line == "release 1 holds first still, of which 2.0-1 is there; `--release-hold` lets it move"
    assert versions(small, let_go=["first"])["first"] == "2.0-1"


def test_what_is_held_does_not_come_from_a_suite_that_is_left_out(small: Small) -> None:
    with_updates(small)
    hold(small, "library")
    lock = read_lock(small.release(), current=False)
    packages = tuple(
        replace(e, package=replace(e.package, archive="security")) if e.package.name == "library" else e
        for e in lock.packages
    )
    write_lock(replace(lock, packages=packages), lock_file(small.release()))
    assert versions(small)["library"] == "1.0-1"
    assert versions(small, leave_out=["forky-security"])["library"] == "2.0-1"
    assert "library 1.0-1 is of what is left out, so that it moves" in small.told.warnings


@pytest.mark.parametrize("only", [["app"], []])
def test_what_is_held_stops_what_would_move_it(small: Small, only: list[str]) -> None:
    hold(small, "library")
    before = lock_file(small.release()).read_text()
    words = r"that would move library, which release 1 holds still \(--release-hold library lets it move\)"
    with pytest.raises(UserError, match=words):
        make_lock(small.state, small.release(), only=only)
    assert lock_file(small.release()).read_text() == before
    assert versions(small, only=only, let_go=["library"])["library"] == "2.0-1"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"only": ["library"]}, r"holds library still \(--release-hold library lets it move\)"),
        ({"only": ["ap"]}, r'no component or package ap \(the nearest known one is "app"\)'),
        ({"let_go": ["app"]}, r"does not hold app \(.*library"),
    ],
)
def test_names_that_cannot_move_are_refused(small: Small, options: dict[str, Any], words: str) -> None:
    hold(small, "library")
    with pytest.raises(UserError, match=words):
        make_lock(small.state, small.release(), **options)


def test_only_wants_a_lock(small: Small) -> None:
    lock_file(small.release()).unlink()
    with pytest.raises(UserError, match=r"no lock of which the rest could stay \(`bluejacket lock 1`"):
        make_lock(small.state, small.release(), only=["app"])


def test_a_dry_run_writes_nothing(small: Small) -> None:
    before = lock_file(small.release()).read_text()
    _, changes = make_lock(small.state, small.release(), only=["app"], dry_run=True)
    assert len(changes.moved) == 3
    assert lock_file(small.release()).read_text() == before
