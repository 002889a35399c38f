"""Where a cloud's records are: an SQLite file in its folder, or a PostgreSQL database that was chosen for it.

The choice is kept in the folder, in a file that only its owner can read, as the URL may have a password. A
cloud's records stay where they began, and a database has the records of one cloud alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql

from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.engine import SCHEMA, engine_of, unusable
from bluejacket.cloud.arm.store import Store
from bluejacket.errors import Fault, OutsideError, UserError
from bluejacket.store import replace_text

_OWNER = sql.Table(
    "owner",
    sql.MetaData(),
    sql.Column("one", sql.Integer, primary_key=True),
    sql.Column("subscription", sql.String, nullable=False),
)
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_WAY_OUT = "postgresql://USER:PASSWORD@HOST/NAME, where a password's special characters are %-encoded"


def remembered(state: Path) -> str:
    """Give the URL of the database that was chosen for the cloud's folder `state`; empty: its own file."""
    file = state / "database"
    return file.read_text("utf-8").strip() if file.exists() else ""


def shown(url: str) -> str:
    """Give a database's URL as anybody may read it: who, where and which, and nothing else."""
    full = sql.make_url(url)
    query = {key: value for key, value in full.query.items() if key in ("host", "port", "dbname")}
    found = sql.URL.create("postgresql", full.username, None, full.host, full.port, full.database, query)
    return found.render_as_string()


def checked(url: str) -> str:
    """Give the URL for the driver that is used; raises UserError, which never has it, for what is none."""
    scheme, _, rest = url.strip().partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    fault = Fault("the database's address is not one of PostgreSQL", _WAY_OUT)
    try:
        found = sql.make_url(url.strip())
    except (sql.exc.ArgumentError, ValueError):
        raise UserError(fault) from None
    if scheme.lower() not in _SCHEMES or authority.count("@") > 1 or not found.database:
        raise UserError(fault)
    return found.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def choose(state: Path, url: str) -> None:
    """Have the records of the cloud's folder `state` in the database `url`, from now on.

    The same database may get another address or password. Raises UserError when the cloud has its records
    elsewhere or the database has another cloud's, OutsideError when it cannot be opened.
    """
    url = checked(url)
    began = (state / "database").exists() or (state / "cloud.sqlite").exists()
    if url == remembered(state):
        return
    account = Account.of(state / "account.json")
    with _connection(url) as connection:
        mine = _owner(connection) == account.subscription
    if began and not mine:
        what = "the cloud has its records elsewhere"
        raise UserError(Fault(what, "`bluejacket cloud down --forget` forgets them; then choose again"))
    open_store(state, account, url).close()
    replace_text(state / "database", url + "\n", mode=0o600)


def open_store(state: Path, account: Account, url: str = "") -> Store:
    """Open the records of the cloud's folder `state`: in its own file, or in the database `url`.

    Raises UserError when the database has another cloud's, OutsideError when it cannot be opened.
    """
    if not url:
        return Store.at(state / "cloud.sqlite")
    with _connection(url) as connection:
        owner = _owner(connection)
    if owner not in ("", account.subscription):
        raise _taken(url)
    store = Store(url)
    try:
        with store.writing() as connection:
            _OWNER.create(connection, checkfirst=True)
            row = {"one": 1, "subscription": account.subscription}
            connection.execute(postgresql.insert(_OWNER).values(row).on_conflict_do_nothing())
            if _owner(connection) != account.subscription:
                raise _taken(url)
    except BaseException:
        store.close()
        raise
    return store


def forget(state: Path) -> None:
    """Remove the records that the cloud's folder `state` has in a database, and nothing of anybody else's.

    Raises OutsideError when it cannot be opened.
    """
    if not (url := remembered(state)):
        return
    account = Account.of(state / "account.json")
    try:
        with _connection(url) as connection:
            if _owner(connection) == account.subscription:
                connection.execute(sql.schema.DropSchema(SCHEMA, cascade=True))
    except OutsideError as error:
        way_out = f"to leave the records where they are and forget the rest, remove {state / 'database'}"
        raise OutsideError(
            *error.faults, Fault(f"nothing is forgotten: {shown(url)} has the records", way_out)
        ) from None


def _taken(url: str) -> UserError:
    what = f"{shown(url)} has the records of another cloud"
    return UserError(Fault(what, "give each cloud a database of its own"))


def _owner(connection: sql.Connection) -> str:
    if not sql.inspect(connection).has_table(_OWNER.name, SCHEMA):
        return ""
    return str(connection.execute(sql.select(_OWNER.c.subscription)).scalar() or "")


@contextmanager
def _connection(url: str) -> Iterator[sql.Connection]:
    engine = engine_of(url)
    try:
        with engine.begin() as connection:
            yield connection
    except sql.exc.SQLAlchemyError as error:
        raise unusable(error, engine) from None
    finally:
        engine.dispose()
