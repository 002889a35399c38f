"""Decompression that neither runs away nor trusts.

The compressed file was verified before it came here; the output is bounded by the size that
repomd.xml gives, and verified after.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import zlib
from pathlib import Path
from typing import IO, Any, BinaryIO

from bluejacket.errors import Fault
from bluejacket.foundation.rpmmd.repomd import Data
from bluejacket.foundation.rpmmd.xml import Malformed

_CHUNK = 1 << 18
_WINDOW = 1 << 27  # bytes, what `zstd --long` without a number uses


def unpack(file: Path, data: Data, into: IO[bytes]) -> None:
    """Write the content of `file` into `into`. Raises Malformed."""
    import zstandard

    name = Path(data.href).name
    seen = hashlib.new(data.open_algorithm) if data.open_checksum else None
    size = 0
    try:
        with file.open("rb") as packed, _opened(packed, name) as content:
            while chunk := content.read(_CHUNK):
                size += len(chunk)
                if size > data.most_bytes:
                    raise Malformed(
                        Fault(f"{name} unpacks to more than the {data.most_bytes} bytes announced")
                    )
                if seen:
                    seen.update(chunk)
                into.write(chunk)
    except (zstandard.ZstdError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # bz2 and gzip raise it without
            raise
        raise Malformed(Fault(f"{name} cannot be unpacked: {error}")) from None
    if data.open_size is not None and size != data.open_size:
        raise Malformed(Fault(f"{name} unpacks to {size} bytes, repomd.xml says {data.open_size}"))
    if seen and seen.hexdigest() != data.open_checksum:
        expected, got = data.open_checksum, seen.hexdigest()
        raise Malformed(Fault(f"{name} unpacks to {data.open_algorithm} {got}, expected {expected}"))


def _opened(packed: BinaryIO, name: str) -> Any:
    """Choose by the first bytes: names of metadata lie at times."""
    magic = packed.read(6)
    packed.seek(0)
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        return reader.stream_reader(packed, read_across_frames=True, read_size=_CHUNK)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=packed)
    if magic == b"\xfd7zXZ\x00":
        return lzma.LZMAFile(packed)
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(packed)
    if magic.startswith((b"\x00ZCK1", b"\x00ZHR1")):
        raise Malformed(Fault(f"{name} is zchunk, whose chunks no hash of repomd.xml covers"))
    return packed
