"""Sending a release's feed to a target: what is named first, what names it after that, the channels last."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from bluejacket.definition import Release
from bluejacket.errors import Fault, OutsideError, Place, UserError
from bluejacket.feed.advisory.reading import Disagreement
from bluejacket.feed.agreement import disagreements
from bluejacket.feed.channel import channels as channels_of
from bluejacket.feed.channel import moving
from bluejacket.feed.publish.lease import LEASE_S, Lease, leased
from bluejacket.feed.publish.prune import prune as prune_target
from bluejacket.feed.publish.target import Target, There
from bluejacket.feed.published import Item, Stage, published
from bluejacket.feed.snapshot import Snapshot, snapshots
from bluejacket.feed.sources import PUBLISHED, gather
from bluejacket.feed.written import refuse_harmed
from bluejacket.report import Bar
from bluejacket.store import State

_AT_ONCE = 8
_IN_MEMORY = 32 << 20  # bytes; what is larger is sent from its file
_MOST = 5  # faults that are told
_REPOMD = "/repomd.xml"
TOP = ("pool", PUBLISHED, "snapshots", "advisories", "channels")


@dataclass(frozen=True, slots=True)
class Sent:
    """What a publication did: files and bytes sent, files that were there already, and files removed.

    `withheld` are the snapshots that were not sent, as their advisories disagree, and no channel needs them.
    """

    url: str
    sent: int
    size: int
    kept: int
    removed: int
    channels: tuple[str, ...]
    snapshots: tuple[str, ...]
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to publish. `addresses` are where machines find the target, the preferred one first.

    `channels` are those to move there; none means all. With `sources` the foundation's sources are mirrored
    there, and fetched for that; our own always are. `check` reads back and compares every package;
    `prune` removes what the release's retention rule lets go. A publisher waits `wait_s` seconds for
    another one, and loses its lease when it is silent for `lease_s`.
    """

    addresses: Sequence[str]
    channels: Sequence[str] = ()
    sources: bool = False
    check: bool = False
    prune: bool = False
    wait_s: float = 0.0
    lease_s: float = LEASE_S


def publish(
    state: State, release: Release, target: Target, certificate: str, wishes: Wishes, now: int
) -> Sent:
    """Bring a release's feed to a target, at `now` (seconds since 1970); what is there is not sent again.

    Stopped at any moment it leaves a target on which every channel points at a whole snapshot. What is not
    there yet is judged: a snapshot whose advisories disagree with it or with its images is withheld, and if
    it is the newest or a channel points at it, nothing is published. Raises UserError for that (`certificate`
    is the key that signed), for channels that point nowhere, and for a target with another snapshot of the
    same id; OutsideError for a storage that fails, a damaged store, and another publisher at work.
    """
    if wishes.sources:
        known = (source for one in snapshots(state, release) for source in one.sources)
        gather(state, release, list(dict.fromkeys(known)))
    with moving(state, release):  # or a channel could move to a snapshot that the list lacks
        found = snapshots(state, release)
        items = _wanted(state, release, found, wishes)
        needed = {one.snapshot for one in channels_of(state, release)} | {one.id for one in found[-1:]}
    judged = _judged(state, release, (one for one in found if one.id in needed), certificate)
    _refuse_disagreements(release, judged)
    with leased(target, wait_s=wishes.wait_s, seconds=wishes.lease_s, report=state.report) as lease:
        for folder in TOP:
            target.sweep(folder)
        there = {path: one for folder in TOP for path, one in target.listing(folder).items()}
        fresh = (one for one in found if one.id not in needed and _index_of(one) not in there)
        judged = _judged(state, release, fresh, certificate)
        withheld = tuple(one for one, wrong in judged.items() if wrong)
        if withheld:
            items = _without(state, release, items, [s for s in found if s.id not in withheld], wishes)
        todo = _missing(target, items, there, check=wishes.check)
        _refuse_other_snapshots(target, todo, there)
        _send_all(state, target, lease, todo)
        removed = prune_target(target, lease, release, found, items, now) if wishes.prune else 0
    names = tuple(_channel(item) for item in items if item.stage is Stage.CHANNELS)
    size = sum(_size(item) for item in todo)
    ids = tuple(snapshot.id for snapshot in found if snapshot.id not in withheld)
    for one in withheld:
        state.report.warn(f"{one} was not published, as its advisories disagree: {_verify(release, one)}")
    return Sent(target.url, len(todo), size, len(items) - len(todo), removed, names, ids, withheld)


def _index_of(snapshot: Snapshot) -> str:
    """Give the path of what is sent last of a snapshot."""
    return f"snapshots/{snapshot.id}/repodata{_REPOMD}"


def _judged(
    state: State, release: Release, chosen: Iterable[Snapshot], certificate: str
) -> dict[str, list[Disagreement]]:
    """Give the disagreements of each snapshot by its id. Raises OutsideError for one that was harmed."""
    found = {}
    for snapshot in chosen:
        refuse_harmed(state.store, snapshot)
        found[snapshot.id] = disagreements(state, release, snapshot, certificate)
    return found


