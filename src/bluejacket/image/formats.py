"""The forms in which a disk is given out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bluejacket.definition.image import ImageFormat
from bluejacket.image.copied import copy_sparse
from bluejacket.image.disk import DISK
from bluejacket.image.plan import Plan
from bluejacket.image.vhd import FOOTER, footer
from bluejacket.tools import Sandbox

if TYPE_CHECKING:
    from hashlib import _Hash as Digest


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
