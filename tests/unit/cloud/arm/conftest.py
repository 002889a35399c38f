"""The databases that the store can have: a file, and a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from postgres import Postgresql, postgresql

NewDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def server() -> Iterator[Postgresql]:
    with postgresql() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewDatabase:
    """Make an empty database and give its URL."""
    if request.param == "postgresql":
        server: Postgresql = request.getfixturevalue("server")
        return server.emptied
    return lambda: f"sqlite:///{tmp_path_factory.mktemp('store') / 'cloud.sqlite'}"


@pytest.fixture
def database(new_database: NewDatabase) -> str:
    """The URL of an empty database."""
    return new_database()
