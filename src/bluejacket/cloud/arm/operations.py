"""Long operations: written down before they begin, so that a cloud that was killed can finish them.

An operation runs in a thread of its own, or in the caller's. After a restart those that had not ended are
run again from the start; one that has been begun `LIMIT` times without an end fails.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sql

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller, Job
from bluejacket.cloud.arm.store import Store, now
from bluejacket.cloud.arm.tables import OPERATIONS

RUNNING, SUCCEEDED, FAILED = "InProgress", "Succeeded", "Failed"
KEPT = timedelta(hours=24)
LIMIT = 3


@dataclass(slots=True)
class Operation:
    """One operation. `done` is the status of the last GET of its `Location`; times are UTC, ISO 8601.

    `payload` may hold secrets and is forgotten when the operation has ended. `error` is what Azure shows
    under that name, `refused` the HTTP status that goes with it. `begun` counts how often it was begun.
    """

    verb: str
    id: ResourceId
    caller: Caller
    payload: dict[str, Any] = field(default_factory=dict)
    done: int = 200
    correlation: str = ""
    name: str = field(default_factory=lambda: str(uuid.uuid4()))
    number: int = 0
    status: str = RUNNING
    started: str = field(default_factory=now)
    ended: str = ""
    begun: int = 1
    answer: Any = None
    error: dict[str, Any] | None = None
    refused: int = 0

    @property
    def job(self) -> Job:
        """The operation as its kind sees it."""
        return Job(self.name, self.verb, self.id, self.caller, self.payload)

    def succeed(self, answer: Any) -> None:
        """End well."""
        self.status, self.answer, self.payload, self.ended = SUCCEEDED, answer, {}, now()

    def fail(self, error: CloudError) -> None:
        """End badly."""
        self.status, self.payload, self.ended = FAILED, {}, now()
        self.error, self.refused = error.body(), error.status

    def failure(self) -> CloudError:
        """Give the error again; only a failed operation has one."""
        return _error(self.error or {}, self.refused or 500)

    def document(self, path: str) -> dict[str, Any]:
        """Give the status document that clients poll, at `path`."""
        found: dict[str, Any] = {
            "id": path,
            "name": self.name,
            "status": self.status,
            "startTime": self.started,
        }
        if self.ended:
            found["endTime"] = self.ended
        if self.status == SUCCEEDED:
            found["percentComplete"] = 100.0
            if self.answer is not None:
                found["properties"] = {"output": self.answer}
        if self.error is not None:
            found["error"] = self.error
        return found


class Operations:
    """All operations, in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ended = threading.Condition()
        with store.reading() as connection:
            last = connection.execute(sql.select(sql.func.max(OPERATIONS.c.number))).scalar()
        self._number = int(last or 0)

    def add(self, operation: Operation) -> None:
        """Write a new operation down, and forget those that ended long ago."""
        with self._ended:
            self._number += 1
            operation.number = self._number
        oldest = f"{datetime.now(UTC) - KEPT:%Y-%m-%dT%H:%M:%S}"
        with self._store.writing() as connection:
            if operation.number % 100 == 1:
                old = sql.and_(OPERATIONS.c.ended != "", OPERATIONS.c.ended < oldest)
                connection.execute(OPERATIONS.delete().where(old))
            connection.execute(OPERATIONS.insert(), _row(operation))

    def save(self, operation: Operation) -> None:
        """Write its present state down, and wake those who wait for its end."""
        with self._store.writing() as connection:
            chosen = OPERATIONS.c.name == operation.name
            connection.execute(OPERATIONS.update().where(chosen), _row(operation))
        if operation.ended:
            with self._ended:
                self._ended.notify_all()

    def get(self, name: str) -> Operation | None:
        """Give an operation by its name, or None."""
        query = sql.select(OPERATIONS.c.data).where(OPERATIONS.c.name == name)
        with self._store.reading() as connection:
            data = connection.execute(query).scalar_one_or_none()
        return None if data is None else _read(data)

    def unfinished(self) -> Sequence[Operation]:
        """Give those that have not ended, in the order in which they were begun."""
        query = sql.select(OPERATIONS.c.data).where(OPERATIONS.c.status == RUNNING)
        with self._store.reading() as connection:
            return [_read(data) for data in connection.execute(query.order_by(OPERATIONS.c.number)).scalars()]

    def wait(self, name: str, limit_s: float) -> Operation:
        """Give an operation when it has ended, or as it is after so many seconds. Raises KeyError."""
        with self._ended:
            self._ended.wait_for(lambda: (one := self.get(name)) is None or bool(one.ended), limit_s)
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found


def _row(operation: Operation) -> dict[str, Any]:
    kept = {name: getattr(operation, name) for name in operation.__slots__}
    kept |= {"id": operation.id.text, "caller": asdict(operation.caller)}
    data = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    return {
        "name": operation.name,
        "number": operation.number,
        "status": operation.status,
        "ended": operation.ended,
        "data": data,
    }


def _read(data: str) -> Operation:
    found = json.loads(data)
    found |= {"id": ResourceId.parse(found["id"]), "caller": Caller(**found["caller"])}
    return Operation(**found)


def _error(body: dict[str, Any], status: int) -> CloudError:
    details = [_error(one, status) for one in body.get("details", ())]
    code, message = str(body.get("code", "")), str(body.get("message", ""))
    return CloudError(status, code, message, target=str(body.get("target", "")), details=details)
