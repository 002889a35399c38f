"""A channel: one object that points at a snapshot, and the record of all that it pointed at before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bluejacket.definition import Release
from bluejacket.errors import Fault, OutsideError, Place, UserError
from bluejacket.feed.serve import Pointed
from bluejacket.feed.snapshot import Snapshot, ids_in
from bluejacket.store import State, locked, replace_text

CHANNELS = ("preview", "stable")
DEFAULT = "stable"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a channel: where it went, when (seconds since 1970), how and why.

    `how` is "promoted" or "rolled back". `reason` is a person's own: for a roll-back, or for what
    `overridden` gates were passed over.
    """

    snapshot: str
    when: int
    how: str
    reason: str = ""
    overridden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """What a channel points at. `pointed` describes the snapshot's repomd.xml; `history` is oldest first."""

    name: str
    snapshot: str
    pointed: Pointed
    history: tuple[Move, ...]

    @classmethod
    def load(cls, file: Path) -> Channel:
        """Read a channel's record. Raises OutsideError for one that cannot be read."""
        try:
            table = json.loads(file.read_text("utf-8"))
            if table["format"] != _FORMAT:
                raise ValueError("it is of another version of Bluejacket")
            history = tuple(
                Move(**row | {"overridden": tuple(row["overridden"])}) for row in table["history"]
            )
            return cls(file.stem, table["snapshot"], Pointed(**table["repomd"]), history)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"is no record of a channel: {error}"
            way_out = "restore it: a channel's history is part of it"
            raise OutsideError(Fault(what, way_out, Place(file))) from error

    def as_text(self) -> str:
        """Give the record as its file holds it."""
        table = {"format": _FORMAT, "snapshot": self.snapshot, "repomd": asdict(self.pointed)}
        table["history"] = [asdict(move) for move in self.history]
        return json.dumps(table, indent=1, ensure_ascii=False) + "\n"

    @property
    def moved(self) -> int:
        """When it came to where it is, in seconds since 1970."""
        return self.history[-1].when


def channels(state: State, release: Release) -> list[Channel]:
    """Give a release's channels that point somewhere, by name."""
    folder = _folder(state, release)
    return [Channel.load(file) for file in sorted(folder.glob("*.json"))]


def channel(state: State, release: Release, name: str) -> Channel | None:
    """Give a release's channel; None while it points nowhere. Raises UserError for one that cannot be."""
    if name not in CHANNELS:
        raise UserError(Fault(f"there is no channel {name}", f"the channels are {' and '.join(CHANNELS)}"))
    file = state.channel_file(release.distribution.id, release.version, name)
    return Channel.load(file) if file.exists() else None


def find_snapshot(state: State, release: Release, name: str) -> Snapshot:
    """Give the snapshot with this id, or the one that the channel of this name points at.

    Raises UserError, which names those that are there.
    """
    folder = state.snapshots(release.distribution.id, release.version)
    ids = ids_in(folder)
    if name in CHANNELS:
        found = channel(state, release, name)
        if found is None:
            way_out = f"`bluejacket feed promote {name} --release {release.version}` makes it point at one"
            raise UserError(Fault(f"the channel {name} points at no snapshot yet", way_out))
        name = found.snapshot
    if name not in ids:
        make = f"`bluejacket feed snapshot {release.version}` makes one"
        known = f"the newest are {', '.join(ids[-8:])}" if ids else make
        raise UserError(Fault(f"release {release.version} has no snapshot {name}", known))
    return Snapshot.load(folder / name)


@contextmanager
def moving(state: State, release: Release) -> Iterator[None]:
    """Hold the channels of a release, so that one move is judged and made at a time."""
    with locked(_folder(state, release) / ".lock"):
        yield


def move(state: State, release: Release, name: str, snapshot: Snapshot, step: Move) -> Channel:
    """Point a channel at a snapshot, atomically; gives its new record. Hold it by `moving`.

    Raises OutsideError when the snapshot's repomd.xml is not the one that was recorded.
    """
    repomd = snapshot.folder / "repodata" / "repomd.xml"
    data = repomd.read_bytes()
    if (hashlib.sha256(data).hexdigest(), len(data)) != (snapshot.repomd_sha256, snapshot.repomd_size):
        raise OutsideError(Fault("is not the file that the snapshot's record names", "", Place(repomd)))
    former = channel(state, release, name)
    history = (*(former.history if former else ()), step)
    now = Channel(name, snapshot.id, Pointed.at(data, snapshot.created), history)
    replace_text(state.channel_file(release.distribution.id, release.version, name), now.as_text())
    return now


def roll_back(
    state: State, release: Release, name: str, reason: str, now: int, to: str | None = None
) -> Channel:
    """Point a channel at a snapshot that it pointed at before, by default the last other one.

    No gate is asked: it passed them then. Raises UserError for a snapshot that this channel never had,
    for a reason that says nothing, and when there is nothing to go back to.
    """
    if not reason.strip():
        raise UserError(Fault("a channel goes back for a reason", "say it with --reason"))
    with moving(state, release):
        current = channel(state, release, name)
        history = current.history if current else ()
        before = [step.snapshot for step in history if step.snapshot != history[-1].snapshot]
        if not before:
            raise UserError(
                Fault(f"the channel {name} has nothing to go back to", "it pointed nowhere before")
            )
        if to is not None and to not in before:
            known = ", ".join(dict.fromkeys(reversed(before)))
            raise UserError(Fault(f"the channel {name} never pointed at {to} before", f"it did at {known}"))
        snapshot = find_snapshot(state, release, to or before[-1])
        return move(state, release, name, snapshot, Move(snapshot.id, now, "rolled back", reason.strip()))


def _folder(state: State, release: Release) -> Path:
    return state.channel_file(release.distribution.id, release.version, DEFAULT).parent
