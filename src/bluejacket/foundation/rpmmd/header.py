"""RPM's headers, read from bytes that nobody vouches for yet.

A file is lead (96 bytes), signature header, padding to 8, main header, payload. A header is an
introduction (magic, number of entries, size of the data), the entries and the data; all numbers are
big-endian (rpm docs/manual/format_v4.md). rpm-rs panics on some damaged ones; here each place
is checked against what is there.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from bluejacket.errors import OutsideError

_LEAD = 96
_LEAD_MAGIC = b"\xed\xab\xee\xdb"
_MAGIC = b"\x8e\xad\xe8\x01"
_MOST_ENTRIES = 0xFFFF  # rpm's own limits (lib/header.cc): HEADER_TAGS_MAX, HEADER_DATA_MAX
_MOST_DATA = 0x0FFFFFFF
_MOST_SIGNATURES = 64 << 20  # bytes of the signature header

_INT32, _STRING, _BIN, _STRINGS, _I18N = 4, 6, 7, 8, 9


class BadPackage(OutsideError):
    """A package that is damaged, or not the one that its index or its signature describes."""


@dataclass(frozen=True, slots=True)
class Header:
    """One header: its bytes as they stand in the file, and where its tags are."""

    raw: bytes
    entries: Mapping[int, tuple[int, int, int]]  # by tag: type, offset in the data, count
    data: bytes

    def binary(self, tag: int) -> bytes:
        """Give a BIN tag's bytes, empty if it is not there. Raises BadPackage."""
        if tag not in self.entries:
            return b""
        kind, offset, count = self.entries[tag]
        if kind != _BIN or offset + count > len(self.data):
            raise BadPackage(f"tag {tag} is damaged")
        return self.data[offset : offset + count]

    def strings(self, tag: int) -> tuple[str, ...]:
        """Give a string tag's values, none if it is not there. Raises BadPackage."""
        if tag not in self.entries:
            return ()
        kind, offset, count = self.entries[tag]
        if kind not in (_STRING, _STRINGS, _I18N):
            raise BadPackage(f"tag {tag} is damaged")
        values: list[str] = []
        for _ in range(1 if kind == _STRING else count):
            end = self.data.find(b"\0", offset)
            if end < 0:
                raise BadPackage(f"tag {tag} is damaged")
            values.append(self.data[offset:end].decode("utf-8", "replace"))
            offset = end + 1
        return tuple(values)

    def number(self, tag: int) -> int | None:
        """Give an INT32 tag's first value. Raises BadPackage."""
        if tag not in self.entries:
            return None
        kind, offset, count = self.entries[tag]
        if kind != _INT32 or count < 1 or offset + 4 > len(self.data):
            raise BadPackage(f"tag {tag} is damaged")
        return int(struct.unpack_from(">I", self.data, offset)[0])


def read_headers(package: BinaryIO) -> tuple[Header, Header]:
    """Give the signature header and the main one, and stand at the payload. Raises BadPackage."""
    lead = package.read(_LEAD)
    if len(lead) < _LEAD or not lead.startswith(_LEAD_MAGIC):
        raise BadPackage("it does not begin as an RPM does")
    signatures = _header(package, _MOST_SIGNATURES)
    package.read(-len(signatures.raw) % 8)
    return signatures, _header(package, _MOST_DATA)


def _header(package: BinaryIO, most: int) -> Header:
    intro = package.read(16)
    if len(intro) < 16 or not intro.startswith(_MAGIC):
        raise BadPackage("a header does not begin as headers do")
    count, size = struct.unpack(">II", intro[8:])
    if not 0 < count <= _MOST_ENTRIES or size > most:
        raise BadPackage(f"a header claims {count} entries and {size} bytes")
    rest = package.read(count * 16 + size)
    if len(rest) < count * 16 + size:
        raise BadPackage("it ends inside a header")
    entries: dict[int, tuple[int, int, int]] = {}
    for tag, kind, offset, number in struct.iter_unpack(">IIiI", rest[: count * 16]):
        if tag in entries:
            raise BadPackage(f"tag {tag} stands twice")
        if 0 <= offset < max(size, 1):  # the trailers of regions lie elsewhere, and hold no tag's data
            entries[tag] = (kind, offset, number)
    return Header(intro + rest, entries, rest[count * 16 :])
