"""One shard of a feed's metadata: some packages in the words of rpm-md, each kind compressed for itself."""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import lzma
import os
import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import zstandard

from bluejacket.definition.feed import Feed
from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.package.describe import describe, description_of, location_of, read_description
from bluejacket.package.made import Made

SUFFIXES = {"zstd": ".zst", "gzip": ".gz", "xz": ".xz"}
# Of zstd. What every client downloads is packed closer than what few ask for.
_LEVELS = {"filelists": 6, "other": 6}
_CLOSER = 10
_DIGEST = 32  # bytes
_END = "\n"  # of an element
_PACKAGE = re.compile(r'<checksum type="sha256" pkgid="YES">([0-9a-f]{64})</checksum>')
_CHANGE = re.compile(r"  <changelog .*?</changelog>\n", re.S)


class Described(NamedTuple):
    """What the metadata say of a package: its SHA-256, and its element of each kind, in UTF-8."""

    sha256: str
    elements: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Shard:
    """A compressed stream a kind, and the SHA-256 of the packages by file name, in the order of the streams.

    `open_sizes` are those of the streams unpacked, in bytes.
    `parts` is a list in JSON that has for each of them the key of its step and the sizes of its elements.
    """

    packages: Mapping[str, str]
    streams: Mapping[str, bytes]
    open_sizes: Mapping[str, int]
    parts: bytes

    def as_bytes(self) -> bytes:
        """Give it as the content of one file.

        A SHA-256 of all that follows, a line of JSON with names and sizes, `parts`, then the streams.
        """
        sizes = {kind: len(stream) for kind, stream in self.streams.items()}
        table = {"packages": self.packages, "sizes": sizes, "open_sizes": self.open_sizes}
        head = json.dumps(table).encode()
        rest = b"\n".join((head, self.parts, b"".join(self.streams.values())))
        return hashlib.sha256(rest).digest() + rest

    @classmethod
    def parse(cls, data: bytes) -> Shard:
        """Give back what `as_bytes` was called on. Raises ValueError for anything else."""
        if hashlib.sha256(memoryview(data)[_DIGEST:]).digest() != data[:_DIGEST]:
            raise ValueError("this is no shard, or a damaged one")
        middle = data.index(b"\n", _DIGEST) + 1
        start = data.index(b"\n", middle) + 1
        head = json.loads(data[_DIGEST:middle])
        parts = data[middle : start - 1]
        streams = {}
        for kind, size in head["sizes"].items():
            streams[kind] = data[start : start + size]
            start += size
        return cls(head["packages"], streams, head["open_sizes"], parts)

    def described(self, keys: Set[str], compression: str) -> dict[str, Described]:
        """Give what it says of the packages that the steps with these keys made, by key."""
        rows = json.loads(self.parts)
        if keys.isdisjoint(key for key, _ in rows):
            return {}
        plain = {kind: unpacked(stream, compression) for kind, stream in self.streams.items()}
        at = dict.fromkeys(plain, 0)
        found = {}
        for (key, sizes), sha256 in zip(rows, self.packages.values(), strict=True):
            elements = {}
            for kind, size in zip(plain, sizes, strict=True):
                elements[kind] = plain[kind][at[kind] : at[kind] + size]
                at[kind] += size
            if key in keys:
                found[key] = Described(sha256, elements)
        return found


def shard_of(
    group: Sequence[Made],
    feed: Feed,
    kinds: Sequence[str],
    place: Callable[[str, str], str] | None,
    known: Mapping[str, Described] = MappingProxyType({}),
) -> Shard:
    """Describe some packages. `place` gives where one lies by its file's name and SHA-256.

    Without `place` they lie where `location_of` says. `known` are those of a former shard that was made the
    same way, by the keys of their steps. Raises OutsideError for what is no package.
    """
    found = [known.get(made.key) or _described(made.rpm, feed, kinds, place) for made in group]
    parts = [
        (made.key, [len(one.elements[kind]) for kind in kinds])
        for made, one in zip(group, found, strict=True)
    ]
    plain = {kind: b"".join(one.elements[kind] for one in found) for kind in kinds}
    return Shard(
        {made.filename: one.sha256 for made, one in zip(group, found, strict=True)},
        {kind: packed(text, feed.compression, kind) for kind, text in plain.items()},
        {kind: len(text) for kind, text in plain.items()},
        json.dumps(parts).encode(),
    )


def _described(
    rpm: Path, feed: Feed, kinds: Sequence[str], place: Callable[[str, str], str] | None
) -> Described:
    """Describe one package; looking for its description first costs less than opening what is not there."""
    there = os.path.exists(f"{rpm}.json")  # noqa: PTH110 - measured over thousands of packages
    xml = read_description(rpm) if there else describe(rpm)
    sha256 = _pkgid(rpm, xml["primary"])
    if "other" in kinds:
        xml["other"] = newest(xml["other"], feed.changelogs)
    if place:
        xml["primary"] = _moved(xml["primary"], rpm.name, place(rpm.name, sha256))
    return Described(sha256, {kind: f"{xml[kind].rstrip(_END)}{_END}".encode() for kind in kinds})


def _pkgid(rpm: Path, primary: str) -> str:
    found = _PACKAGE.search(primary)
    if found is None:
        raise OutsideError(Fault("its description names no SHA-256", "", Place(description_of(rpm))))
    return found[1]


def _moved(primary: str, name: str, location: str) -> str:
    """Give a package's element of primary.xml with another location."""
    before, after = (f'<location href="{_quoted(place)}"' for place in (location_of(name), location))
    if primary.count(before) != 1:
        raise OutsideError(Fault(f"the description of {name} does not say once where it lies"))
    return primary.replace(before, after)


def _quoted(text: str) -> str:
    """Give an attribute's value as libxml2 writes it; `xml.sax.saxutils` would bring in all of HTTP."""
    return html.escape(text, quote=False).replace('"', "&quot;")


def newest(other: str, count: int) -> str:
    """Give a package's element of other.xml with its newest `count` changes; they stand oldest first."""
    if other.count("<changelog ") <= count:
        return other
    found = list(_CHANGE.finditer(other))
    kept = "".join(change[0] for change in found[len(found) - count :])
    return other[: found[0].start()] + kept + other[found[-1].end() :]


def packed(data: bytes, compression: str, kind: str = "") -> bytes:
    """Compress `data` ("zstd", "gzip" or "xz") of a kind of metadata into one stream.

    Equal data gives equal bytes.
    """
    match compression:
        case "zstd":
            level = _LEVELS.get(kind, _CLOSER)
            return zstandard.ZstdCompressor(level=level, write_content_size=True).compress(data)
        case "gzip":
            return gzip.compress(data, 9, mtime=0)
        case _:
            return lzma.compress(data, preset=6)


def unpacked(stream: bytes, compression: str) -> bytes:
    """Give back what `packed` was given."""
    match compression:
        case "zstd":
            return zstandard.ZstdDecompressor().decompress(stream)
        case "gzip":
            return gzip.decompress(stream)
        case _:
            return lzma.decompress(stream)
