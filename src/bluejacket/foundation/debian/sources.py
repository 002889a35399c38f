"""A Debian archive's source packages, from its signed `Sources` index (Debian repository format)."""

from __future__ import annotations

import lzma
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.debian.control import Stanza, stanzas
from bluejacket.foundation.debian.convert_index import IndexFile
from bluejacket.foundation.sources import Key, Source, SourceFile


def find_sources(lists: Sequence[IndexFile], asked: dict[Key, Source]) -> tuple[Source, ...]:
    """Give `asked` with the files of those that an index has in exactly this version.

    Raises OutsideError for an index that cannot be read.
    """
    found = dict(asked)
    for origin, stanza in _read(lists, {name for name, _ in asked}):
        key = stanza.get("package", ""), stanza.get("version", "")
        if key in asked and found[key].missing:
            found[key] = replace(asked[key], archive=origin.archive, files=_files(stanza))
    return tuple(found.values())


def _read(lists: Sequence[IndexFile], names: Collection[str]) -> Iterator[tuple[IndexFile, Stanza]]:
    """Give the stanzas of these source packages; the rest (some 38,000 of an archive) is not parsed."""
    for origin in lists:
        try:
            text = lzma.decompress(origin.file.read_bytes()).decode("utf-8")
        except (lzma.LZMAError, UnicodeDecodeError, EOFError) as error:
            raise OutsideError(Fault(f"the sources of {origin.suite} cannot be read: {error}")) from error
        for block in text.split("\n\n"):
            start = block.find("Package: ")
            while start > 0 and block[start - 1] != "\n":  # Build-Depends-Package: is another field
                start = block.find("Package: ", start + 1)
            if start >= 0 and block[start + 9 :].partition("\n")[0] in names:
                yield from ((origin, stanza) for stanza in stanzas(block))


def _files(stanza: Stanza) -> tuple[SourceFile, ...]:
    folder = stanza.get("directory", "")
    rows = (line.split() for line in stanza.get("checksums-sha256", "").splitlines() if line.strip())
    try:
        files = [SourceFile(f"{folder}/{name}", int(size), digest.lower()) for digest, size, name in rows]
    except ValueError as error:
        what = f"the sources describe {stanza.get('package', '?')} wrongly: {error}"
        raise OutsideError(Fault(what)) from error
    return tuple(sorted(files, key=lambda file: file.location))
