"""How the store's databases are reached: an SQLite file of the cloud's own, or PostgreSQL.

In PostgreSQL all tables are in a schema of their own, so that they meet nobody else's and go as one. What a
statement was given may be a secret, so no error tells it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sql

from bluejacket.errors import Fault, OutsideError, UserError

SCHEMA = "bluejacket"
CONNECT_S = 10


def engine_of(url: str) -> sql.Engine:
    """Give the engine for `sqlite:///FILE` or `postgresql://…`; raises UserError without its driver."""
    return _sqlite(url) if url.startswith("sqlite") else _postgresql(url)


def schema_of(engine: sql.Engine) -> str | None:
    """Give the schema that the tables are in, or None for the database's only one."""
    return SCHEMA if engine.dialect.name == "postgresql" else None


def unusable(error: sql.exc.SQLAlchemyError, engine: sql.Engine) -> OutsideError:
    """Give the error for a database that cannot be opened; it never has the password."""
    told = " ".join(str(getattr(error, "orig", None) or error).split())
    if password := engine.url.password:
        told = told.replace(str(password), "***")
    way_out = "is its folder writable, and is the disk not full?"
    if schema_of(engine):
        way_out = f"does the server run, and may its user make the schema {SCHEMA} in this database?"
    return OutsideError(Fault(f"the cloud's database cannot be opened: {told}", way_out))


def _postgresql(url: str) -> sql.Engine:
    try:
        engine = sql.create_engine(
            url,
            pool_size=8,
            max_overflow=56,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={} if "connect_timeout" in url else {"connect_timeout": CONNECT_S},
            execution_options={"schema_translate_map": {None: SCHEMA}},
        )
    except ImportError:
        fault = Fault("PostgreSQL's driver is not installed", "`pip install 'bluejacket[postgresql]'`")
        raise UserError(fault) from None

    @sql.event.listens_for(engine, "handle_error")
    def blot(context: sql.engine.ExceptionContext) -> None:
        # Beyond its first line, what the server says quotes the row that it refuses.
        for error in (context.original_exception, context.sqlalchemy_exception):
            if error is not None and error.args:
                error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])

    return engine


def _sqlite(url: str) -> sql.Engine:
    engine = sql.create_engine(
        url, pool_size=8, max_overflow=-1, hide_parameters=True, connect_args={"timeout": 60}
    )

    @sql.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # With NORMAL, commits survive a kill, and the file stays whole in a power cut (sqlite.org).
        connection.isolation_level = None  # SQLAlchemy's own BEGIN, below, and none for a lone SELECT
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    @sql.event.listens_for(engine, "begin")
    def begin(connection: sql.Connection) -> None:
        if not connection.get_execution_options().get("reads_only"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
