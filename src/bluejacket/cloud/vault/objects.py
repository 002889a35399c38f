"""The objects of all vaults and their versions, in the cloud's database.

A vault is meant by its instance, a UUID that a later vault of the same name does not have. Names are
compared without regard to case and given back as spelled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sql

from bluejacket.cloud.arm.store import Store
from bluejacket.cloud.vault.seal import Seal

SECRETS, KEYS, CERTIFICATES = "secrets", "keys", "certificates"

_META = sql.MetaData()
_OBJECTS = sql.Table(
    "vault_objects",
    _META,
    sql.Column("vault", sql.String, primary_key=True),
    sql.Column("kind", sql.String, primary_key=True),
    sql.Column("key", sql.String, primary_key=True),
    sql.Column("name", sql.String, nullable=False),
    sql.Column("deleted", sql.BigInteger),
    sql.Column("data", sql.Text, nullable=False),
)
_VERSIONS = sql.Table(
    "vault_versions",
    _META,
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("vault", sql.String, nullable=False),
    sql.Column("kind", sql.String, nullable=False),
    sql.Column("key", sql.String, nullable=False),
    sql.Column("version", sql.String, nullable=False),
    sql.Column("data", sql.Text, nullable=False),
    sql.Column("sealed", sql.LargeBinary, nullable=False),
    sql.UniqueConstraint("vault", "kind", "key", "version"),
)


@dataclass(slots=True)
class Version:
    """One version. `data` may be seen; `material` is the secret itself, or a key as PKCS #8 DER."""

    vault: str
    kind: str
    name: str
    version: str
    data: dict[str, Any]
    material: bytes = field(default=b"", repr=False)

    @property
    def label(self) -> str:
        """Whose bytes the material is."""
        return f"{self.vault}/{self.kind}/{self.name.lower()}/{self.version}"


@dataclass(slots=True)
class Head:
    """An object with all its versions; `deleted` is when it was (seconds since 1970), or None."""

    vault: str
    kind: str
    name: str
    deleted: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


class Objects:
    """Keeps and finds objects; each method is one transaction."""

    def __init__(self, store: Store, seal: Seal) -> None:
        self._store = store
        self.seal = seal
        with store.writing() as connection:
            _META.create_all(connection)

    def head(self, vault: str, kind: str, name: str) -> Head | None:
        """Give the object, also one that is deleted, or None."""
        query = sql.select(_OBJECTS).where(*_is(_OBJECTS, vault, kind, name))
        with self._store.reading() as connection:
            row = connection.execute(query).one_or_none()
        return _head(row) if row else None

    def heads(
        self, vault: str, kind: str, *, deleted: bool, after: str = "", limit: int = 0
    ) -> Sequence[Head]:
        """Give objects in the order of their names, after the name `after`, at most `limit` (0: all)."""
        state = _OBJECTS.c.deleted.is_not(None) if deleted else _OBJECTS.c.deleted.is_(None)
        query = (
            sql.select(_OBJECTS)
            .where(_OBJECTS.c.vault == vault, _OBJECTS.c.kind == kind, state, _OBJECTS.c.key > after.lower())
            .order_by(_OBJECTS.c.key)
        )
        with self._store.reading() as connection:
            return [_head(row) for row in connection.execute(query.limit(limit) if limit else query)]

    def write(self, head: Head) -> None:
        """Write an object itself, without its versions."""
        with self._store.writing() as connection:
            _write(connection, head)

    def versions(self, vault: str, kind: str, name: str) -> Sequence[Version]:
        """Give all versions, the newest first."""
        query = sql.select(_VERSIONS).where(*_is(_VERSIONS, vault, kind, name))
        with self._store.reading() as connection:
            rows = connection.execute(query.order_by(_VERSIONS.c.number.desc())).all()
        return [self._version(row, name) for row in rows]

    def version(self, vault: str, kind: str, name: str, version: str = "") -> Version | None:
        """Give one version, by default the newest, or None."""
        query = sql.select(_VERSIONS).where(*_is(_VERSIONS, vault, kind, name))
        if version:
            query = query.where(_VERSIONS.c.version == version.lower())
        with self._store.reading() as connection:
            row = connection.execute(query.order_by(_VERSIONS.c.number.desc()).limit(1)).one_or_none()
        return self._version(row, name) if row else None

    def add(self, *versions: Version, heads: Sequence[Head] = ()) -> None:
        """Add versions, of one object or of some that belong together, all or none."""
        with self._store.writing() as connection:
            for head in heads:
                _write(connection, head)
            for one in versions:
                if (
                    connection.execute(
                        sql.select(_OBJECTS.c.key).where(*_is(_OBJECTS, one.vault, one.kind, one.name))
                    ).first()
                    is None
                ):
                    _write(connection, Head(one.vault, one.kind, one.name))
                connection.execute(_VERSIONS.insert().values(**self._row(one)))

    def change(self, version: Version) -> None:
        """Write what may be seen of a version."""
        which = (
            *_is(_VERSIONS, version.vault, version.kind, version.name),
            _VERSIONS.c.version == version.version,
        )
        with self._store.writing() as connection:
            connection.execute(_VERSIONS.update().where(*which).values(data=_json(version.data)))

    def mark(self, vault: str, kinds: Sequence[str], name: str, deleted: int | None) -> None:
        """Delete objects of a name (they can come back), or bring them back."""
        with self._store.writing() as connection:
            for kind in kinds:
                where = _is(_OBJECTS, vault, kind, name)
                connection.execute(_OBJECTS.update().where(*where).values(deleted=deleted))

    def purge(self, vault: str, kinds: Sequence[str], name: str) -> None:
        """Remove objects of a name for good."""
        with self._store.writing() as connection:
            for kind in kinds:
                for table in (_VERSIONS, _OBJECTS):
                    connection.execute(table.delete().where(*_is(table, vault, kind, name)))

    def drop(self, vault: str) -> None:
        """Remove all that a vault holds, for good."""
        with self._store.writing() as connection:
            for table in (_VERSIONS, _OBJECTS):
                connection.execute(table.delete().where(table.c.vault == vault))

    def _version(self, row: Any, name: str) -> Version:
        found = Version(row.vault, row.kind, name, row.version, json.loads(row.data))
        found.material = self.seal.open(row.sealed, found.label)
        return found

    def _row(self, one: Version) -> dict[str, Any]:
        return {
            "vault": one.vault,
            "kind": one.kind,
            "key": one.name.lower(),
            "version": one.version,
            "data": _json(one.data),
            "sealed": self.seal.close(one.material, one.label),
        }


def _write(connection: sql.Connection, head: Head) -> None:
    connection.execute(_OBJECTS.delete().where(*_is(_OBJECTS, head.vault, head.kind, head.name)))
    row = {"vault": head.vault, "kind": head.kind, "key": head.name.lower(), "name": head.name}
    connection.execute(_OBJECTS.insert().values(**row, deleted=head.deleted, data=_json(head.data)))


def _head(row: Any) -> Head:
    return Head(row.vault, row.kind, row.name, row.deleted, json.loads(row.data))


def _is(table: sql.Table, vault: str, kind: str, name: str) -> tuple[sql.ColumnElement[bool], ...]:
    return table.c.vault == vault, table.c.kind == kind, table.c.key == name.lower()


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
