"""What all tests share."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer

from bluejacket.store import state_folder
from failures import TellAtOnce
from lanes import Lanes, in_turn
from longrun import LongRun

TOP = Path(__file__).parents[1]

# Wall time says nothing on a busy machine, and a run must be repeatable.
settings.register_profile("bluejacket", deadline=None, derandomize=True)
settings.load_profile("bluejacket")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite generated reference pages")


def pytest_configure(config: pytest.Config) -> None:
    """Tell of failures at once, but for the workers, which have no terminal."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(TellAtOnce(config))


@pytest.fixture(scope="session")
def update(request: pytest.FixtureRequest) -> bool:
    """Whether generated files are to be rewritten instead of compared."""
    return bool(request.config.getoption("--update"))


@pytest.fixture(scope="session")
def rotating_seed() -> int:
    """Another number each day, so that random moments rotate; told, so that a failure can be repeated."""
    seed = int(os.environ.get("BLUEJACKET_SEED") or datetime.now(UTC).toordinal())
    print(f"BLUEJACKET_SEED={seed}")
    return seed


@pytest.fixture(scope="session")
def long_run() -> LongRun:
    """Where long tests keep what they have done, so that they can be resumed."""
    return LongRun(state_folder() / "long")


@pytest.fixture(scope="session")
def distro() -> Path:
    """The definitions' folder of this repository."""
    return TOP / "distro"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies below tests/integration is an integration test."""
    for item in items:
        if (TOP / "tests" / "integration") in item.path.parents:
            item.add_marker(pytest.mark.integration)
    items[:] = in_turn(items)


@pytest.hookimpl(optionalhook=True)  # pytest-xdist asks
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes | None:
    """Integration tests run in lanes (`--dist loadscope`); all others as pytest-xdist has them."""
    return Lanes(config, log) if config.getoption("dist") == "loadscope" else None
