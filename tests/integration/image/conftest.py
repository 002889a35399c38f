"""The image vm, built as `bluejacket image build vm` builds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.feed.build import Built, build_feed, signer_of
from bluejacket.foundation.lock import Lock
from bluejacket.image import BuiltImage, Workbench, build_image
from bluejacket.store import State
from bluejacket.tools import Sandbox
from bluejacket.tools.tree import tools_step


@pytest.fixture(scope="session")
def bench(state: State, release: Release, lock: Lock, tools: Path) -> Workbench:
    box = Sandbox(tools, state.logs)
    return Workbench(state.store, box, tools_step(release, lock).key, signer_of(state, release), state.report)


@pytest.fixture(scope="session")
def feed(state: State, release: Release, lock: Lock, bench: Workbench) -> Built:
    return build_feed(state, release, lock, bench.box, bench.tools)


@pytest.fixture(scope="session")
def image(release: Release, lock: Lock, bench: Workbench, feed: Built) -> BuiltImage:
    return build_image(bench, release, release.images["vm"], lock, feed)
