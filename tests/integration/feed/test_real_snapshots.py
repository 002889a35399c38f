"""Whole snapshots of release 3, of `trixie` alone and with its security fixes, and the images made of them.

All that they say has to agree; and what is wrong in the earlier image has to be told of the later snapshot.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.feed.advisory import Advisory
from bluejacket.feed.advisory.record import from_json
from bluejacket.feed.advisory.verify import verify_advisories
from bluejacket.feed.agreement import image_disagreements, manifest_of
from bluejacket.feed.snapshot import ADVISORIES, Snapshot
from bluejacket.image import Workbench, build_image
from bluejacket.package.own import Workshop
from bluejacket.store import State
from patching import Apart, Definitions, Site

pytestmark = [pytest.mark.long]

DAY = 86400
SUITE = "trixie-security"


@dataclass(frozen=True)
class Life:
    """Two snapshots of a release, oldest first, and the folders of the images made from their feeds."""

    state: State
    release: Release
    certificate: str
    snapshots: tuple[Snapshot, ...]
    images: tuple[Path, ...]

    @property
    def advisories(self) -> tuple[Advisory, ...]:
        """Those of the later snapshot."""
        return from_json((self.snapshots[1].folder / ADVISORIES).read_text("utf-8"))


@pytest.fixture(scope="module")
def life(shop: Workshop, state: State, distro: Path, tmp_path_factory: pytest.TempPathFactory) -> Life:
    top = tmp_path_factory.mktemp("snapshots-3")
    site = Site(Apart(state.root, elsewhere=top / "snapshots"), shop, top / "site")
    release = Definitions.copied(distro, top / "distro", "3").release()
    start, images = int(time.time()) - 3 * DAY, []
    bench = Workbench(state.store, shop.box, shop.tools, shop.signer, shop.boot_key, state.report)
    for number, without in enumerate(((SUITE,), ())):
        lock, built = site.build(release, leave_out=without)
        site.take(release, lock, built, start + number * DAY)
        images.append(build_image(bench, release, release.images["vm"], lock, built).folder)
    return Life(site.state, release, shop.signer.certificate(), tuple(site.taken), tuple(images))


def test_the_archive_has_fixes_that_the_image_had_not(life: Life) -> None:
    assert life.advisories
    names = {row["name"] for row in manifest_of(life.images[0])}
    assert any(fixed.name in names for one in life.advisories for fixed in one.fixed)


@pytest.mark.parametrize("number", [0, 1])
def test_advisories_packages_and_image_of_a_snapshot_agree(life: Life, number: int) -> None:
    folder = life.snapshots[number].folder.resolve()
    images = {"vm": manifest_of(life.images[number])}
    assert verify_advisories(folder, images, certificate=life.certificate) == []


def test_the_earlier_image_lacks_every_fix_that_concerns_it(life: Life) -> None:
    manifest = manifest_of(life.images[0])
    held = {(row["name"], row["arch"]): row["evr"] for row in manifest}
    concerned = {
        one.id
        for one in life.advisories
        if one.cves and any((fixed.name, fixed.arch) in held for fixed in one.fixed)
    }
    found = image_disagreements(life.state, life.release, "vm", life.images[0], life.certificate)
    assert {one.id for one in found} == concerned
    assert {one.field for one in found} == {"fixed"}
    assert image_disagreements(life.state, life.release, "vm", life.images[1], life.certificate) == []
