"""Taking a snapshot: the built feed, with its advisories, as something that is dated and never changes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bluejacket.definition import Release
from bluejacket.definition.feed import Feed
from bluejacket.feed.advisory.facts import Facts
from bluejacket.feed.advisory.files import write_advisories
from bluejacket.feed.advisory.issue import issue
from bluejacket.feed.advisory.model import Advisory
from bluejacket.feed.advisory.record import from_json, to_json
from bluejacket.feed.advisory.updateinfo import updateinfo_xml
from bluejacket.feed.built import Built
from bluejacket.feed.compose import sign_repodata
from bluejacket.feed.garbage import uncollected
from bluejacket.feed.pool import RUNS, obtain_runs, runs_of
from bluejacket.feed.shard import SUFFIXES, packed
from bluejacket.feed.shards import Written, write_metadata
from bluejacket.feed.shipped import facts_after, packages_of, rows_of
from bluejacket.feed.snapshot import (
    ADVISORIES,
    RECORD,
    SOURCES,
    Snapshot,
    content_of,
    ids_in,
    order,
)
from bluejacket.feed.sources import sources_text
from bluejacket.feed.written import refuse_harmed
from bluejacket.foundation.lock import Lock
from bluejacket.foundation.rpmmd.updateinfo import Advisory as Foreign
from bluejacket.foundation.sources import Source
from bluejacket.package.describe import createrepo
from bluejacket.package.keys import Signer
from bluejacket.package.made import Made
from bluejacket.package.sign import sign_detached
from bluejacket.store import State, Step, Store, code_of, locked
from bluejacket.store.files import replace_link
from bluejacket.store.steps import canonical

_CODE = ("bluejacket.feed", "bluejacket.package.openpgp_write", "bluejacket.package.sign")


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot, and whether it was made now.

    `same_name` are the files of packages that differ from their predecessors without a newer version:
    no machine that has those takes these.
    """

    snapshot: Snapshot
    fresh: bool
    same_name: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that goes into a snapshot."""

    release: Release
    built: Built
    packages: Sequence[Made]
    advisories: tuple[Advisory, ...]
    signer: Signer
    record: Snapshot  # without what is known only once repomd.xml is written


@uncollected()
def take_snapshot(
    state: State,
    release: Release,
    lock: Lock,
    built: Built,
    signer: Signer,
    now: int,
    sources: Sequence[Source] = (),
    foreign: Sequence[Foreign] = (),
) -> Taken:
    """Give a snapshot of the feed `built`, made at `now` (seconds since 1970); the last one if it is equal.

    The same feed, advisories, predecessor, key and time give the same bytes. `sources` are the
    corresponding ones, `foreign` the foundation's own advisories, where it has some. Raises UserError for
    definitions of advisories that clash, OutsideError for a store that
    lacks the feed's parts, and for a predecessor that was harmed.
    """
    folder = state.snapshots(release.distribution.id, release.version)
    with locked(folder / ".lock"):
        parent = Snapshot.load(folder / names[-1]) if (names := ids_in(folder)) else None
        if parent is not None:
            refuse_harmed(state.store, parent)  # its advisories and versions are believed
        kept = {package.sha256 for package in parent.packages} if parent else set()
        packages, hashes = packages_of(state.store, built, kept)
        before = [Facts(package) for package in parent.packages] if parent else []
        facts = facts_after(packages, hashes, before if parent else None)
        former = _advisories(parent)
        advisories = issue(
            release,
            former,
            before,
            facts,
            now,
            seen=built.epoch,
            taken=_taken_elsewhere(state, release),
            foreign=foreign,
        )
        content = content_of((digest, name) for name, digest in hashes.items())
        if parent is not None and parent.content == content and to_json(advisories) == to_json(former):
            return Taken(parent, fresh=False)
        record = Snapshot(
            folder=folder,
            distribution=release.distribution.id,
            release=release.version,
            id=_next_id(names, now),
            created=now,
            parent=parent.id if parent else "",
            feed_key=built.key,
            content=content,
            repomd_sha256="",
            repomd_size=0,
            packages=rows_of(release, lock, packages, facts, parent),
            sources=tuple(sources),
        ).worded_as(parent)
        plan = _Plan(release, built, packages, advisories, signer, record)
        runs = obtain_runs(state.store, packages, hashes, runs_of(parent.tree) if parent else ())
        tree = _obtain(state.store, plan, runs)
        link = folder / record.id
        replace_link(link, tree / "snapshots" / record.id)
        made = replace(record.indexed((link / "repodata/repomd.xml").read_bytes()), folder=link)
        return Taken(made, fresh=True, same_name=_same_name(parent, hashes))


def _advisories(snapshot: Snapshot | None) -> tuple[Advisory, ...]:
    return from_json((snapshot.folder / ADVISORIES).read_text("utf-8")) if snapshot else ()


def _taken_elsewhere(state: State, release: Release) -> set[str]:
    """Give the ids of advisories that the distribution's other releases have given."""
    taken: set[str] = set()
    for folder in state.snapshots(release.distribution.id, release.version).parent.glob("*"):
        if folder.name != release.version and (names := ids_in(folder)):
            text = (folder / names[-1] / ADVISORIES).read_text("utf-8")
            taken |= {advisory.id for advisory in from_json(text)}
    return taken


