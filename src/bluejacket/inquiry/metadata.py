"""What a snapshot's signed metadata list, read as they lie there."""

from __future__ import annotations

import gzip
import lzma
import re
from pathlib import Path

import zstandard

from bluejacket.inquiry.trust import sha256_of_file
from bluejacket.package.describe import createrepo

_PKGID = re.compile(rb'<checksum type="sha256" pkgid="YES">([0-9a-f]{64})</checksum>')


def listed_hashes(folder: Path) -> set[str]:
    """Give the SHA-256 of all packages that the primary metadata of a feed list.

    Raises ValueError for metadata that are not what repomd.xml names, OSError if they cannot be read.
    """
    try:
        repomd = createrepo().Repomd(str(folder / "repodata" / "repomd.xml"))
    except createrepo().CreaterepoCError as error:
        raise ValueError(f"repomd.xml cannot be read: {error}") from error
    record = next((record for record in repomd.records if record.type == "primary"), None)
    if record is None:
        raise ValueError("repomd.xml names no primary metadata")
    file = folder / record.location_href
    if sha256_of_file(file) != record.checksum:
        raise ValueError(f"{file.name} is not the file that repomd.xml names")
    return {digest.decode("ascii") for digest in _PKGID.findall(_unpacked(file))}


def _unpacked(file: Path) -> bytes:
    """Only called for what a verified hash vouches for."""
    match file.suffix:
        case ".zst":
            with (
                file.open("rb") as packed,
                zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as stream,
            ):
                return stream.read()
        case ".gz":
            return gzip.decompress(file.read_bytes())
        case ".xz":
            return lzma.decompress(file.read_bytes())
        case _:
            return file.read_bytes()
