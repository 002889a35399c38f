"""Reading a partition table: where the partitions of a disk begin (UEFI 2.10, section 5.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from bluejacket.errors import Fault, OutsideError

SECTOR = 512
# Discoverable Partitions Specification
ESP = UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
ROOT = UUID("4f68bce3-e8cd-4db1-96e7-fbcaf984b709")


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition; `offset` and `size` are bytes."""

    type: UUID
    uuid: UUID
    offset: int
    size: int
    attributes: int
    label: str


def read_partitions(disk: Path) -> list[Partition]:
    """Give a disk image's partitions in the order of the table. Raises OutsideError when it has none."""
    with disk.open("rb") as stream:
        stream.seek(SECTOR)
        header = stream.read(92)
        if header[:8] != b"EFI PART":
            raise OutsideError(Fault(f"{disk} has no GPT"))
        table, count, length = struct.unpack_from("<QII", header, 72)
        stream.seek(table * SECTOR)
        entries = stream.read(count * length)
    found = []
    for at in range(0, len(entries), length):
        kind = UUID(bytes_le=entries[at : at + 16])
        if not kind.int:
            continue
        first, last, attributes = struct.unpack_from("<QQQ", entries, at + 32)
        label = entries[at + 56 : at + 128].decode("utf-16-le").rstrip("\0")
        identity = UUID(bytes_le=entries[at + 16 : at + 32])
        found.append(
            Partition(kind, identity, first * SECTOR, (last - first + 1) * SECTOR, attributes, label)
        )
    return found


def only(partitions: list[Partition], kind: UUID) -> Partition:
    """Give the one partition of this type. Raises OutsideError for none or several."""
    found = [p for p in partitions if p.type == kind]
    if len(found) != 1:
        raise OutsideError(Fault(f"the disk has {len(found)} partitions of type {kind}, where one is wanted"))
    return found[0]
