"""Every write of a guest, in order, and its disk as it was at any of them.

QEMU's `blklogwrites` driver records them in the format of Linux's dm-log-writes (Documentation/admin-guide/
device-mapper/log-writes.rst; `struct log_write_super` and `struct log_write_entry` of
drivers/md/dm-log-writes.c): a head of one sector, then each entry as a sector of its own with the data after
it. All numbers are little-endian. The head is written anew at each flush, and counts what had come by then.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from types import TracebackType

from bluejacket.errors import Fault, OutsideError
from bluejacket.store.files import copy_range, data_of

MAGIC, VERSION = 0x6A736677736872, 1
_HEAD = struct.Struct("<QQQL")
_ENTRY = struct.Struct("<QQQQ")
_CHUNK = 1 << 20


class Kind(IntFlag):
    """What an entry is besides a plain write."""

    FLUSH = 1
    FUA = 2
    DISCARD = 4
    MARK = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """One request of the guest: `size` bytes at `offset` of its disk, whose data is at `data` of the log."""

    offset: int
    size: int
    kind: Kind
    data: int


def count(file: Path) -> int:
    """Give how many entries a log had at its last flush, also if it is being written; 0 before the first.

    Raises OutsideError for a file that is no log.
    """
    with file.open("rb") as stream:
        return _head(file, stream.read(_HEAD.size))[0]


class WriteLog:
    """A finished log, read in place. Raises OutsideError for a file that is no log, or not all of one."""

    def __init__(self, file: Path) -> None:
        with file.open("rb") as stream:
            number, sector = _head(file, stream.read(_HEAD.size))
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if number else None
        self.entries = tuple(self._read(file, number, sector))

    def close(self) -> None:
        """Let go of the file."""
        if self._map is not None:
            self._map.close()

    def __enter__(self) -> WriteLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def flush_points(self, begin: int = 0, end: int | None = None) -> list[int]:
        """Give how many entries there are up to and with each flush from entry `begin` until before `end`.

        Flushes with nothing written since the one before count once: the disk is the same.
        """
        found, written = [], False
        for number, entry in enumerate(self.entries[begin:end], begin + 1):
            written = written or entry.size > 0
            if entry.kind & Kind.FLUSH and written:
                found.append(number)
                written = False
        return found

    def data(self, entry: Entry) -> bytes:
        """Give what an entry wrote; a discard leaves zeros."""
        if self._map is None or entry.kind & Kind.DISCARD:
            return bytes(entry.size)
        return self._map[entry.data : entry.data + entry.size]

    def _read(self, file: Path, number: int, sector: int) -> Iterator[Entry]:
        at = sector
        for index in range(number):
            if self._map is None or at + sector > len(self._map):
                raise OutsideError(Fault(f"{file} ends within entry {index} of {number}"))
            first, sectors, flags, _ = _ENTRY.unpack_from(self._map, at)
            if flags & ~sum(Kind):
                raise OutsideError(Fault(f"entry {index} of {file} has unknown flags {flags:#x}"))
            entry = Entry(first * sector, sectors * sector, Kind(flags), at + sector)
            at += sector
            if not entry.kind & Kind.DISCARD:
                at += entry.size
                if at > len(self._map):
                    raise OutsideError(Fault(f"{file} ends within the data of entry {index} of {number}"))
            yield entry


class Replay:
    """A sparse disk, brought forward through a log. It begins as `base`, with `size` bytes."""

    def __init__(self, log: WriteLog, base: Path, disk: Path, size: int) -> None:
        copy_sparse(base, disk, 0, base.stat().st_size)
        os.truncate(disk, size)
        self._log = log
        self._disk = disk
        self.done = 0

    def forward(self, end: int) -> None:
        """Apply the entries up to, and without, number `end`. Raises ValueError for one that is past."""
        if not self.done <= end <= len(self._log.entries):
            raise ValueError(f"entry {end} is not between {self.done} and {len(self._log.entries)}")
        handle = os.open(self._disk, os.O_RDWR)
        try:
            for entry in self._log.entries[self.done : end]:
                for at in range(0, entry.size, _CHUNK):
                    part = Entry(entry.offset + at, min(_CHUNK, entry.size - at), entry.kind, entry.data + at)
                    _apply(handle, part, self._log.data(part))
        finally:
            os.close(handle)
        self.done = end


def copy_sparse(source: Path, target: Path, offset: int, size: int) -> None:
    """Copy `size` bytes at `offset` of a file into a new one, holes as holes."""
    with source.open("rb") as reading, target.open("wb") as writing:
        os.truncate(writing.fileno(), size)
        for begin, end in data_of(reading.fileno(), offset, offset + size):
            copy_range(reading.fileno(), writing.fileno(), begin, end, offset)


def _apply(handle: int, entry: Entry, data: bytes) -> None:
    zeros = bytes(entry.size)
    if data != zeros:
        os.pwrite(handle, data, entry.offset)
        return
    for begin, end in data_of(handle, entry.offset, entry.offset + entry.size):
        os.pwrite(handle, zeros[: end - begin], begin)


def _head(file: Path, head: bytes) -> tuple[int, int]:
    """Give the number of entries, and a sector's bytes."""
    if not head.strip(b"\0"):
        return 0, 512
    if len(head) == _HEAD.size:
        magic, version, number, sector = _HEAD.unpack(head)
        if (magic, version) == (MAGIC, VERSION) and sector >= _ENTRY.size:
            return number, sector
    raise OutsideError(Fault(f"{file} is no log of writes in the format of dm-log-writes"))
