"""An index of all snapshots and images of a state folder, so that a question need not read them all.

It is derived from their records and never believed before them: whatever is missing or changed is read
again, and a file that cannot be used is made anew.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.feed.snapshot import ID, RECORD, order
from bluejacket.inquiry.fill import SCHEMA, add_image, add_snapshot, forget_image
from bluejacket.inquiry.images import image_links, papers_of
from bluejacket.store import State
from bluejacket.store.files import disk_faults, sync_folder
from bluejacket.store.locks import locked

FORMAT = 2
_MANY = 5  # snapshots that take a moment to read
_Where = tuple[str, str, str]  # distribution, release, and the id of a snapshot or the name of an image


@contextmanager
def open_index(state: State) -> Iterator[sqlite3.Connection]:
    """Give the index, brought up to date.

    Raises OutsideError when it turns out damaged while it is asked, and for a full disk. A snapshot that
    cannot be read is warned of and left out.
    """
    file = state.root / "index.sqlite"
    database = _usable(file)
    if database is None or _behind(database, state):
        if database is not None:
            database.close()
        with locked(state.root / "index.lock"), disk_faults(file):
            database = _up_to_date(file, state)
    with closing(database):
        try:
            yield database
        except sqlite3.DatabaseError as error:
            way_out = "remove it: the next question makes it anew"
            raise OutsideError(Fault(f"is damaged: {error}", way_out, Place(file))) from error


def _usable(file: Path) -> sqlite3.Connection | None:
    """Open the index as it is; None for none of this format."""
    if not file.is_file():
        return None
    database = sqlite3.connect(file, isolation_level=None, timeout=60)
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute("SELECT count(*) FROM snapshot").fetchone()
    except sqlite3.DatabaseError:
        version = -1
    if version != FORMAT:
        database.close()
        return None
    return database


def _up_to_date(file: Path, state: State) -> sqlite3.Connection:
    database = _usable(file)
    if database is not None:
        with suppress(sqlite3.DatabaseError):
            database.execute("BEGIN IMMEDIATE")
            if _refresh(database, state):
                database.execute("COMMIT")
                return database
        database.close()
    return _rebuilt(file, state)


def _rebuilt(file: Path, state: State) -> sqlite3.Connection:
    """Make the index anew beside the old one, and put it in its place."""
    fresh = file.with_name(f".part-{os.getpid()}-{file.name}")
    fresh.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as database:
            database.executescript(
                f"PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; PRAGMA user_version = {FORMAT};"
            )
            database.executescript(SCHEMA)
            database.execute("BEGIN")
            _refresh(database, state)
            database.execute("COMMIT")
        with fresh.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(fresh, file)
        sync_folder(file.parent)
    finally:
        fresh.unlink(missing_ok=True)
    return sqlite3.connect(file, isolation_level=None, timeout=60)


def _behind(database: sqlite3.Connection, state: State) -> bool:
    return any(
        {where: stamp for where, (_, stamp) in _known(database, kind).items()} != there
        for kind, there in (("snapshot", _snapshots(state)), ("image", _images(state)))
    )


def _refresh(database: sqlite3.Connection, state: State) -> bool:
    """Bring the index up to date; False if it has to be made anew.

    Snapshots only ever come after those known: of one that is gone, changed or older than others, it could
    not be said any more which snapshot was the first with an advisory.
    """
    there, known = _snapshots(state), _known(database, "snapshot")
    if any(there.get(where) != stamp for where, (_, stamp) in known.items()):
        return False
    newest: dict[tuple[str, str], tuple[str, int]] = {}
    for where in known:
        newest[where[:2]] = max(newest.get(where[:2], ("", 0)), order(where[2]))
    fresh = sorted(there.keys() - known.keys(), key=lambda where: (where[:2], order(where[2])))
    if any(order(where[2]) < newest.get(where[:2], ("", 0)) for where in fresh):
        return False
    if len(fresh) >= _MANY:
        state.report.line(f"reading {len(fresh)} snapshots, so that questions are quick")
    for where in fresh:
        try:
            add_snapshot(database, state.snapshot_link(*where), there[where])
        except OutsideError as error:
            state.report.warn(str(error))
    return _refresh_images(database, state)


def _refresh_images(database: sqlite3.Connection, state: State) -> bool:
    there, known = _images(state), _known(database, "image")
    for where, (number, stamp) in known.items():
        if there.get(where) != stamp:
            forget_image(database, number)
    for where, stamp in there.items():
        if where not in known or known[where][1] != stamp:
            try:
                add_image(database, papers_of(state, state.image_link(*where)), stamp)
            except OutsideError as error:
                state.report.warn(str(error))
    return True


def _known(database: sqlite3.Connection, kind: str) -> dict[_Where, tuple[int, str]]:
    columns = {
        "snapshot": "no, distribution, release, id, stamp",
        "image": "no, distribution, release, name, stamp",
    }
    rows = database.execute(f"SELECT {columns[kind]} FROM {kind}")  # noqa: S608 (two words of our own)
    return {(distribution, release, name): (no, stamp) for no, distribution, release, name, stamp in rows}


def _snapshots(state: State) -> dict[_Where, str]:
    """Give what tells one record of a snapshot from another, without reading it."""
    found: dict[_Where, str] = {}
    for link in (state.root / "snapshots").glob("*/*/*"):
        if ID.fullmatch(link.name):
            with suppress(FileNotFoundError):  # dropped this moment
                seen = (link / RECORD).stat()
                found[link.parts[-3], link.parts[-2], link.name] = (
                    f"{_target(link)} {seen.st_size} {seen.st_mtime_ns}"
                )
    return found


def _images(state: State) -> dict[_Where, str]:
    return {(link.parts[-3], link.parts[-2], link.name): _target(link) for link in image_links(state)}


def _target(link: Path) -> str:
    return os.readlink(link) if link.is_symlink() else ""
