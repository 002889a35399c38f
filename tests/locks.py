"""A release's lock for tests that need the real one."""

from __future__ import annotations

from bluejacket.definition import Release
from bluejacket.errors import UserError
from bluejacket.foundation.lock import Lock, read_lock
from bluejacket.foundation.locking import make_lock
from bluejacket.store import State
from bluejacket.store.locks import locked


def lock_of(state: State, release: Release) -> Lock:
    """Give the release's lock: the one that is there if its definitions still agree, or else a new one.

    Tests that run side by side get the same one.
    """
    with locked(state.root / f"test-lock-{release.version}"):
        try:
            return read_lock(release)
        except UserError:
            return make_lock(state, release)[0]
