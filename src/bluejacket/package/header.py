"""Setting a tag of a package's header that its builder cannot set (rpm-format(7), "Header")."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

SOURCERPM = 1044  # rpm-tags(7): what tells a binary package from a source package
_LEAD = 96  # bytes
_INTRO = struct.Struct(">4s4xII")  # magic and version, count of the index, size of the store
_INDEX = struct.Struct(">IIiI")  # tag, type, offset into the store, count
_MAGIC = b"\x8e\xad\xe8\x01"
_IMMUTABLE, _BINARY, _STRING = 63, 7, 6
_SIZES = {0: 0, 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}  # bytes of one element, by type
_ALIGNED = {3: 2, 4: 4, 5: 8}


class _Entry(NamedTuple):
    tag: int
    kind: int
    number: int
    data: bytes


def set_strings(rpm: bytes, values: Mapping[int, str]) -> bytes:
    """Give the unsigned package `rpm` with these string tags in its header.

    Its signature header stays as it was: whoever signs writes that anew. Raises ValueError for what
    is no package.
    """
    signature_end = _LEAD + _size(rpm, _LEAD)
    start = signature_end + -signature_end % 8
    end = start + _size(rpm, start)
    kept = [entry for entry in _entries(rpm[start:end]) if entry.tag not in values]
    added = [_Entry(tag, _STRING, 1, text.encode("utf-8") + b"\0") for tag, text in values.items()]
    return rpm[:start] + _header(sorted([*kept, *added])) + rpm[end:]


def _size(data: bytes, at: int) -> int:
    try:
        magic, count, size = _INTRO.unpack_from(data, at)
    except struct.error:
        magic, count, size = b"", 0, 0
    if magic != _MAGIC:
        raise ValueError("no header of an RPM package")
    return int(_INTRO.size + count * _INDEX.size + size)


def _entries(header: bytes) -> list[_Entry]:
    _, count, _ = _INTRO.unpack_from(header)
    store = header[_INTRO.size + count * _INDEX.size :]
    found = []
    for at in range(count):
        tag, kind, offset, number = _INDEX.unpack_from(header, _INTRO.size + at * _INDEX.size)
        if tag != _IMMUTABLE:
            found.append(_Entry(tag, kind, number, _value(store, kind, offset, number)))
    return found


def _value(store: bytes, kind: int, offset: int, count: int) -> bytes:
    if kind in _SIZES:
        return store[offset : offset + _SIZES[kind] * count]
    end = offset
    for _ in range(count):
        end = store.index(b"\0", end) + 1
    return store[offset:end]


def _header(entries: list[_Entry]) -> bytes:
    """Write a header whose first entry is the region that a signature covers: all of it."""
    store = b""
    index = []
    for tag, kind, number, data in entries:
        store += bytes(-len(store) % _ALIGNED.get(kind, 1))
        index.append(_INDEX.pack(tag, kind, len(store), number))
        store += data
    total = len(entries) + 1
    region = _INDEX.pack(_IMMUTABLE, _BINARY, len(store), _INDEX.size)
    trailer = _INDEX.pack(_IMMUTABLE, _BINARY, -total * _INDEX.size, _INDEX.size)
    return _INTRO.pack(_MAGIC, total, len(store) + len(trailer)) + region + b"".join(index) + store + trailer
