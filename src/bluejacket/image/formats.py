"""The forms in which a disk is given out."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING

from bluejacket.definition.image import ImageFormat
from bluejacket.image.disk import DISK
from bluejacket.image.plan import Plan
from bluejacket.image.vhd import FOOTER, footer
from bluejacket.tools import Sandbox

if TYPE_CHECKING:
    from hashlib import _Hash as Digest

_CHUNK = 1 << 24


def copy_sparse(source: Path, target: Path) -> None:
    """Copy a file and leave its holes holes (lseek(2), SEEK_DATA)."""
    with source.open("rb") as reader, target.open("wb") as writer:
        size = os.fstat(reader.fileno()).st_size
        os.truncate(writer.fileno(), size)
        at = 0
        while at < size:
            try:
                begin = os.lseek(reader.fileno(), at, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                    return
                raise
            at = os.lseek(reader.fileno(), begin, os.SEEK_HOLE)
            _copy_range(reader.fileno(), writer.fileno(), begin, at)


def _copy_range(reader: int, writer: int, begin: int, end: int) -> None:
    while begin < end:
        length = min(_CHUNK, end - begin)
        begin += os.copy_file_range(reader, writer, length, begin, begin)


def make_qcow2(box: Sandbox, plan: Plan, folder: Path) -> Path:
    """Write `disk.qcow2` beside the raw disk in `folder`."""
    box.run(
        ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", f"/run/disk/{DISK}", "/run/disk/disk.qcow2"],
        name=f"qcow2-{plan.image.name}",
        binds={folder: "/run/disk"},
    )
    return folder / "disk.qcow2"


def make_vhd(_box: Sandbox, plan: Plan, folder: Path) -> Path:
    """Write the fixed `disk.vhd` beside the raw disk in `folder`."""
    disk, target = folder / DISK, folder / "disk.vhd"
    copy_sparse(disk, target)
    size = disk.stat().st_size
    with target.open("r+b") as stream:
        stream.seek(size)
        stream.write(footer(size, plan.epoch, plan.identity("VHD")))
    return target


def keep_raw(_box: Sandbox, _plan: Plan, folder: Path) -> Path:
    """Give the raw disk, which is there already."""
    return folder / DISK


def hash_of(disk: Path) -> Digest:
    """Read a disk once; the hash can be gone on with."""
    with disk.open("rb") as stream:
        return file_digest(stream, "sha256")


def hash_of_vhd(raw: Digest, vhd: Path) -> str:
    """Give the SHA-256 of a fixed VHD, which is the raw disk (hashed as `raw`) and a footer."""
    digest = raw.copy()
    with vhd.open("rb") as stream:
        stream.seek(-FOOTER, os.SEEK_END)
        digest.update(stream.read())
    return digest.hexdigest()


MAKERS: dict[ImageFormat, Callable[[Sandbox, Plan, Path], Path]] = {
    ImageFormat.RAW: keep_raw,
    ImageFormat.QCOW2: make_qcow2,
    ImageFormat.VHD: make_vhd,
}
