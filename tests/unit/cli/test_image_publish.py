"""Publishing an image to the local cloud's marketplace: what disagrees with the advisories is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bluejacket.cli.cloud import publish_if_empty
from bluejacket.cli.entry import main
from bluejacket.cli.session import Session, open_session
from bluejacket.feed.agreement import image_disagreements
from bluejacket.feed.built import signer_of
from bluejacket.store.files import replace_link
from debs import Member, Thing
from snapshotted import DAY, GOOD, NOON, Snapshots
from told import Told

OFFER = """
[[offer]]
publisher = "Harbour"
offer = "harbour"
sku = "1"
release = "1"
image = "NAME"
"""
OLD = Thing("thing", "2:1.2-2", [Member("/usr/share/thing", b"old")])
FIXED = Thing("thing", "2:1.2-3", [Member("/usr/share/thing", b"fixed")])
LACKS = (
    "image NAME: HASA-2026:0001: fixed: holds thing-2:1.2-2.noarch; advisories.json: fixed in thing-2:1.2-3"
)


class Shelf:
    """A world whose definitions offer its one image."""

    def __init__(self, folder: Path) -> None:
        self.world = Snapshots(folder / "world")
        self.world.signer = signer_of(self.world.state, self.world.release)
        self.distro = folder / "distro"
        shutil.copytree(GOOD, self.distro)
        self.image = next(iter(self.session().release("1").images))
        (self.distro / "catalogue.toml").write_text(OFFER.replace("NAME", self.image))

    def session(self) -> Session:
        return open_session(self.distro, self.world.state.root, False, False)

    def put(self, thing: Thing, on: Thing) -> Path:
        """Let an image that holds `thing`, made from a feed of `on`, be the newest; gives its folder."""
        built, _ = self.world.build(on)
        folder = self.world.image(built, thing)
        replace_link(self.world.state.image_link(self.world.release.distribution.id, "1", self.image), folder)
        return folder

    def publish(self) -> int:
        options = ["--distro", str(self.distro), "--state", str(self.world.state.root)]
        return main([*options, "image", "publish", self.image, "--release", "1"])

    def wrong(self, folder: Path) -> list[str]:
        state, release = self.world.state, self.world.release
        certificate = self.world.signer.certificate()
        return [str(one) for one in image_disagreements(state, release, self.image, folder, certificate)]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_an_image_that_lacks_a_fix_of_its_own_snapshot_is_refused(
    shelf: Shelf, capfd: pytest.CaptureFixture[str]
) -> None:
    shelf.world.take(OLD)
    shelf.world.take(FIXED, now=NOON + DAY)
    folder = shelf.put(OLD, on=FIXED)
    assert shelf.publish() == 2
    told = capfd.readouterr().err
    assert LACKS.replace("NAME", shelf.image) in told
    assert f"the image {shelf.image} was not published: it disagrees with the release's advisories" in told
    assert f"`bluejacket image build {shelf.image} --release 1`" in told
    assert not (shelf.world.state.root / "cloud/market").exists()
    assert len(shelf.wrong(folder)) == 2  # it holds a package that its feed has not, either
    assert shelf.wrong(shelf.put(FIXED, on=FIXED)) == []


def test_an_image_without_a_fix_of_the_newest_snapshot_is_refused(
    shelf: Shelf, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whether it agrees with its own snapshot, or no snapshot has its packages."""
    shelf.world.take(OLD)
    folder = shelf.put(OLD, on=OLD)
    assert shelf.wrong(folder) == []
    shelf.world.take(FIXED, now=NOON + DAY)
    assert [line.partition(" fixed in")[0] for line in shelf.wrong(folder)] == [
        LACKS.replace("NAME", shelf.image).partition(" fixed in")[0]
    ]
    other = Thing("other", "1-1", [Member("/usr/share/other", b"other")])
    shelf.world.build(OLD, other)
    assert len(shelf.wrong(shelf.put(OLD, on=other))) == 1
    assert shelf.publish() == 2
    assert LACKS.replace("NAME", shelf.image) in capfd.readouterr().err
    newer = replace(FIXED, version="2:1.3-1")
    assert shelf.wrong(shelf.put(newer, on=newer)) == [], "what no snapshot has yet may be newer"


def test_before_any_snapshot_there_is_nothing_to_disagree_with(shelf: Shelf) -> None:
    assert shelf.wrong(shelf.put(OLD, on=FIXED)) == []


def test_a_cloud_that_comes_up_leaves_such_an_image_out(shelf: Shelf) -> None:
    shelf.world.take(OLD)
    shelf.world.take(FIXED, now=NOON + DAY)
    shelf.put(OLD, on=FIXED)
    (shelf.distro / "releases/2.toml").unlink()  # the newest release's image is taken
    told = Told()
    publish_if_empty(replace(shelf.session(), report=told))
    assert any(LACKS.replace("NAME", shelf.image) in text for text in told.warnings)
    assert any("marketplace is empty" in text for text in told.warnings)