def _next_id(names: Sequence[str], now: int) -> str:
    """Give the id of a snapshot made now, which is newer than all `names` also if the clock went back."""
    day, last = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d"), 0
    if names and order(names[-1])[0] >= day:
        day, last = order(names[-1])
    return f"{day}.{last + 1}"


def _same_name(parent: Snapshot | None, hashes: Mapping[str, str]) -> tuple[str, ...]:
    known = parent.by_filename if parent else {}
    return tuple(n for n, digest in sorted(hashes.items()) if n in known and known[n].sha256 != digest)


def _obtain(store: Store, plan: _Plan, runs: Sequence[str]) -> Path:
    own = [file.sha256 for one in plan.record.sources if not one.archive for file in one.files]
    options = canonical([plan.release.feed.model_dump(mode="json"), plan.release.distribution.id])
    texts = (plan.record.as_text(), to_json(plan.advisories), options)
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    step = Step(
        "snapshot",
        code_of(*_CODE),
        canonical([plan.record.release, plan.record.id, digest]),
        (plan.signer.identity, *own, *runs),  # not the feed: a snapshot stands without what it was made of
    )
    return store.obtain(step, lambda into: _write(store, plan, runs, into), with_all=True)


def _write(store: Store, plan: _Plan, runs: Sequence[str], into: Path) -> dict[str, str]:
    """Write the snapshot's files; gives the SHA-256 of the metadata, by path below `into`."""
    record, feed = plan.record, plan.release.feed
    folder = into / "snapshots" / record.id
    repodata = folder / "repodata"
    repodata.mkdir(parents=True)
    described = write_metadata(store, repodata, plan.packages, feed, kinds=("primary",), pooled=True)
    files = [
        *described.files,
        *_linked(Path(store.place_of(plan.built.index, "repodata")), repodata, ("filelists", "other")),
        _updateinfo(plan, repodata, feed),
    ]
    repomd = sign_repodata(repodata, files, plan.signer, record.created)
    write_advisories(folder, plan.advisories, plan.release, plan.signer)
    _text(folder / ADVISORIES, to_json(plan.advisories))
    if record.sources:
        text = sources_text(record.sources)
        _text(folder / SOURCES, text)
        _text(folder / f"{SOURCES}.asc", sign_detached(text.encode("utf-8"), plan.signer, record.created))
    _text(folder / RECORD, record.indexed(repomd).as_text())
    _text(into / RUNS, json.dumps(runs))
    for path in (into, folder.parent, folder, *(path for path in folder.rglob("*") if path.is_dir())):
        path.chmod(0o755)  # whatever the umask
    return {written.file.relative_to(into).as_posix(): written.sha256 for written in files}


def _linked(index: Path, repodata: Path, kinds: Sequence[str]) -> list[Written]:
    """Take metadata over from the feed's own as they are; gives them in the order of `kinds`."""
    records = {record.type: record for record in createrepo().Repomd(str(index / "repomd.xml")).records}
    found = []
    for kind in kinds:
        record = records[kind]
        file = repodata / record.location_href.rpartition("/")[2]
        os.link(index / file.name, file)
        found.append(Written(kind, file, record.checksum, record.size, record.size_open))
    return found


def _updateinfo(plan: _Plan, repodata: Path, feed: Feed) -> Written:
    plain = updateinfo_xml(plan.advisories, plan.release, plan.record.created).encode("utf-8")
    data = packed(plain, feed.compression)
    digest = hashlib.sha256(data).hexdigest()
    file = repodata / f"{digest}-updateinfo.xml{SUFFIXES[feed.compression]}"
    file.write_bytes(data)
    file.chmod(0o644)
    return Written("updateinfo", file, digest, len(data), len(plain))


def _text(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    file.chmod(0o644)
