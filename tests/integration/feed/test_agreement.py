"""The real image against the advisories of real snapshots: published until it lacks a fix."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from bluejacket.cli.entry import main
from bluejacket.definition import Release
from bluejacket.errors import UserError
from bluejacket.feed.agreement import disagreements, image_disagreements, manifest_of
from bluejacket.feed.boots import BootRecord, content_of_feed
from bluejacket.feed.built import Built, signer_of
from bluejacket.feed.compose import compose_index
from bluejacket.feed.folder import lay_out
from bluejacket.feed.publish.send import Wishes, publish
from bluejacket.feed.publish.target import open_target
from bluejacket.feed.shipped import packages_of
from bluejacket.feed.snapshot import Snapshot
from bluejacket.feed.take import take_snapshot
from bluejacket.foundation.lock import Lock
from bluejacket.image import BuiltImage
from bluejacket.package.made import Made
from bluejacket.store import State, Step
from bluejacket.store.blobs import sha256_of
from bluejacket.store.files import replace_link
from bluejacket.store.steps import canonical
from debs import BUILT, Member, Thing
from feeds import make

CVE = "CVE-2026-1111"
LOG = f"""\
tzdata (9999-1) stable; urgency=high

  * Fix an overflow ({CVE}).

 -- A Person <a@example.org>  Mon, 21 Sep 2026 14:13:20 +0000
"""


@pytest.fixture
def own(tmp_path: Path, state: State, release: Release, image: BuiltImage) -> State:
    """A state folder with the store and keys of all others, and links of its own."""
    found = State(tmp_path / "state")
    found.root.mkdir()
    for folder in (state.store.root, state.keys, state.indexes):
        (found.root / folder.name).symlink_to(folder)
    replace_link(found.image_link(release.distribution.id, release.version, "vm"), image.folder)
    return found


def with_fix(own: State, release: Release, feed: Built, work: Path) -> Built:
    """Give the real feed with a newer tzdata, which fixes a CVE."""
    signer = signer_of(own, release)
    fixed = make(
        Thing("tzdata", "9999-1", [Member("/usr/share/zoneinfo/UTC", b"TZif")], changelog=LOG), work, signer
    )
    step = Step("import", "of-a-test", canonical(sha256_of(fixed.rpm)), (signer.identity,))

    def write(into: Path) -> None:
        for file in fixed.rpm.parent.glob(f"{fixed.rpm.name}*"):
            (into / file.name).write_bytes(file.read_bytes())

    tree = own.store.obtain(step, write)
    newer = Made(str(tree / fixed.rpm.name), "tzdata", step.key, fixed.package)
    packages: Sequence[Made] = [one for one in packages_of(own.store, feed)[0] if one.name != "tzdata"]
    index = compose_index(own.store, release.feed, [*packages, newer], signer, BUILT).parent.name
    folder = lay_out(own.store, index, [*packages, newer])
    return Built(release.version, folder, folder.parent.name, index, BUILT, feed.packages, feed.size, (), ())


def boot(own: State, release: Release, image: BuiltImage, feed: Built) -> None:
    content = content_of_feed(own.store, feed.key)
    manifest = manifest_of(image.folder)
    BootRecord(release.version, "vm", image.key, feed.key, content, True, 1, {}, manifest).save(own)


def test_the_real_image_agrees_until_the_feed_has_a_fix_that_it_lacks(
    own: State,
    release: Release,
    lock: Lock,
    feed: Built,
    image: BuiltImage,
    distro: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    signer, now = signer_of(own, release), int(time.time())
    certificate = signer.certificate()

    def wrong() -> list[str]:
        return [str(one) for one in image_disagreements(own, release, "vm", image.folder, certificate)]

    def snapshot(of: Built, when: int) -> Snapshot:
        return take_snapshot(own, release, lock, of, signer, when).snapshot

    first = snapshot(feed, now)
    boot(own, release, image, feed)
    assert disagreements(own, release, first, certificate) == []
    assert wrong() == []
    words = ["--distro", str(distro), "--state", str(own.root), "image", "publish", "vm"]
    assert main(words) == 0, capfd.readouterr().err
    capfd.readouterr()

    newer = with_fix(own, release, feed, tmp_path / "work")
    second = snapshot(newer, now + 86400)
    boot(own, release, image, newer)  # as a record would say that names the wrong image
    (held,) = (row["evr"] for row in manifest_of(image.folder) if row["name"] == "tzdata")
    lacks = f"fixed: holds tzdata-{held}.noarch; advisories.json: fixed in tzdata-9999-1."
    assert any(lacks in line for line in wrong()), wrong()
    place = open_target(str(tmp_path / "site"))
    with pytest.raises(
        UserError, match=rf"nothing was published: .*\n(.*\n)*{second.id}: image vm: .*tzdata"
    ):
        publish(own, release, place, certificate, Wishes(("https://feed.example/",)), now)
    assert not (tmp_path / "site").exists()
    assert main(words) == 2
    told = capfd.readouterr().err
    assert "the image vm was not published" in told
    assert lacks in told
