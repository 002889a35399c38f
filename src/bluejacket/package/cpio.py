"""The cpio archive that the kernel unpacks as its initrd: sorted, owned by root, with one time, so that equal
content gives equal bytes.

Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst ("newc").
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder, link or device node; `mode` holds the file type as well (`stat.S_IFREG` …)."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)

    @classmethod
    def file(cls, path: str, data: bytes, mode: int = 0o644) -> Entry:
        """Give a regular file."""
        return cls(path, stat.S_IFREG | mode, data)

    @classmethod
    def folder(cls, path: str, mode: int = 0o755) -> Entry:
        """Give a folder."""
        return cls(path, stat.S_IFDIR | mode)

    @classmethod
    def link(cls, path: str, target: str) -> Entry:
        """Give a symbolic link."""
        return cls(path, stat.S_IFLNK | 0o777, target.encode())

    @classmethod
    def node(cls, path: str, major: int, minor: int, mode: int = 0o600) -> Entry:
        """Give the node of a character device."""
        return cls(path, stat.S_IFCHR | mode, device=(major, minor))


def write_cpio(entries: list[Entry], out: BinaryIO, time: int) -> None:
    """Write `entries` and the folders above them to `out`; every entry gets the time `time` (Unix seconds).

    Raises ValueError for two entries of one path, and for a path that is not relative and plain.
    """
    known: dict[str, Entry] = {}
    for entry in entries:
        path = PurePosixPath(entry.path)
        if path.is_absolute() or ".." in path.parts or str(path) != entry.path:
            raise ValueError(f"{entry.path!r} is not a plain relative path")
        if entry.path in known:
            raise ValueError(f"{entry.path!r} is there twice")
        known[entry.path] = entry
    for entry in entries:
        for parent in PurePosixPath(entry.path).parents:
            if str(parent) != ".":
                known.setdefault(str(parent), Entry.folder(str(parent)))
    # A folder's path sorts before everything in it.
    for inode, path_name in enumerate(sorted(known), start=1):
        _write(known[path_name], inode, out, time)
    _write(Entry(_TRAILER, 0), 0, out, 0)


def _write(entry: Entry, inode: int, out: BinaryIO, time: int) -> None:
    name = entry.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    # ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    fields = (inode, entry.mode, 0, 0, links, time, len(entry.data), 0, 0, *entry.device, len(name), 0)
    out.write(_MAGIC + b"".join(b"%08x" % field for field in fields))
    # The header is 110 bytes: name and data each end on a multiple of four.
    out.write(name + b"\0" * (-(110 + len(name)) % 4))
    out.write(entry.data + b"\0" * (-len(entry.data) % 4))
