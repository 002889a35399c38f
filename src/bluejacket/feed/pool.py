"""The packages of a snapshot: runs of them, each a step of the store that all snapshots with that run share.

A run is a shard of the metadata, and its tree is a part of what is published: `pool/HASH/NAME.rpm`. Which
runs a snapshot has is said beside its `snapshots/` folder; one that was made before there were runs has its
packages there instead.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.feed.shards import POOL, pool_location, sharded
from bluejacket.package.made import Made
from bluejacket.store import Step, Store, code_of
from bluejacket.store.layout import beside, scratch_beside
from bluejacket.store.steps import canonical

RUNS = "pool.json"  # beside `snapshots/`
_CODE = ("bluejacket.feed.pool",)


def obtain_runs(
    store: Store, packages: Sequence[Made], hashes: Mapping[str, str], known: Collection[str]
) -> tuple[str, ...]:
    """Give the keys of the runs of `packages`, which stand in the order of their file names.

    Those that are not there are made, of hard links, and are not durable yet. `hashes` are the SHA-256
    by file name, `known` the runs of a snapshot. Raises OutsideError for a package that is lost.
    """
    keys, code = [], code_of(*_CODE)
    for group in sharded(packages):
        names = [made.filename for made in group]
        content = "\n".join((*names, *map(hashes.__getitem__, names)))
        step = Step(POOL, code, canonical(sha256(content.encode()).hexdigest()))
        key = step.key
        if key not in known or store.tree_of(key) is None:
            places = {pool_location(n, hashes[n]): made.path for n, made in zip(names, group, strict=True)}
            _obtain(store, step, places, hashes)
        keys.append(key)
    return tuple(keys)


def _obtain(store: Store, step: Step, places: Mapping[str, str], hashes: Mapping[str, str]) -> None:
    def link(into: Path) -> dict[str, str]:
        at = os.open(into, os.O_RDONLY | os.O_DIRECTORY)  # with it the kernel walks half the way
        try:
            for folder in (POOL, *dict.fromkeys(place.rpartition("/")[0] for place in places)):
                os.mkdir(folder, dir_fd=at)
            for place, rpm in places.items():
                os.link(rpm, place, dst_dir_fd=at)
        except FileNotFoundError as error:
            what = f"the store has lost a package of the feed: {error.filename}"
            raise OutsideError(Fault(what, "`bluejacket store verify`, then build again")) from error
        finally:
            os.close(at)
        if (into / POOL).stat().st_mode & 0o777 != 0o755:  # the umask is another one
            for path in (into, into / POOL, *(into / POOL).iterdir()):
                path.chmod(0o755)
        return {place: hashes[place.rpartition("/")[2]] for place in places}

    store.obtain(step, link, synced=False)  # the snapshot is, with all of them


def runs_of(tree: Path) -> tuple[str, ...]:
    """Give the keys of the runs of the snapshot in a step's folder; none for one with packages of its own.

    Raises OutsideError for a list that cannot be read.
    """
    file = tree / RUNS
    try:
        return tuple(map(str, json.loads(file.read_text("utf-8"))))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError) as error:
        what = f"is no list of runs of packages: {error}"
        way_out = "`bluejacket store verify` finds what is damaged"
        raise OutsideError(Fault(what, way_out, Place(file))) from error


def in_pool(tree: Path, location: str) -> Path:
    """Give where a package lies of the snapshot in a step's folder; `location` is that of `pool_location`.

    The file need not be there. Raises OutsideError as `runs_of` does.
    """
    parts = location.split("/")
    if len(parts) != 3 or parts[0] != POOL or parts[2] in ("", ".", ".."):
        return tree / POOL / "no such package"
    return _holders(tree).get(parts[1], tree) / location


@lru_cache(maxsize=64)
def _holders(tree: Path) -> Mapping[str, Path]:
    """Give the folder that holds each folder of the pool. What is cached never changes: a step's result."""
    found: dict[str, Path] = {}
    for key in runs_of(tree):
        run = beside(tree, key)
        if (run / POOL).is_dir():
            found |= dict.fromkeys((folder.name for folder in os.scandir(run / POOL)), run)
    return found


@contextmanager
def whole_tree(tree: Path) -> Iterator[Path]:
    """Give a folder with what is in the folder of a snapshot's step and its packages, for as long as needed.

    That is as it is published. Hard links are made beside the store's steps, unless it is all there.
    """
    runs = runs_of(tree)
    if not runs:
        yield tree
        return
    with TemporaryDirectory(prefix="whole-", dir=scratch_beside(tree)) as scratch:
        whole = Path(scratch)
        for part in (tree, *(beside(tree, key) for key in runs)):
            for base, _, names in os.walk(part):
                folder = whole / Path(base).relative_to(part)
                folder.mkdir(parents=True, exist_ok=True)
                for name in names:
                    os.link(Path(base, name), folder / name)
        whole.chmod(0o755)
        yield whole
