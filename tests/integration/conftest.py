"""The real parts, made once and kept in the state folder that `./run` uses as well."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bluejacket.definition import Definitions, Release, load
from bluejacket.feed.build import build_feed
from bluejacket.feed.built import Built, boot_key_of, signer_of
from bluejacket.foundation.lock import Lock
from bluejacket.foundation.locked import fetch_locked
from bluejacket.image import BuiltImage, Workbench, build_image
from bluejacket.package.own import Workshop
from bluejacket.store import State, state_folder
from bluejacket.tools import Sandbox
from bluejacket.tools.tree import tools_step, tools_tree
from locks import lock_of

DISTRO = Path(__file__).parents[2] / "distro"


@pytest.fixture(scope="session")
def state() -> State:
    return State(state_folder())


@pytest.fixture(scope="session")
def definitions() -> Definitions:
    return load(DISTRO)


@pytest.fixture(scope="session")
def release(definitions: Definitions) -> Release:
    return definitions.release("4")


@pytest.fixture(scope="session")
def lock(state: State, release: Release) -> Lock:
    return lock_of(state, release)


@pytest.fixture(scope="session")
def tools(state: State, release: Release, lock: Lock) -> Path:
    return tools_tree(
        state.store, release, lock, lambda e: fetch_locked(state, release, e, "Tools"), state.report
    )


@pytest.fixture
def sandbox(tools: Path, tmp_path: Path) -> Sandbox:
    return Sandbox(tools, tmp_path / "logs")


@pytest.fixture(scope="session")
def shop(state: State, release: Release, lock: Lock, tools: Path) -> Workshop:
    box = Sandbox(tools, state.logs)
    keys = signer_of(state, release), boot_key_of(state, release)
    return Workshop(state.store, box, tools_step(release, lock).key, keys[0], lock.epoch, keys[1])


@pytest.fixture(scope="session")
def feed(state: State, release: Release, lock: Lock, shop: Workshop) -> Built:
    """The release's feed, built as `bluejacket build` builds it."""
    return build_feed(state, release, lock, shop.box, shop.tools)


@pytest.fixture(scope="session")
def bench(state: State, shop: Workshop) -> Workbench:
    assert shop.boot_key is not None
    return Workbench(state.store, shop.box, shop.tools, shop.signer, shop.boot_key, state.report)


@pytest.fixture(scope="session")
def image(release: Release, lock: Lock, bench: Workbench, feed: Built) -> BuiltImage:
    """The image vm, built as `bluejacket image build vm` builds it."""
    return build_image(bench, release, release.images["vm"], lock, feed)


@pytest.fixture(scope="session")
def dnf4(state: State, definitions: Definitions) -> Path:
    """A tree with the DNF 4 of release 3, of which its lock knows all that it needs."""
    release = definitions.release("3")
    lock = lock_of(state, release)
    wanted, more = set[str](), {"dnf", "dash", "bash", "coreutils", "base-passwd", "rpm"}
    while more:
        wanted |= more
        more = {e.package.name for e in lock.packages if any(c.by in wanted for c in e.causes)} - wanted
    packages = tuple(entry for entry in lock.packages if entry.package.name in wanted)
    tree: Lock = dataclasses.replace(lock, tools=packages)
    plain = dataclasses.replace(release, tools=release.tools.model_copy(update={"links": ()}))
    return tools_tree(
        state.store, plain, tree, lambda e: fetch_locked(state, release, e, "DNF 4"), state.report
    )
