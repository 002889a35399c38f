"""The fixed VHD that Azure takes: the raw disk, then a footer of 512 bytes.

Sources: "Virtual Hard Disk Image Format Specification" (Microsoft, 2006) and, for the alignment, "Prepare
a VHD to upload to Azure": the virtual size is a multiple of 1 MiB.
"""

from __future__ import annotations

import struct
from uuid import UUID

from bluejacket.errors import Fault, OutsideError

MIB = 1 << 20
SECTOR = 512
FOOTER = 512
_EPOCH = 946_684_800  # the format counts seconds from 2000-01-01 00:00 UTC
_NO_DATA = 0xFFFF_FFFF_FFFF_FFFF  # "for fixed disks, this field should be set to 0xFFFFFFFF"
_FIXED = 2
_MOST_SECTORS = 65535 * 16 * 255


def geometry(size: int) -> tuple[int, int, int]:
    """Give cylinders, heads and sectors of a track for a disk of `size` bytes (the appendix)."""
    sectors = min(size // SECTOR, _MOST_SECTORS)
    if sectors >= 65535 * 16 * 63:
        track, heads = 255, 16
        return sectors // track // heads, heads, track
    track = 17
    by_track = sectors // track
    heads = max((by_track + 1023) // 1024, 4)
    if by_track >= heads * 1024 or heads > 16:
        track, heads = 31, 16
        by_track = sectors // track
    if by_track >= heads * 1024:
        track, heads = 63, 16
        by_track = sectors // track
    return by_track // heads, heads, track


def footer(size: int, time: int, identity: UUID) -> bytes:
    """Give the footer of a fixed disk of `size` bytes made at `time` (Unix seconds).

    Raises OutsideError for a size that is no multiple of 1 MiB, which Azure refuses.
    """
    if size % MIB:
        raise OutsideError(Fault(f"a disk of {size} bytes cannot be a VHD for Azure: no multiple of 1 MiB"))
    cylinders, heads, track = geometry(size)
    fields = struct.pack(
        ">8sIIQI4sI4sQQHBBII16sB427x",
        b"conectix",
        2,  # features: "Reserved" is always set
        0x0001_0000,
        _NO_DATA,
        max(time - _EPOCH, 0),
        b"win ",  # readers trust this creator's size and leave the geometry alone
        0x000A_0000,
        b"Wi2k",
        size,
        size,
        cylinders,
        heads,
        track,
        _FIXED,
        0,
        identity.bytes,
        0,
    )
    checksum = ~sum(fields) & 0xFFFF_FFFF  # "one's complement of the sum of all the bytes in the footer"
    return fields[:64] + struct.pack(">I", checksum) + fields[68:]
