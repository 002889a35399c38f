"""What the channels point at."""

from __future__ import annotations

from dataclasses import dataclass

from bluejacket.feed.channel import Channel
from bluejacket.store import State


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a channel of a release points at: the id of a snapshot, and the hash of its repomd.xml."""

    distribution: str
    release: str
    channel: str
    snapshot: str
    repomd_sha256: str


def pointers(state: State) -> list[Pointer]:
    """Give all channels of the state folder. Raises OutsideError for a record that cannot be read."""
    found = []
    for file in sorted((state.root / "channels").glob("*/*/*.json")):
        if not file.name.startswith("."):
            channel = Channel.load(file)
            found.append(
                Pointer(
                    file.parts[-3], file.parts[-2], channel.name, channel.snapshot, channel.pointed.sha256
                )
            )
    return found
