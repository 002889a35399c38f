"""What machines that follow the channels know of a key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bluejacket.definition import Release
from bluejacket.errors import OutsideError, UserError
from bluejacket.feed.channel import channels, find_snapshot
from bluejacket.feed.compose import KEY_FILE
from bluejacket.feed.snapshot import Snapshot
from bluejacket.foundation.openpgp import Keyring, verify_detached
from bluejacket.store import State


def unaware(state: State, releases: Iterable[Release], fingerprint: str) -> list[str]:
    """Give each channel whose snapshot does not bring the key's certificate to machines."""
    return [
        f"{told}, which does not bring the key to machines"
        for snapshot, told in _pointed(state, releases)
        if fingerprint not in _brought(snapshot).fingerprints
    ]


def unsigned(state: State, releases: Iterable[Release], certificate: str) -> list[str]:
    """Give each channel whose snapshot was not signed with the certificate."""
    keyring = Keyring.parse(certificate.encode("ascii"), "the key that signs")
    return [
        f"{told}, which the key that signs now has not signed"
        for snapshot, told in _pointed(state, releases)
        if not _signed(snapshot, keyring)
    ]


def _pointed(state: State, releases: Iterable[Release]) -> Iterator[tuple[Snapshot, str]]:
    for release in releases:
        for channel in channels(state, release):
            told = f"{channel.name} of release {release.version} points at {channel.snapshot}"
            yield find_snapshot(state, release, channel.name), told


def _brought(snapshot: Snapshot) -> Keyring:
    try:
        return Keyring.read(snapshot.folder / "repodata" / KEY_FILE)
    except UserError as error:
        raise OutsideError(*error.faults) from error  # the store's damage, not the person's doing


def _signed(snapshot: Snapshot, keyring: Keyring) -> bool:
    file = snapshot.folder / "repodata" / "repomd.xml"
    try:
        verify_detached(file.read_bytes(), file.with_name("repomd.xml.asc").read_bytes(), keyring, file.name)
    except OutsideError:
        return False
    return True
