"""Work on one resource is done one piece at a time, in the order in which it was asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Queues by key. A thread that has its turn at a key need not wait there again."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[object]] = {}
        self._changed = threading.Condition()
        self._mine = threading.local()

    def take(self, key: str) -> object:
        """Take a place in the queue; it has to be used by `turn`, in this thread or another one."""
        place = object()
        with self._changed:
            self._queues.setdefault(key, deque()).append(place)
        return place

    @contextmanager
    def turn(self, key: str, place: object) -> Iterator[None]:
        """Wait for the turn of `place`, hold it, and let the next one come."""
        held: set[str] = self._mine.__dict__.setdefault("held", set())
        again = key in held
        try:
            with self._changed:
                self._changed.wait_for(lambda: again or self._queues[key][0] is place)
            held.add(key)
            yield
        finally:
            if not again:
                held.discard(key)
            with self._changed:
                queue = self._queues[key]
                queue.remove(place)
                if not queue:
                    del self._queues[key]
                self._changed.notify_all()
