"""A feed that is there, and the keys that sign a distribution's feeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bluejacket.definition import Release
from bluejacket.package.bootkey import BootKey, obtain_boot_key
from bluejacket.package.rotation import KeySet, obtain_keys
from bluejacket.store import State


@dataclass(frozen=True, slots=True)
class Built:
    """A feed that is there: its folder, its step and its index's, and what a report says of it.

    `size` is in bytes.
    """

    release: str
    folder: Path
    key: str
    index: str
    epoch: int
    packages: int
    size: int
    unreviewed: tuple[str, ...]
    tolerated: tuple[str, ...]


def signer_of(state: State, release: Release) -> KeySet:
    """Give the keys that sign a distribution's packages and feeds; the first is made on first use."""
    who = release.distribution
    return obtain_keys(state.keys, f"{who.name} (packages)", who.id)


def boot_key_of(state: State, release: Release) -> BootKey:
    """Give the key that signs what the firmware starts; it is made on first use."""
    return obtain_boot_key(state.keys, release.distribution.id, release.distribution.name)
