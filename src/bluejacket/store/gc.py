"""What the store may forget: all that no link of the state folder leads to."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bluejacket.store.state import State
from bluejacket.store.store import Store


@dataclass(frozen=True, slots=True)
class Collected:
    """What `collect` dropped, or would drop: entries of the store, bytes, and old logs."""

    entries: int
    freed: int
    logs: int


def roots(state: State, gone: Collection[Path] = ()) -> Iterator[str]:
    """Give the keys of the steps that the state folder's links and running machines refer to.

    Links that are `gone`, or are about to go, count no more.
    """
    links = (link for name in ("feeds", "images", "snapshots") for link in (state.root / name).rglob("*"))
    for link in links:
        if link not in gone and link.is_symlink() and (key := key_of(state.store, link.resolve())):
            yield key
    records = [*state.machines.glob("*/machine.json"), *state.root.glob("cloud/machines/*/machine.json")]
    for record in records:
        for word in json.loads(record.read_text("utf-8")).values():
            if isinstance(word, str) and (key := key_of(state.store, Path(word))):
                yield key


def key_of(store: Store, path: Path) -> str | None:
    """Give the key of the step whose result holds `path`; None for another place."""
    steps = store.root / "steps"
    if not path.is_relative_to(steps):
        return None
    parts = path.relative_to(steps).parts
    return parts[1] if len(parts) > 1 else None


def reachable(store: Store, keys: Iterable[str]) -> set[str]:
    """Give `keys` and all that their steps were made from: steps and files alike."""
    seen: set[str] = set()
    todo = list(keys)
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            todo += store.inputs_of(key)
    return seen


def collect(
    state: State,
    *,
    also_keep: Iterable[str] = (),
    gone: Collection[Path] = (),
    dry_run: bool = False,
) -> Collected:
    """Drop what nothing refers to, and the logs of programs that ended well long ago.

    Waits until no build works in the state folder. `also_keep` are further keys and hashes, such as
    those of the locks; `gone` are links that count no more.
    """
    with state.alone():
        kept = reachable(state.store, [*roots(state, gone), *also_keep])
        entries, freed = state.store.collect(kept, dry_run=dry_run)
        logs = sorted(state.logs.glob("*.log"), key=lambda f: f.stat().st_mtime)[:-_LOGS_KEPT]
        for log in () if dry_run else logs:
            freed += log.stat().st_size
            log.unlink(missing_ok=True)
        return Collected(entries, freed, len(logs))


_LOGS_KEPT = 200
