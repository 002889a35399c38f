"""Disks of a cloud as files: immutable images, and copy-on-write disks above them.

    ROOT/images/ID.qcow2   never written after it has its name
    ROOT/disks/ID.qcow2    written by at most one machine; its backing file, if any, is an image

Backing files are named relatively (`../images/ID.qcow2`), so that the same name holds on the host and in a
machine's sandbox. Source for what is read here: QEMU, docs/interop/qcow2.rst, "Header".
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from bluejacket.errors import OutsideError
from bluejacket.store.files import disk_faults, remove_tree, sync_folder
from bluejacket.tools import Sandbox

GIB = 1 << 30
_HEADER = struct.Struct(">4sIQIIQ")  # magic, version, backing name's offset and size, cluster bits, size
_MAGIC = b"QFI\xfb"
_INSIDE = "/run/cloud"
_PART = ".part-"
DOWNLOAD = ".download-"
"""How the names of folders begin in which disks lie that are being sent."""

_FORMATS = {".qcow2": "qcow2", ".raw": "raw", ".img": "raw", ".vhd": "vpc"}


def image_file(number: str) -> str:
    """Give an image's file below the root."""
    return f"images/{number}.qcow2"


def disk_file(number: str) -> str:
    """Give a disk's file below the root."""
    return f"disks/{number}.qcow2"


