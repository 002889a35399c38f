"""What was accepted once is told by every report that comes after."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bluejacket.cli.entry import main
from bluejacket.cli.session import open_session
from bluejacket.cli.work import review_wanted
from bluejacket.definition import Release, load
from bluejacket.feed.built import Built, signer_of
from bluejacket.foundation.index import IndexRecord
from bluejacket.foundation.lock import Lock, lock_file, write_lock
from bluejacket.image.build import SUMS
from bluejacket.image.papers import MANIFEST, PROVENANCE, as_text, manifest, provenance
from bluejacket.image.plan import Plan
from bluejacket.store import State
from bluejacket.store.files import replace_link
from debs import Member, Thing
from snapshotted import GOOD, Snapshots

EPOCH = 1_790_000_000
STALE = "forky: the index is 22 days past its Valid-Until; accepted because apt is set not to check it"
WARNING = f"warning: {STALE}\n"


class Locked:
    """The example's definitions with a lock whose index was too old, and their state folder."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(GOOD, folder / "distro")
        self.release: Release = load(folder / "distro").release("1")
        record = IndexRecord("debian", "forky", "0" * 64, "2026-11-01T00:00:00+00:00", (), STALE)
        self.lock = Lock("1", "archive", "", EPOCH, (record,), (), ())
        write_lock(self.lock, lock_file(self.release))
        self.state = State(folder / "state")
        self.options = ["--distro", str(folder / "distro"), "--state", str(self.state.root)]


@pytest.fixture
def stale(tmp_path: Path) -> Locked:
    return Locked(tmp_path)


def test_a_feed_that_is_verified_tells_what_its_lock_accepted(
    stale: Locked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = Snapshots(tmp_path, signer_of(stale.state, stale.release))
    built, _ = world.build(Thing("thing", "1-1", [Member("/usr/share/thing", b"1")]))
    replace_link(stale.state.feed_link("harbour", "1"), built.folder)
    words = ["feed", "verify", "1", "--no-dnf"]
    assert main([*stale.options, *words]) == 0
    assert WARNING in capsys.readouterr().err
    lock_file(stale.release).unlink()
    assert main([*stale.options, *words]) == 0
    assert "warning" not in capsys.readouterr().err


def test_an_image_tells_what_it_was_made_from(stale: Locked, capsys: pytest.CaptureFixture[str]) -> None:
    """By its own papers: the lock may be another by now."""
    image = stale.release.images["small"]
    plan = Plan(stale.release, image, stale.release.profile_of(image), (), EPOCH)
    folder = stale.state.root / "made"
    folder.mkdir(parents=True)
    (folder / SUMS).write_text("")
    (folder / MANIFEST).write_text(as_text(manifest(plan)))
    (folder / PROVENANCE).write_text(as_text(provenance(plan, stale.lock, "1" * 64, "step", {})))
    replace_link(stale.state.image_link("harbour", "1", "small"), folder)
    lock_file(stale.release).unlink()
    for words in (["list"], ["show", "small", "--release", "1"]):
        assert main([*stale.options, "image", *words]) == 0
        assert capsys.readouterr().err.count(WARNING) == 1


@pytest.mark.parametrize(("count", "told"), [(1, "a (`"), (3, "a; b; c (`"), (5, "a; b; c; and 2 more (`")])
def test_a_few_scripts_without_a_review_are_named(
    stale: Locked, tmp_path: Path, count: int, told: str
) -> None:
    """With the command that shows them, of the same definitions and state."""
    session = open_session(tmp_path / "distro", stale.state.root, False, False)
    built = Built("4", Path(), "", "", 0, 0, 0, tuple("abcde"[:count]), ())
    where = " ".join(stale.options)
    assert f"ran: {told}bluejacket {where} feed scripts PACKAGE --release 4`" in review_wanted(session, built)
