"""The store of all records, operations and events, on SQLAlchemy: SQLite by default, PostgreSQL by URL.

Every method is one transaction. SQLite keeps a write-ahead log: readers never wait for the writer, and a
process that is killed loses nothing that was committed. Ids are compared in lower case, byte by byte. What
a record refers to is kept beside it, so that those who use an address are found without reading all.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from bluejacket.cloud.arm.engine import engine_of, schema_of, unusable
from bluejacket.cloud.arm.errors import CloudError, not_found
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.tables import META, REFERENCES, RESOURCES


def now() -> str:
    """Give the time as Azure writes it: UTC, ISO 8601, microseconds."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


class Store:
    """Records by id; implements `kind.Resources`. Raises OutsideError when the database cannot be used."""

    def __init__(self, url: str) -> None:
        self.engine = engine_of(url)
        self._reading = self.engine.execution_options(reads_only=True)
        self._lock = threading.RLock()  # SQLite has one writer: wait in order here rather than by polling
        try:
            with self.writing() as connection:
                schema, found = schema_of(self.engine), sql.inspect(connection)
                if schema and not found.has_schema(schema):
                    connection.execute(sql.schema.CreateSchema(schema))
                known = found.has_table(REFERENCES.name, schema)
                META.create_all(connection)
                if not known:
                    _refer_all(connection)
        except sql.exc.SQLAlchemyError as error:
            self.engine.dispose()
            raise unusable(error, self.engine) from None

    @classmethod
    def at(cls, file: Path) -> Store:
        """Open the SQLite file, made now if it is not there, readable for its owner alone."""
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600, exist_ok=True)
        return cls(f"sqlite:///{file}")

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sql.Connection]:
        """Give a connection that reads."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sql.Connection]:
        """Give a connection in a transaction of its own, committed when the block ends well."""
        with self._lock, self.engine.begin() as connection:
            yield connection

    def get(self, resource_id: ResourceId) -> Resource | None:
        """Give the record, or None."""
        with self.reading() as connection:
            data = connection.execute(_GET, {"k": resource_id.key}).scalar_one_or_none()
        return None if data is None else _read(data)

    def need(self, resource_id: ResourceId) -> Resource:
        """Give the record; raises CloudError 404."""
        found = self.get(resource_id)
        if found is None:
            raise missing(resource_id)
        return found

    def put(self, resource: Resource) -> Resource:
        """Write the record, with a new etag and `changed`; gives it as written."""
        with self.writing() as connection:
            return self._write(connection, resource)

    def change(self, resource_id: ResourceId, edit: Callable[[Resource], None]) -> Resource:
        """Read, edit and write in one transaction; raises CloudError 404."""
        with self.writing() as connection:
            data = connection.execute(_GET.with_for_update(), {"k": resource_id.key}).scalar_one_or_none()
            if data is None:
                raise missing(resource_id)
            resource = _read(data)
            edit(resource)
            return self._write(connection, resource)

    def delete(self, resource_id: ResourceId) -> bool:
        """Remove the record and all that is below it; False when there was none."""
        with self.writing() as connection:
            below = {"k": resource_id.key, "low": resource_id.key + "/", "high": resource_id.key + "0"}
            connection.execute(_FORGET, below)
            return bool(connection.execute(_DELETE, below).rowcount)

    def list(
        self,
        *,
        type_name: str = "",
        subscription: str = "",
        group: str = "",
        parent: ResourceId | None = None,
        referring: Collection[str] | None = None,
    ) -> Sequence[Resource]:
        """Give the records that agree with all that is said, ordered by id.

        `referring` leaves those that have one of these ids or values of `VALUES` in them (in lower case).
        """
        return self.page(
            type_name=type_name, subscription=subscription, group=group, parent=parent, referring=referring
        )

    def page(
        self,
        *,
        type_name: str = "",
        subscription: str = "",
        group: str = "",
        parent: ResourceId | None = None,
        referring: Collection[str] | None = None,
        after: str = "",
        limit: int = 0,
    ) -> Sequence[Resource]:
        """Give as many records as `limit` says (0: all) of those whose keys come after `after`."""
        query = sql.select(RESOURCES.c.data).order_by(RESOURCES.c.key)
        wanted = {
            RESOURCES.c.type: type_name.lower(),
            RESOURCES.c.subscription: subscription.lower(),
            RESOURCES.c.grp: group.lower(),
            RESOURCES.c.parent: parent.key if parent else "",
        }
        for column, value in wanted.items():
            if value:
                query = query.where(column == value)
        if referring is not None:
            sources = sql.select(REFERENCES.c.source).where(REFERENCES.c.target.in_(referring))
            query = query.where(RESOURCES.c.key.in_(sources))
        if after:
            query = query.where(RESOURCES.c.key > after)
        if limit:
            query = query.limit(limit)
        with self.reading() as connection:
            return [_read(data) for data in connection.execute(query).scalars()]

    def count(self) -> dict[str, int]:
        """Give the number of records by type, in lower case."""
        query = sql.select(RESOURCES.c.type, sql.func.count()).group_by(RESOURCES.c.type)
        with self.reading() as connection:
            return {str(kind): int(number) for kind, number in connection.execute(query)}

    def _write(self, connection: sql.Connection, resource: Resource) -> Resource:
        resource.changed = now()
        resource.created = resource.created or resource.changed
        resource.etag = str(uuid.uuid4())
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(_PUT[insert], _row(resource))
        _refer(connection, resource)
        return resource


_OWN_WORDS = {"microsoft.authorization/locks": "Lock", "microsoft.resources/deployments": "Deployment"}


def missing(resource_id: ResourceId) -> CloudError:
    """Give the error for a record that is not there, in the words for its type."""
    if not resource_id.provider:
        what = f"Resource group '{resource_id.group}' could not be found."
        return CloudError(404, "ResourceGroupNotFound", what)
    if word := _OWN_WORDS.get(resource_id.type.lower()):
        return CloudError(404, f"{word}NotFound", f"{word} '{resource_id.name}' could not be found.")
    return not_found(resource_id.type, "/".join(resource_id.names), resource_id.group)


VALUES = frozenset(("macAddress", "ipAddress", "fqdn"))
"""Keys of properties whose values are looked for like ids: what no two records may have."""


def references(resource: Resource) -> set[str]:
    """Give, in lower case, the ids in a record that are of other resources, and its values of `VALUES`."""
    own = resource.id.key + "/"
    found = set(_within("", [resource.properties, resource.top]))
    return {one for one in found if one != resource.id.key and not one.startswith(own)}


def _within(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _within(name, one)
    elif isinstance(value, list):
        for one in value:
            yield from _within(key, one)
    elif isinstance(value, str) and value:
        lower = value.lower()
        if key in VALUES or lower.startswith("/subscriptions/"):
            yield lower.rstrip("/")


def _refer(connection: sql.Connection, resource: Resource) -> None:
    """Write down what a record refers to; most changes of a record change nothing of that."""
    source, wanted = resource.id.key, references(resource)
    known = set(connection.execute(_REFERRED, {"k": source}).scalars())
    if gone := known - wanted:
        chosen = sql.and_(REFERENCES.c.source == source, REFERENCES.c.target.in_(gone))
        connection.execute(REFERENCES.delete().where(chosen))
    if new := wanted - known:
        connection.execute(REFERENCES.insert(), [{"target": one, "source": source} for one in sorted(new)])


def _refer_all(connection: sql.Connection) -> None:
    """Write down what every record of a database refers to that was made before there were references."""
    for data in connection.execute(sql.select(RESOURCES.c.data)).scalars().all():
        _refer(connection, _read(data))


def _row(resource: Resource) -> dict[str, str]:
    where = resource.id
    data = {
        "id": where.text,
        "location": resource.location,
        "tags": resource.tags,
        "properties": resource.properties,
        "top": resource.top,
        "hidden": resource.hidden,
        "created": resource.created,
        "changed": resource.changed,
        "etag": resource.etag,
    }
    owner = f"/subscriptions/{where.subscription}".lower()
    return {
        "key": where.key,
        "type": where.type.lower(),
        "subscription": where.subscription.lower(),
        "grp": where.group.lower() if where.provider else "",  # a group is not among its own contents
        "parent": where.scope.lower() or (where.parent.key if where.provider else owner),
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")),
    }


def _read(data: str) -> Resource:
    found: dict[str, Any] = json.loads(data)
    found["id"] = ResourceId.parse(found["id"])
    return Resource(**found)


_GET = sql.select(RESOURCES.c.data).where(RESOURCES.c.key == sql.bindparam("k"))
_REFERRED = sql.select(REFERENCES.c.target).where(REFERENCES.c.source == sql.bindparam("k"))


def _below(key: Any) -> Any:
    low: Any = sql.bindparam("low")
    high: Any = sql.bindparam("high")
    return sql.or_(key == sql.bindparam("k"), sql.and_(key >= low, key < high))


_DELETE = RESOURCES.delete().where(_below(RESOURCES.c.key))
_FORGET = REFERENCES.delete().where(_below(REFERENCES.c.source))


def _upsert(insert: Any) -> Any:
    statement = insert(RESOURCES)
    names = ("type", "subscription", "grp", "parent", "data")
    return statement.on_conflict_do_update(
        index_elements=["key"], set_={name: statement.excluded[name] for name in names}
    )


_PUT = {insert: _upsert(insert) for insert in (sqlite.insert, postgresql.insert)}
