"""What a step's result depends on, and the record that tells a whole result from a damaged one."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from bluejacket.store.blobs import sha256_of


class Step(NamedTuple):
    """All that a result depends on; two equal steps have the same result.

    `code` is the digest of what does the work (see `code_of`), `options` canonical JSON (see
    `canonical`), `inputs` the keys and hashes of what is read, in the order in which it is read.
    """

    name: str
    code: str
    options: str = "{}"
    inputs: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The step's identity: a SHA-256 in hexadecimal."""
        return hashlib.sha256(json.dumps(self).encode()).hexdigest()


def canonical(options: Any) -> str:
    """Give `options` as JSON that is equal whenever they are."""
    return json.dumps(options, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@cache
def code_of(*modules: str) -> str:
    """Give the digest of the source of `modules` (dotted names), and of all modules of a package.

    Raises ModuleNotFoundError for a name that does not exist.
    """
    digest = hashlib.sha256()
    for name in modules:
        for file in _sources(name):
            data = file.read_bytes()
            digest.update(f"{name}\0{file.name}\0{len(data)}\0".encode())
            digest.update(data)
    return digest.hexdigest()


def _sources(module: str) -> Iterator[Path]:
    found = find_spec(module)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"no module {module}")
    if found.submodule_search_locations:
        yield from sorted(Path(found.origin).parent.rglob("*.py"))
    else:
        yield Path(found.origin)


# One line a file: kind, mode, size, mtime in nanoseconds, SHA-256 or link target, path.
Record = dict[str, tuple[str, int, int, int, str]]


def _walk(tree: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Give all below `tree` but folders, by its path there, as lstat(2) sees it; sorted within a folder."""
    waiting = [""]
    while waiting:
        base = waiting.pop()
        with os.scandir(os.path.join(tree, base)) as entries:
            found = sorted(entries, key=attrgetter("name"))
        folders = []
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{base}{entry.name}/")
            else:
                yield base + entry.name, entry.stat(follow_symlinks=False)
        waiting += reversed(folders)


def record_of(tree: Path, known: Mapping[str, str] | None = None) -> Record:
    """Give the record of every file below `tree`; `known` has hashes just made, by path below `tree`."""
    record: Record = {}
    known = known or {}
    for name, seen in _walk(tree):
        record[name] = (
            _kind(seen),
            seen.st_mode,
            seen.st_size,
            seen.st_mtime_ns,
            known.get(name) or _content(tree / name, seen),
        )
    return record


def differences(tree: Path, record: Record, *, deep: Callable[[str], bool]) -> Iterator[str]:
    """Name what in `tree` is no longer as in `record`; `deep` chooses the files to hash again."""
    missing = set(record)
    for name, seen in _walk(tree):
        known = record.get(name)
        if known is None:
            yield f"{name} does not belong there"
            continue
        missing.discard(name)
        kind, mode, size, mtime, content = known
        if (kind, mode, size) != (_kind(seen), seen.st_mode, seen.st_size):
            yield f"{name} has another kind, mode or size"
        elif (seen.st_mtime_ns != mtime or deep(name)) and _content(tree / name, seen) != content:
            yield f"{name} has another content"
    for name in sorted(missing):
        yield f"{name} is missing"


def _kind(seen: os.stat_result) -> str:
    if stat.S_ISREG(seen.st_mode):
        return "file"
    return "link" if stat.S_ISLNK(seen.st_mode) else "special"


def _content(path: Path, seen: os.stat_result) -> str:
    if stat.S_ISREG(seen.st_mode):
        return sha256_of(path)
    return os.readlink(path) if stat.S_ISLNK(seen.st_mode) else str(seen.st_rdev)
