"""Packages as the shards of a former compose have them: a shard that changed is made from these.

Which shards there were is a note in the store, so that it may be lost; what a shard says of a package is
taken only for the very step that made the package, so that a stale note gives nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from bluejacket.feed.shard import Described, Shard
from bluejacket.package.made import Made
from bluejacket.store import Store

FILE = "shard"


class Former:
    """The shards of the last compose of a kind of feed; `form` has all that their bytes depend on."""

    def __init__(self, store: Store, form: Sequence[str], compression: str) -> None:
        self._store, self._compression = store, compression
        self._name = sha256("\0".join(form).encode()).hexdigest()
        rows = (line.split(" ") for line in store.notes.read(self._name).splitlines())
        self._rows = sorted((row[0], row[1]) for row in rows if len(row) == 2)

    def of(self, group: Sequence[Made]) -> Mapping[str, Described]:
        """Give what is known of the packages of a shard, by the keys of their steps."""
        names = [first for first, _ in self._rows]
        begin = max(0, bisect_left(names, group[0].name) - 1)
        wanted = {made.key for made in group}
        found: dict[str, Described] = {}
        for _, key in self._rows[begin : bisect_right(names, group[-1].name)]:
            if shard := read_shard(self._store, key):
                found |= shard.described(wanted, self._compression)
        return found

    def note(self, shards: Iterable[tuple[str, str]]) -> None:
        """Write down the shards of this compose, each as the name of its first package and its step's key."""
        self._store.notes.write(self._name, "".join(f"{first} {key}\n" for first, key in shards))


def read_shard(store: Store, key: str) -> Shard | None:
    """Give the shard that the step with a key made, if it is whole, which it says itself."""
    try:
        with open(store.place_of(key, FILE), "rb") as file:  # noqa: PTH123 - one for every 64 packages
            return Shard.parse(file.read())
    except (OSError, ValueError):
        return None
