"""What a disk image says of itself, read without the programs that made it.

Source: QEMU, docs/interop/qcow2.rst, "Header".
"""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER = struct.Struct(">4sIQI")  # magic, version, the backing file's name: where it is, and its length


def backing_file(image: Path) -> Path | None:
    """Give the image that a qcow2 image stands on, or None."""
    with image.open("rb") as stream:
        magic, _, offset, length = _HEADER.unpack(stream.read(_HEADER.size))
        assert magic == b"QFI\xfb", f"{image} is no qcow2 image"
        if not offset:
            return None
        stream.seek(offset)
        return image.parent / stream.read(length).decode()
