"""What the index holds, and how a snapshot or an image gets into it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.feed.advisory import Advisory
from bluejacket.feed.advisory.record import from_json
from bluejacket.feed.snapshot import ADVISORIES, Shipped, Snapshot, order
from bluejacket.inquiry.images import Papers, materials_of
from bluejacket.inquiry.inventory import installed_of
from bluejacket.store.steps import canonical

SCHEMA = """
CREATE TABLE snapshot (
    no INTEGER PRIMARY KEY, distribution TEXT, release TEXT, id TEXT, place TEXT, created INTEGER,
    parent TEXT, feed_key TEXT, repomd_sha256 TEXT, packages INTEGER, size INTEGER, stamp TEXT,
    UNIQUE (distribution, release, id));
CREATE TABLE package (
    no INTEGER PRIMARY KEY, sha256 TEXT, name TEXT, epoch INTEGER, version TEXT, release TEXT, arch TEXT,
    nevra TEXT, filename TEXT, size INTEGER, source TEXT, source_evr TEXT, component TEXT,
    upstream_archive TEXT, upstream_name TEXT, upstream_version TEXT, upstream_sha256 TEXT,
    UNIQUE (sha256, component));
CREATE TABLE holds (
    package INTEGER, snapshot INTEGER, PRIMARY KEY (package, snapshot)) WITHOUT ROWID;
CREATE TABLE image (
    no INTEGER PRIMARY KEY, distribution TEXT, release TEXT, name TEXT, folder TEXT, key TEXT,
    feed_key TEXT, repomd_sha256 TEXT, packages INTEGER, stamp TEXT, UNIQUE (distribution, release, name));
CREATE TABLE installed (
    image INTEGER, sha256 TEXT, name TEXT, evr TEXT, arch TEXT, nevra TEXT, source TEXT, source_evr TEXT);
CREATE TABLE file (image INTEGER, name TEXT, sha256 TEXT);
CREATE TABLE advisory (
    no INTEGER PRIMARY KEY, distribution TEXT, release TEXT, id TEXT, kind TEXT, severity TEXT, title TEXT,
    issued INTEGER, updated INTEGER, withdrawn INTEGER, first TEXT, last TEXT, digest TEXT,
    UNIQUE (distribution, release, id));
CREATE TABLE cve (cve TEXT, advisory INTEGER, PRIMARY KEY (cve, advisory)) WITHOUT ROWID;
CREATE TABLE fixed (
    advisory INTEGER, name TEXT, evr TEXT, arch TEXT, nevra TEXT, sha256 TEXT, source TEXT, source_evr TEXT);
