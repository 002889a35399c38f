"""Which database a cloud has its records in: chosen once, its own, and never told with a password."""

from __future__ import annotations

import stat
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import sqlalchemy as sql

from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.database import checked, choose, forget, open_store, remembered, shown
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.store import Store
from bluejacket.cloud.arm.tables import RESOURCES
from bluejacket.errors import OutsideError, UserError
from postgres import Postgresql, postgresql

DISK = ResourceId.parse("/subscriptions/s/resourceGroups/g/providers/N/disks/d")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgresql]:
    """One that can be logged in to by password, and is stopped in between."""
    with postgresql(loopback=True) as started:
        yield started


@pytest.fixture
def states(tmp_path: Path) -> list[Path]:
    found = [tmp_path / name for name in ("one", "two")]
    for folder in found:
        folder.mkdir()
    return found


def opened(state: Path) -> Any:
    return closing(open_store(state, Account.of(state / "account.json"), remembered(state)))


def by_password(server: Postgresql, url: str, password: str = "") -> str:
    """Give the same database's address at the loopback."""
    name = url.partition("?")[0].rpartition("/")[2]
    return f"postgresql://crew:{quote(password or server.password, safe='')}@127.0.0.1:{server.port}/{name}"


def test_records_are_where_they_were_chosen_to_be(server: Postgresql, states: list[Path]) -> None:
    url = server.database()
    choose(states[0], url)
    with opened(states[0]) as store:
        store.put(Resource(DISK))
    choose(states[0], url)
    with opened(states[0]) as store:
        assert store.get(DISK)
    assert not (states[0] / "cloud.sqlite").exists()
    assert stat.S_IMODE((states[0] / "database").stat().st_mode) == 0o600
    assert all(table.startswith("bluejacket.") for table in server.tables(url))


def test_the_same_database_may_get_another_address(server: Postgresql, states: list[Path]) -> None:
    url = server.database()
    choose(states[0], url)
    with opened(states[0]) as store:
        store.put(Resource(DISK))
    choose(states[0], by_password(server, url))
    assert "127.0.0.1" in remembered(states[0])
    with opened(states[0]) as store:
        assert store.get(DISK)


def test_a_database_has_one_cloud_and_a_cloud_one_database(server: Postgresql, states: list[Path]) -> None:
    first, second = server.database(), server.database()
    choose(states[0], first)
    with pytest.raises(UserError, match="has the records of another cloud"):
        choose(states[1], first)
    assert remembered(states[1]) == ""
    with pytest.raises(UserError, match="its records elsewhere"):
        choose(states[0], second)
    assert server.tables(second) == []
    with opened(states[1]) as store:
        store.put(Resource(DISK))
    with pytest.raises(UserError, match="its records elsewhere"):
        choose(states[1], second)
    assert remembered(states[1]) == ""


def test_what_is_forgotten_is_the_cloud_s_own(server: Postgresql, states: list[Path]) -> None:
    url = server.database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE resources (mine int)")
    choose(states[0], url)
    (states[1] / "database").write_text(checked(url))
    with pytest.raises(UserError, match="another cloud"), opened(states[1]):
        pass
    forget(states[1])
    assert "bluejacket.resources" in server.tables(url)
    forget(states[0])
    assert server.tables(url) == ["public.resources"]
    (states[0] / "database").unlink()
    forget(states[0])


def test_a_server_that_is_away_is_told_without_the_password(server: Postgresql, states: list[Path]) -> None:
    url = by_password(server, server.database())
    choose(states[0], url)
    with opened(states[0]) as store:
        store.put(Resource(DISK))
        server.stop()
        try:
            for attempt in (opened, forget):
                with pytest.raises(OutsideError) as told:
                    attempt(states[0])
                assert "Connection refused" in str(told.value)
                assert server.password not in str(told.value)
                assert quote(server.password, safe="") not in str(told.value)
        finally:
            server.start()
        assert store.get(DISK), "the store finds the server again"
    with pytest.raises(OutsideError, match="password authentication failed") as told:
        choose(states[1], by_password(server, url, "wrong word"))
    assert "wrong" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://crew:secret@host/name",
        "secret",
        "sqlite:///secret",
        "postgresql://crew:secret@host",
        "postgresql://crew:s@cret@host/name",
        "postgresql://crew:secret@host:port/name",
        "",
    ],
)
def test_addresses_that_are_none(url: str, states: list[Path]) -> None:
    with pytest.raises(UserError, match="is not one of PostgreSQL") as told:
        choose(states[0], url)
    assert "secret" not in str(told.value)
    assert "cret@" not in str(told.value)


def test_what_is_shown_of_an_address() -> None:
    url = checked("postgres://crew:s%40cret@host:5433/name?host=/run/x&password=secret&sslmode=require")
    assert sql.make_url(url).password == "s@cret"
    assert shown(url) == "postgresql://crew@host:5433/name?host=%2Frun%2Fx"
    assert shown("postgresql+psycopg://host/name") == "postgresql://host/name"


def test_no_error_tells_what_a_statement_was_given(database: str) -> None:
    """What a record hides may be a password, and tracebacks go to the log."""
    with (
        closing(Store(database)) as store,
        pytest.raises(sql.exc.IntegrityError) as told,
        store.writing() as c,
    ):
        c.execute(RESOURCES.insert(), {"key": "k", "type": "t", "data": "secret"})
    assert "secret" not in "".join(traceback.format_exception(told.value)).replace('"data": "secret"', "")
    assert "null" in str(told.value).lower()
