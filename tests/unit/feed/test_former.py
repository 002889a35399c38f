"""A shard that changed is made from what the former one says of all other packages, with the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bluejacket.feed import shard
from bluejacket.package.made import Made
from bluejacket.store import Store
from debs import Thing
from feeds import FEED, THINGS, compose, make


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.rglob("repodata/*")}


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The packages that were described, by the names of their files."""
    seen: list[str] = []
    describe = shard._described

    def noted(rpm: Path, *rest: Any) -> shard.Described:
        seen.append(rpm.name)
        return describe(rpm, *rest)

    monkeypatch.setattr(shard, "_described", noted)
    return seen


def renewed(work: Path) -> tuple[list[Made], list[Made]]:
    """Give three packages, and the same three with a new version of the second."""
    before = [make(thing, work) for thing in THINGS]
    newer = make(Thing("second", "1:2.1-1", THINGS[1].members), work / "newer")
    after = [before[0], Made(newer.path, newer.name, "key of the newer", newer.package), before[2]]
    return before, after


@pytest.mark.parametrize("compression", ["zstd", "gzip", "xz"])
def test_only_a_new_package_is_described(tmp_path: Path, described: list[str], compression: str) -> None:
    feed = FEED.model_copy(update={"compression": compression})
    before, after = renewed(tmp_path)
    first = compose(tmp_path, *before, feed=feed)
    assert described == [made.rpm.name for made in before]
    described.clear()
    changed = compose(tmp_path, *after, feed=feed)
    assert described == [after[1].rpm.name]
    described.clear()
    alone = compose(tmp_path / "alone", *after, feed=feed)
    assert described == [made.rpm.name for made in after]
    assert content(changed) == content(alone) != content(first)


@pytest.mark.parametrize("harm", ["lost", "rubbish", "stale", "damaged", "collected"])
def test_a_former_compose_that_is_of_no_use_does_no_harm(
    tmp_path: Path, described: list[str], harm: str
) -> None:
    before, after = renewed(tmp_path)
    compose(tmp_path, *before)
    (note,) = (tmp_path / "store/notes").iterdir()
    (kept,) = (tmp_path / "store").glob("steps/*/*/tree/shard")
    match harm:
        case "lost":
            note.unlink()
        case "rubbish":
            note.write_bytes(b"\xff\0 first ../../..\nfirst\n\n")
        case "stale":
            note.write_text(f"first {'0' * 64}\n")
        case "damaged":
            kept.write_bytes(kept.read_bytes()[:-1])
        case _:
            Store(tmp_path / "store").collect([])
            assert not note.exists()
    described.clear()
    changed = compose(tmp_path, *after)
    assert described == [made.rpm.name for made in after]
    assert content(changed) == content(compose(tmp_path / "alone", *after))


def test_other_wishes_have_a_former_of_their_own(tmp_path: Path, described: list[str]) -> None:
    before, after = renewed(tmp_path)
    compose(tmp_path, *before)
    described.clear()
    fewer = FEED.model_copy(update={"changelogs": 0})
    feed = compose(tmp_path, *after, feed=fewer)
    assert described == [made.rpm.name for made in after]
    assert content(feed) == content(compose(tmp_path / "alone", *after, feed=fewer))
