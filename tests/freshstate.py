"""State folders that have what a build takes from outside, and nothing that was built."""

from __future__ import annotations

import os
from pathlib import Path

from bluejacket.foundation.lock import Lock
from bluejacket.store import State, Store


def state_with_downloads(root: Path, source: State, lock: Lock) -> State:
    """Give a state folder, on the file system of `source`, with all that the lock names."""
    state = State(root)
    for digest in {entry.package.sha256 for entry in (*lock.packages, *lock.tools, *lock.materials)}:
        _link(source.store, state.store, digest)
    return state


def _link(source: Store, target: Store, digest: str) -> None:
    file = source.peek(digest)
    assert file is not None, f"{digest} was never fetched"
    other = target.root / file.relative_to(source.root)
    other.parent.mkdir(parents=True, exist_ok=True)
    os.link(file, other)
