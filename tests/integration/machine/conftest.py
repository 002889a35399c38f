"""What the tests of machines boot."""

from __future__ import annotations

import pytest

from bluejacket.definition import Release
from bluejacket.feed.built import Built
from bluejacket.foundation.lock import Lock
from bluejacket.image import BuiltImage
from bluejacket.machine import Boot, expected_of
from bluejacket.package.own import Workshop
from bluejacket.store import State
from bootfeeds import FAILING, BootFeeds, failing_kernel, newer_kernel
from guests import LIMIT_S
from powercuts import feeds_for, repositories

DISK_GIB = 8
ASKED = "dosfstools"  # in the feed and not in the image; named in the user data


@pytest.fixture(scope="module")
def recorded_boot(
    state: State,
    release: Release,
    lock: Lock,
    shop: Workshop,
    feed: Built,
    image: BuiltImage,
    tmp_path_factory: pytest.TempPathFactory,
) -> Boot:
    """Boot the image with feeds of newer kernels and of what it has to refuse; its writes are recorded."""
    top = tmp_path_factory.mktemp("boot")
    (top / "feeds").mkdir()
    feeds = BootFeeds(top / "feeds", release, shop.signer, lock.epoch)
    feeds.main(feed.folder)
    feeds.refused()
    feeds_for(top, feeds, newer_kernel(state, release, lock, shop))
    feeds.small(FAILING, failing_kernel(state, release, lock, shop, top))
    return Boot(
        image.disks["vhd"],
        "vm",
        instance="i-boot",
        feed=feeds.top,
        feed_variable=release.feed.variable,
        variables={release.feed.variable: "http://10.0.2.4/main/"},
        files={"/etc/yum.repos.d/test.repo": feeds.repositories() + "\n" + repositories(feeds)},
        packages=(ASKED,),
        disk_gib=DISK_GIB,
        writes=top / "writes.log",
        limit_s=LIMIT_S,
        expected=expected_of(release.profile_of(release.images["vm"]), release.pretty_name),
    )
