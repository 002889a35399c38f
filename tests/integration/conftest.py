"""The real parts, made once and kept in the state folder that `./run` uses as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluejacket.definition import Definitions, Release, load
from bluejacket.errors import UserError
from bluejacket.foundation.debian.convert_index import IndexFile
from bluejacket.foundation.lock import Lock, read_lock
from bluejacket.foundation.locking import archive_of, fetch_locked, make_lock
from bluejacket.store import State, state_folder
from bluejacket.tools import Sandbox
from bluejacket.tools.tree import tools_tree

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
    try:
        return read_lock(release)
    except UserError:
        return make_lock(state, release)[0]


@pytest.fixture(scope="session")
def index_files(state: State, release: Release) -> list[IndexFile]:
    """The verified `Packages` files of release 4's foundation as they are today."""
    return archive_of(state, release, release.foundation).index_files()


@pytest.fixture(scope="session")
def tools(state: State, release: Release, lock: Lock) -> Path:
    return tools_tree(
        state.store, release, lock, lambda e: fetch_locked(state, release, e, "Tools"), state.report
    )


@pytest.fixture
def sandbox(tools: Path, tmp_path: Path) -> Sandbox:
    return Sandbox(tools, tmp_path / "logs")
