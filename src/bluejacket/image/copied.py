"""A copy of a disk in which some blocks are others, and its hash, without reading the copy back.

A disk is a gigabyte, mostly holes. What bounds its copy is the medium (all data has to be on it before the
store names the copy) and SHA-256, which no second core can help. So the copy leaves as much of the other core
as it can, and the hash is taken of what is copied, meanwhile.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bluejacket.store.files import copy_range, data_of

if TYPE_CHECKING:
    from hashlib import _Hash as Digest

BLOCK = 4096  # bytes; differences are found in these
_CHUNK = 1 << 24  # bytes
_DIRECT = 1 << 22  # bytes: larger ones are no faster, and more memory
_ZEROS = bytes(1 << 18)
_FICLONE = 0x40049409  # linux/fs.h
_SYNC_FILE_RANGE_WRITE = 2  # sync_file_range(2): begin to write, wait for nothing


class Change(NamedTuple):
    """Other bytes at an offset of a disk."""

    offset: int
    data: bytes


def copy_sparse(source: Path, target: Path, *, read_again: bool = True) -> None:
    """Copy a file; holes stay holes (lseek(2), SEEK_DATA).

    File systems that share blocks between files do (ioctl_ficlone(2)). Where they do not, data that nobody
    will soon read again pass the page cache by (open(2), O_DIRECT), and other data are begun to be written.
    """
    with source.open("rb") as reader, target.open("wb") as writer:
        if _cloned(reader.fileno(), writer.fileno()):
            return
        os.truncate(writer.fileno(), os.fstat(reader.fileno()).st_size)
        with _direct(target) as direct:
            for begin, end in data_of(reader.fileno()):
                done = begin
                if direct is not None and not read_again:
                    done = _copy_directly(reader.fileno(), direct, begin, end)
                _copy_cached(reader.fileno(), writer.fileno(), done, end)


def _cloned(reader: int, writer: int) -> bool:
    try:
        fcntl.ioctl(writer, _FICLONE, reader)
    except OSError:
        return False
    return True


@contextmanager
def _direct(target: Path) -> Iterator[int | None]:
    """Open a file for writing past the page cache; gives None on a file system that knows no such thing."""
    try:
        handle = os.open(target, os.O_WRONLY | os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _copy_directly(reader: int, writer: int, begin: int, end: int) -> int:
    """Copy whole blocks through a buffer that begins where a page does; gives where it ended.

    What is left is less than a block, or what the file system will not have written so (open(2), NOTES).
    """
    with mmap.mmap(-1, _DIRECT) as pages, memoryview(pages) as buffer:
        while end - begin >= BLOCK:
            length = os.preadv(reader, [buffer[: min(_DIRECT, end - begin)]], begin) // BLOCK * BLOCK
            try:
                written = os.pwritev(writer, [buffer[:length]], begin)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                break
            if not written:
                break
            begin += written
    return begin


def _copy_cached(reader: int, writer: int, begin: int, end: int) -> None:
    begin_to_write = ctypes.CDLL(None).sync_file_range
    begin_to_write.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    for at in range(begin, end, _CHUNK):
        length = min(_CHUNK, end - at)
        copy_range(reader, writer, at, at + length)
        # A hint, whatever it answers: the store syncs the file, and tells of a failure.
        begin_to_write(writer, at, length, _SYNC_FILE_RANGE_WRITE)


def apply(changes: Sequence[Change], disk: Path) -> None:
    """Write the changes into a disk."""
    with disk.open("r+b") as stream:
        for change in changes:
            stream.seek(change.offset)
            stream.write(change.data)


def hash_range(digest: Digest, disk: Path, begin: int, end: int, changes: Sequence[Change] = ()) -> None:
    """Go on with `digest` over the bytes from `begin` to `end` of a disk as they are with `changes`.

    `changes` are in the order of their offsets, do not overlap, and lie between the two.
    """
    with disk.open("rb") as stream:
        for change in changes:
            _hash_plain(digest, stream.fileno(), begin, change.offset)
            digest.update(change.data)
            begin = change.offset + len(change.data)
        _hash_plain(digest, stream.fileno(), begin, end)


def _hash_plain(digest: Digest, handle: int, begin: int, end: int) -> None:
    buffer = memoryview(bytearray(len(_ZEROS)))
    for first, last in data_of(handle, begin, end):
        _hash_zeros(digest, first - begin)
        begin = first
        while begin < last:
            length = os.preadv(handle, [buffer[: last - begin]], begin)
            if not length:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            digest.update(buffer[:length])
            begin += length
    _hash_zeros(digest, end - begin)


def _hash_zeros(digest: Digest, count: int) -> None:
    zeros = memoryview(_ZEROS)
    for _ in range(count // len(zeros)):
        digest.update(zeros)
    digest.update(zeros[: count % len(zeros)])


def differences(former: Path, latter: Path, offset: int = 0) -> list[Change]:
    """Give the blocks in which `latter` differs from `former`, a file as large; theirs begin at `offset`."""
    found: dict[int, bytes] = {}
    with former.open("rb") as one, latter.open("rb") as other:
        handles = one.fileno(), other.fileno()
        for begin, end in (each for handle in handles for each in data_of(handle)):
            for at in range(begin - begin % BLOCK, end, _CHUNK):
                before, after = (os.pread(handle, min(_CHUNK, end - at), at) for handle in handles)
                if before != after:
                    found.update(_different_blocks(before, after, at))
    return [Change(offset + at, found[at]) for at in sorted(found)]


def _different_blocks(before: bytes, after: bytes, begin: int) -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(after), BLOCK):
        block = after[at : at + BLOCK]
        if block != before[at : at + BLOCK]:
            yield begin + at, block
