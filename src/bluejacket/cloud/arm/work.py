"""The work of operations that were admitted: one piece at a time for each resource, and how each ended.

It is done in the client's time or in a thread of its own. What a client may read of an error is Azure's; a
bug's traceback goes to the log.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any

from bluejacket.cloud.arm.activity import Activity
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import DELETE, PUT, Cloud, Kind
from bluejacket.cloud.arm.operations import LIMIT, Operation, Operations
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.store import Store
from bluejacket.cloud.arm.turns import Turns
from bluejacket.errors import BluejacketError, without_secrets

STATE = "provisioningState"


class Work:
    """Does the work of a cloud's operations."""

    def __init__(self, cloud: Cloud, store: Store, operations: Operations, activity: Activity) -> None:
        self._cloud = cloud
        self._store = store
        self._operations = operations
        self._activity = activity
        self._turns = Turns()

    def place(self, key: str) -> object:
        """Take a place in the queue of a resource; the work that it is for has to be started."""
        return self._turns.take(key)

    def start(
        self,
        operation: Operation,
        kind: Kind,
        place: object,
        wait: bool,
        undo: Callable[[], None] | None = None,
    ) -> None:
        """Do an operation's work, or have a thread do it; `place` is its turn at the resource.

        With `wait`, raises CloudError as the work does, after `undo` where that is given.
        """
        if wait:
            self._work(operation, kind, place, undo)
            if operation.error is not None:
                raise operation.failure()
            return
        self.tell(operation, kind, "Accepted")
        name = f"{operation.verb} {operation.id.name}"
        threading.Thread(target=self._work, args=(operation, kind, place), name=name, daemon=True).start()

    def _work(
        self, operation: Operation, kind: Kind, place: object, undo: Callable[[], None] | None = None
    ) -> None:
        """Do an operation's work in its turn, and write down how it ended."""
        with self._turns.turn(operation.id.key, place):
            try:
                if operation.begun > LIMIT:
                    what = f"The operation was begun {LIMIT} times and never came to its end."
                    raise CloudError(500, "OperationAbandoned", what)
                operation.succeed(self._perform(operation, kind))
                error = None
            except Exception as caught:
                error = self._explained(operation, caught)
                operation.fail(error)
                if undo is not None:
                    undo()
                elif operation.verb in (PUT, DELETE):
                    self.mark(operation.id, kind, "Failed", writing=operation.verb == PUT)
            self._operations.save(operation)
            self.tell(operation, kind, operation.status, error)

    def _perform(self, operation: Operation, kind: Kind) -> Any:
        resource = self._store.get(operation.id)
        if resource is None:
            if operation.verb == DELETE:
                return None
            if operation.verb == PUT or not kind.verbs[operation.verb].free:
                what = f"The operation was preempted: '{operation.id}' was deleted meanwhile."
                raise CloudError(409, "OperationPreempted", what)
            resource = Resource(operation.id)
        if operation.verb != DELETE:
            answer = kind.work(self._cloud, operation.job, resource)
            if operation.verb == PUT:
                self.mark(operation.id, kind, "Succeeded", writing=True)
            return answer
        kind.work(self._cloud, operation.job, resource)
        self._store.delete(operation.id)
        return None

    def mark(self, resource_id: ResourceId, kind: Kind, state: str, *, writing: bool = False) -> None:
        """Write a state down, unless a write has ended and a deletion that was asked for meanwhile waits."""

        def edit(one: Resource) -> None:
            if not (writing and one.properties.get(STATE) == "Deleting"):
                one.properties[STATE] = state

        if kind.states:
            try:
                self._store.change(resource_id, edit)
            except CloudError:
                return  # it is gone, and needs no state

    def restore(self, resource_id: ResourceId, old: Resource | None) -> None:
        """Have the record as it was before; none is none again."""
        if old is None:
            self._store.delete(resource_id)
        else:
            self._store.put(old)

    def _explained(self, operation: Operation, error: Exception) -> CloudError:
        """Give what a client may read of an error; a bug's traceback goes to the log."""
        if isinstance(error, CloudError):
            return error
        if isinstance(error, BluejacketError):
            self._cloud.report.warn(f"{operation.verb} {operation.id}: {error}")
            return CloudError(500, "InternalExecutionError", without_secrets(str(error)))
        told = "".join(traceback.format_exception(error))
        self._cloud.report.warn(f"{operation.verb} {operation.id}, operation {operation.name}:\n{told}")
        what = f"An internal error occurred. The cloud's log tells it under {operation.name}."
        return CloudError(500, "InternalServerError", what)

    def tell(self, operation: Operation, kind: Kind, status: str, error: CloudError | None = None) -> None:
        """Write down in the activity log what has become of an operation."""
        self._activity.tell(
            operation.id, kind.type, operation.verb, status, operation.caller, operation.correlation, error
        )