CREATE TABLE spared (advisory INTEGER, cve TEXT, source TEXT, justification TEXT, note TEXT);
CREATE INDEX package_name ON package (name);
CREATE INDEX package_nevra ON package (nevra);
CREATE INDEX package_filename ON package (filename);
CREATE INDEX package_source ON package (source);
CREATE INDEX package_component ON package (component);
CREATE INDEX package_upstream ON package (upstream_sha256);
CREATE INDEX snapshot_id ON snapshot (id);
CREATE INDEX snapshot_repomd ON snapshot (repomd_sha256);
CREATE INDEX installed_sha256 ON installed (sha256);
CREATE INDEX installed_name ON installed (name);
CREATE INDEX installed_source ON installed (source);
CREATE INDEX installed_image ON installed (image);
CREATE INDEX file_sha256 ON file (sha256);
CREATE INDEX file_image ON file (image);
CREATE INDEX advisory_id ON advisory (id);
CREATE INDEX advisory_first ON advisory (first);
CREATE INDEX fixed_advisory ON fixed (advisory);
CREATE INDEX fixed_source ON fixed (source);
CREATE INDEX fixed_name ON fixed (name);
CREATE INDEX spared_cve ON spared (cve);
CREATE INDEX spared_advisory ON spared (advisory);
CREATE INDEX cve_advisory ON cve (advisory);
"""


def add_snapshot(database: sqlite3.Connection, folder: Path, stamp: str) -> None:
    """Add the snapshot in `folder`, the newest of its release. Raises OutsideError if it cannot be read."""
    snapshot = Snapshot.load(folder)
    advisories = advisories_of(folder)
    number = _insert(
        database,
        "snapshot",
        snapshot.distribution, snapshot.release, snapshot.id, place_of(snapshot.id), snapshot.created,
        snapshot.parent, snapshot.feed_key, snapshot.repomd_sha256, len(snapshot.packages), snapshot.size,
        stamp,
    )  # fmt: skip
    _add_packages(database, number, snapshot.packages)
    for advisory in advisories:
        _add_advisory(database, snapshot, advisory)


def place_of(snapshot: str) -> str:
    """Give what sorts ids of snapshots by age, as text."""
    day, count = order(snapshot)
    return f"{day}.{count:06}"


def advisories_of(folder: Path) -> tuple[Advisory, ...]:
    """Give the advisories of the snapshot in `folder`; none for one without. Raises OutsideError."""
    file = folder / ADVISORIES
    try:
        return from_json(file.read_text("utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeError) as error:
        raise OutsideError(Fault(f"cannot be read: {error}", place=Place(file))) from error


def _add_packages(database: sqlite3.Connection, snapshot: int, packages: Iterable[Shipped]) -> None:
    rows = database.execute("SELECT sha256, component, no FROM package")
    known = {(digest, component): number for digest, component, number in rows}
    fresh = [one for one in packages if (one.sha256, one.component) not in known]
    start = 1 + max(known.values(), default=0)
    known |= {(one.sha256, one.component): number for number, one in enumerate(fresh, start)}
    database.executemany(
        "INSERT INTO package VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (_row(known[one.sha256, one.component], one) for one in fresh),
    )
    numbers = sorted(known[one.sha256, one.component] for one in packages)
    database.executemany("INSERT INTO holds VALUES (?, ?)", ((number, snapshot) for number in numbers))


def _row(number: int, one: Shipped) -> tuple[object, ...]:
    upstream = one.upstream
    origin = (upstream.archive, upstream.name, upstream.version, upstream.sha256) if upstream else ("",) * 4
    return (
        number, one.sha256, one.name, one.epoch, one.version, one.release, one.arch, one.nevra, one.filename,
        one.size, one.source, one.source_evr, one.component, *origin,
    )  # fmt: skip


def _add_advisory(database: sqlite3.Connection, snapshot: Snapshot, advisory: Advisory) -> None:
    """Add an advisory, or what this snapshot says otherwise of it than the one before."""
    digest = sha256(canonical(asdict(advisory)).encode()).hexdigest()
    where = (snapshot.distribution, snapshot.release, advisory.id)
    row = database.execute(
        "SELECT no, first, digest FROM advisory WHERE distribution = ? AND release = ? AND id = ?", where
    ).fetchone()
    number, first, former = row or (None, snapshot.id, "")
    if former == digest:
        database.execute("UPDATE advisory SET last = ? WHERE no = ?", (snapshot.id, number))
        return
    if number is not None:
        for table in ("cve", "fixed", "spared"):
            database.execute(f"DELETE FROM {table} WHERE advisory = ?", (number,))  # noqa: S608
        database.execute("DELETE FROM advisory WHERE no = ?", (number,))
    number = _insert(
        database,
        "advisory",
        *where, advisory.kind.value, advisory.severity.value, advisory.title, advisory.issued,
        advisory.updated, advisory.withdrawn, first, snapshot.id, digest,
    )  # fmt: skip
    cves = ((cve, number) for cve in dict.fromkeys(advisory.cves))
    database.executemany("INSERT INTO cve VALUES (?, ?)", cves)
    fixed = (
        (number, one.name, one.evr, one.arch, one.nevra, one.sha256, one.source, one.source_evr)
        for one in (advisory.fixed if advisory.withdrawn is None else ())
    )
    database.executemany("INSERT INTO fixed VALUES (?, ?, ?, ?, ?, ?, ?, ?)", fixed)
    spared = ((number, one.cve, one.source, one.justification, one.note) for one in advisory.not_affected)
    database.executemany("INSERT INTO spared VALUES (?, ?, ?, ?, ?)", spared)


def add_image(database: sqlite3.Connection, papers: Papers, stamp: str) -> None:
    """Add the newest build of an image. Raises OutsideError for papers that cannot be read."""
    try:
        made_of = materials_of(papers.provenance())
        rows = [installed_of(row) for row in papers.manifest()]
    except (ValueError, KeyError, TypeError) as error:
        what = f"the papers of the image are not as they should be: {error}"
        raise OutsideError(
            Fault(what, "`bluejacket image build` makes it anew", Place(papers.folder))
        ) from error
    repomd = next((digest for kind, _, digest in made_of if kind == "feed"), "")
    number = _insert(
        database,
        "image",
        papers.distribution, papers.release, papers.name, str(papers.folder), papers.key, papers.feed_key,
        repomd, len(rows), stamp,
    )  # fmt: skip
    database.executemany(
        "INSERT INTO installed VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (number, digest, one.name, one.evr, one.arch, one.nevra, one.source, one.source_evr)
            for one, digest in rows
        ),
    )
    files = ((number, name, digest) for name, digest in papers.sums().items())
    database.executemany("INSERT INTO file VALUES (?, ?, ?)", files)


def forget_image(database: sqlite3.Connection, number: int) -> None:
    """Drop an image."""
    for table, column in (("installed", "image"), ("file", "image"), ("image", "no")):
        database.execute(f"DELETE FROM {table} WHERE {column} = ?", (number,))  # noqa: S608


def _insert(database: sqlite3.Connection, table: str, *values: object) -> int:
    """Add a row whose number follows from the table's last; gives the number."""
    marks = ", ".join("?" * len(values))
    done = database.execute(f"INSERT INTO {table} VALUES (NULL, {marks})", values)  # noqa: S608
    assert done.lastrowid is not None
    return done.lastrowid