class Volumes:
    """The files below `root`. Each method leaves the whole result or nothing; doing it again is fine.

    All of them raise ToolFailed when `qemu-img` fails, and OutsideError when the disk is full.
    """

    def __init__(self, root: Path, box: Sandbox) -> None:
        self.root = root
        self._box = box
        for name in ("images", "disks"):
            (root / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, file: str) -> Path:
        """Give where a file lies on the host."""
        return self.root / file

    def take_image(self, source: Path, number: str) -> str:
        """Keep a disk image that somebody else made, as it is now; a link to it where that goes."""
        file = image_file(number)
        target = self.path(file)
        if target.exists():
            return file
        with self.part(file) as part, disk_faults(target):
            if _FORMATS.get(source.suffix) == "qcow2":
                _link_or_copy(source.resolve(), part)
            else:
                self._convert(source.resolve(), part)
            os.replace(part, target)
            sync_folder(target.parent)
        return file

    def create(self, file: str, size: int) -> None:
        """Make an empty disk of `size` bytes."""
        self._create(file, [], size)

    def overlay(self, file: str, base: str, size: int | None = None) -> None:
        """Make a disk that begins as the image `base`, with `size` bytes if it is to be larger."""
        self._create(file, ["-F", "qcow2", "-b", f"../{base}"], size)

    def like(self, file: str, other: str) -> None:
        """Make an empty disk with the size and the backing file of another, for a copy of what it has."""
        base = self.backing(other)
        if base is None:
            self.create(file, self.size(other))
        else:
            self.overlay(file, base, self.size(other))

    def copy(self, source: str, target: str) -> None:
        """Copy a disk that nobody writes, with its backing file in common."""
        if self.path(target).exists():
            return
        with self.part(target) as part, disk_faults(part):
            shutil.copyfile(self.path(source), part)
            self._settle(part, target)

    def resize(self, file: str, size: int) -> None:
        """Make a disk that nobody uses larger; smaller it never gets."""
        if self.size(file) < size:
            self._run(["qemu-img", "resize", "-q", f"{_INSIDE}/{file}", str(size)])

    def seal(self, file: str, number: str) -> str:
        """Turn a disk into an image, whose bytes then never change again."""
        target = image_file(number)
        if not self.path(target).exists():
            self._settle(self.path(file), target)
        return target

    def flatten(self, file: str, target: Path) -> None:
        """Write a disk's bytes, all of them, as a raw file."""
        self._run(
            ["qemu-img", "convert", "-U", "-O", "raw", f"{_INSIDE}/{file}", f"/run/into/{target.name}"],
            {target.parent: "/run/into"},
        )

    def remove(self, file: str) -> None:
        """Remove a disk's file; one that is not there is fine."""
        self.path(file).unlink(missing_ok=True)

    def collect(self, kept: Collection[str]) -> list[str]:
        """Remove the images that neither `kept` names nor a file stands upon; gives them."""
        files = [
            f"{name}/{one.name}" for name in ("disks", "images") for one in (self.root / name).glob("[!.]*")
        ]
        wanted = set(kept) | {file for file in files if file.startswith("disks/")}
        todo = [file for file in wanted if self.path(file).exists()]
        while todo:
            base = self.backing(todo.pop())
            if base is not None and base not in wanted:
                wanted.add(base)
                todo.append(base)
        gone = [file for file in files if file not in wanted]
        for file in gone:
            self.remove(file)
        return gone

    def sweep(self) -> list[str]:
        """Remove what was being made when its maker was killed; gives it. Nobody may be making anything."""
        halves = [one for name in ("disks", "images") for one in (self.root / name).glob(f"{_PART}*")]
        gone = sorted([*halves, *self.root.glob(f"{DOWNLOAD}*")])
        for one in gone:
            remove_tree(one)
        return [str(one.relative_to(self.root)) for one in gone]

    def size(self, file: str) -> int:
        """Give a disk's size as a guest sees it, in bytes."""
        return int(self._header(file)[5])

    def used(self, file: str) -> int:
        """Give what a disk's own file takes on the host, in bytes."""
        return self.path(file).stat().st_blocks * 512

    def backing(self, file: str) -> str | None:
        """Give the image that a disk stands upon, as a file below the root."""
        _, _, offset, length, _, _ = self._header(file)
        if not offset:
            return None
        with self.path(file).open("rb") as stream:
            stream.seek(offset)
            return stream.read(length).decode("utf-8").removeprefix("../")

    def _header(self, file: str) -> tuple[bytes, int, int, int, int, int]:
        with self.path(file).open("rb") as stream:
            data = stream.read(_HEADER.size)
        if len(data) < _HEADER.size or data[:4] != _MAGIC:
            raise OutsideError(f"{self.path(file)} is no qcow2 file")
        magic, version, offset, length, bits, size = _HEADER.unpack(data)
        return magic, version, offset, length, bits, size

    def _create(self, file: str, words: list[str], size: int | None) -> None:
        if self.path(file).exists():
            return
        with self.part(file) as part:
            inside = f"{_INSIDE}/{part.relative_to(self.root)}"
            sized = [str(size)] if size else []
            self._run(["qemu-img", "create", "-q", "-f", "qcow2", *words, inside, *sized])
            self._settle(part, file)

    @contextmanager
    def part(self, file: str) -> Iterator[Path]:
        """Give the path at which a file is made before it gets its name; what is left there is removed."""
        part = self.path(file).with_name(f"{_PART}{Path(file).name}")
        part.unlink(missing_ok=True)
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    def _settle(self, part: Path, file: str) -> None:
        """Give a finished file its name, once its bytes are on the medium."""
        handle = os.open(part, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(part, self.path(file))
        sync_folder(self.path(file).parent)

    def _convert(self, source: Path, target: Path) -> None:
        form = _FORMATS.get(source.suffix, "raw")
        self._box.run(
            ["qemu-img", "convert", "-f", form, "-O", "qcow2", "/run/source", f"/run/into/{target.name}"],
            binds={target.parent: "/run/into"},
            ro_binds={source: "/run/source"},
            name="volume",
        )

    def _run(self, command: list[str], more: dict[Path, str] | None = None) -> None:
        binds = {self.root / name: f"{_INSIDE}/{name}" for name in ("disks", "images")}
        self._box.run(command, binds=binds | (more or {}), name="volume")


def _link_or_copy(source: Path, target: Path) -> None:
    """Link what a store keeps, whose files never change; on another file system copy it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