def _without(
    state: State, release: Release, items: Iterable[Item], rest: Sequence[Snapshot], wishes: Wishes
) -> list[Item]:
    """Leave out what only snapshots have that are not among the `rest`."""
    wanted = published(state, release, wishes.addresses, rest, all_sources=wishes.sources)
    paths = {item.path for item in wanted}
    return [item for item in items if item.stage is Stage.CHANNELS or item.path in paths]


def _wanted(state: State, release: Release, found: Sequence[Snapshot], wishes: Wishes) -> list[Item]:
    """Give what is to be at the target of the snapshots `found` and the channels, in a safe order."""
    items = list(published(state, release, wishes.addresses, found, all_sources=wishes.sources))
    if not items:
        what = f"release {release.version} has no snapshot to publish"
        raise UserError(Fault(what, f"`bluejacket feed snapshot {release.version}` makes one"))
    pointing = {_channel(item) for item in items if item.stage is Stage.CHANNELS}
    if lacking := [name for name in wishes.channels if name not in pointing]:
        way_out = f"`bluejacket feed promote {lacking[0]} --release {release.version}`"
        raise UserError(*(Fault(f"the channel {name} points at no snapshot", way_out) for name in lacking))
    chosen = set(wishes.channels) or pointing
    items = [item for item in items if item.stage is not Stage.CHANNELS or _channel(item) in chosen]
    return sorted(items, key=_phase)


def _phase(item: Item) -> tuple[int, bool]:
    """Give what sorts items into groups, of which the next may begin only when the one before is there."""
    return list(Stage).index(item.stage), item.path.endswith(_REPOMD)


def _channel(item: Item) -> str:
    return Path(item.path).stem


def _refuse_disagreements(release: Release, judged: Mapping[str, Sequence[Disagreement]]) -> None:
    faults = []
    for snapshot, wrong in judged.items():
        faults += [Fault(f"{snapshot}: {one}", _verify(release, snapshot)) for one in wrong[:_MOST]]
        if len(wrong) > _MOST:
            faults.append(Fault(f"{snapshot}: and {len(wrong) - _MOST} more disagreements"))
    if faults:
        raise UserError(Fault("nothing was published: the advisories disagree"), *faults)


def _verify(release: Release, snapshot: str) -> str:
    return f"see `bluejacket advisory verify {release.version} --snapshot {snapshot}`"


def _missing(target: Target, items: Sequence[Item], there: Mapping[str, There], *, check: bool) -> list[Item]:
    """Give the items that are not at the target as they should be, in their order."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        there_already = pool.map(lambda item: _is_there(target, item, there, check=check), items)
        return [item for item, known in zip(items, there_already, strict=True) if not known]


def _is_there(target: Target, item: Item, there: Mapping[str, There], *, check: bool) -> bool:
    found = there.get(item.path)
    if found is None or found.size != _size(item):
        return False
    if item.sha256 and item.sha256[:16] in item.path and not check:
        return True  # the name holds the hash, and the file became visible only when it was whole
    if found.md5:
        return found.md5 == hashlib.md5(_content(item), usedforsecurity=False).hexdigest()
    try:
        return target.read(item.path) == _content(item)
    except FileNotFoundError:
        return False


def _refuse_other_snapshots(target: Target, todo: Sequence[Item], there: Mapping[str, There]) -> None:
    others = [item.path for item in todo if item.path.endswith(_REPOMD) and item.path in there]
    if others:
        way_out = (
            "this state folder is not the one that was published there: restore that, or publish elsewhere"
        )
        raise UserError(*(Fault(f"{target.url} has another {path}", way_out) for path in others))


def _send_all(state: State, target: Target, lease: Lease, todo: Sequence[Item]) -> None:
    total = sum(_size(item) for item in todo)
    with state.report.bar(f"Publishing to {target.url}", total, "B") as bar:
        for (_, _), group in groupby(todo, key=_phase):
            lease.check()
            _at_once(lambda item: _send(target, lease, item, bar), group)


def _at_once(work: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Do the work for all items, several at a time; after a failure nothing new is begun."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _send(target: Target, lease: Lease, item: Item, bar: Bar) -> None:
    lease.check_time()
    content = item.content
    if isinstance(content, Path):
        small = _size(item) <= _IN_MEMORY
        data = content.read_bytes() if small else b""
        if item.sha256 and item.sha256 != (hashlib.sha256(data).hexdigest() if small else _digest(content)):
            what = "is not the file that the snapshot's record names"
            raise OutsideError(Fault(what, "`bluejacket store verify` finds what is damaged", Place(content)))
        item = replace(item, content=data) if small else item
    target.put(item.path, item.content, immutable=item.immutable)
    bar.advance(_size(item))


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _content(item: Item) -> bytes:
    return item.content if isinstance(item.content, bytes) else item.content.read_bytes()


def _size(item: Item) -> int:
    return len(item.content) if isinstance(item.content, bytes) else item.content.stat().st_size
