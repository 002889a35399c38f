"""The image that the boot tests boot, built as `bluejacket image build vm` builds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.feed.build import Built, build_feed, signer_of
from bluejacket.foundation.lock import Lock
from bluejacket.image import Workbench, build_image
from bluejacket.package.own import Workshop
from bluejacket.store import State
from bluejacket.tools import Sandbox
from bluejacket.tools.tree import tools_step


@pytest.fixture(scope="session")
def shop(state: State, release: Release, lock: Lock, tools: Path) -> Workshop:
    box = Sandbox(tools, state.logs)
    return Workshop(state.store, box, tools_step(release, lock).key, signer_of(state, release), lock.epoch)


@pytest.fixture(scope="session")
def feed(state: State, release: Release, lock: Lock, shop: Workshop) -> Built:
    return build_feed(state, release, lock, shop.box, shop.tools)


@pytest.fixture(scope="session")
def vm_disk(state: State, release: Release, lock: Lock, shop: Workshop, feed: Built) -> Path:
    bench = Workbench(state.store, shop.box, shop.tools, shop.signer, state.report)
    return build_image(bench, release, release.images["vm"], lock, feed).disks["raw"]
