"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

TOP = Path(__file__).parents[1]

# Wall time says nothing on a busy machine, and a run must be repeatable.
settings.register_profile("bluejacket", deadline=None, derandomize=True)
settings.load_profile("bluejacket")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite generated reference pages")


@pytest.fixture(scope="session")
def update(request: pytest.FixtureRequest) -> bool:
    """Whether generated files are to be rewritten instead of compared."""
    return bool(request.config.getoption("--update"))


@pytest.fixture(scope="session")
def distro() -> Path:
    """The definitions' folder of this repository."""
    return TOP / "distro"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies below tests/integration is an integration test."""
    for item in items:
        if (TOP / "tests" / "integration") in item.path.parents:
            item.add_marker(pytest.mark.integration)
