"""The tables of the store: records, what these refer to, operations and events. Keys are in lower case."""

from __future__ import annotations

import sqlalchemy as sql

META = sql.MetaData()
_KEY = sql.String().with_variant(sql.String(collation="C"), "postgresql")

RESOURCES = sql.Table(
    "resources",
    META,
    sql.Column("key", _KEY, primary_key=True),
    sql.Column("type", _KEY, nullable=False),
    sql.Column("subscription", _KEY, nullable=False),
    sql.Column("grp", _KEY, nullable=False),
    sql.Column("parent", _KEY, nullable=False),
    sql.Column("data", sql.Text, nullable=False),
    sql.Index("resources_by_type", "type", "key"),
    sql.Index("resources_by_group", "subscription", "grp", "key"),
    sql.Index("resources_by_parent", "parent", "type", "key"),
)
REFERENCES = sql.Table(
    "refs",
    META,
    sql.Column("target", _KEY, primary_key=True),
    sql.Column("source", _KEY, primary_key=True),
    sql.Index("refs_by_source", "source"),
)
OPERATIONS = sql.Table(
    "operations",
    META,
    sql.Column("name", _KEY, primary_key=True),
    sql.Column("number", sql.Integer, nullable=False),
    sql.Column("status", sql.String, nullable=False),
    sql.Column("ended", sql.String, nullable=False),
    sql.Column("data", sql.Text, nullable=False),
    sql.Index("operations_by_status", "status", "number"),
    sql.Index("operations_by_end", "ended"),
)
ACTIVITY = sql.Table(
    "activity",
    META,
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("time", sql.String, nullable=False),
    sql.Column("scope", _KEY, nullable=False),
    sql.Column("correlation", sql.String, nullable=False),
    sql.Column("data", sql.Text, nullable=False),
    sql.Index("activity_by_time", "time"),
    sql.Index("activity_by_correlation", "correlation"),
)
