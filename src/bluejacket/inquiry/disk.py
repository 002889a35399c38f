"""What is installed on a disk: its RPM database, taken out of its file system and read by rpm itself.

Nothing of the disk is mounted and nothing of it runs: programs of the tools tree read it in their sandbox,
for a disk may come from anywhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bluejacket.errors import Fault, OutsideError, Place, UserError
from bluejacket.image.gpt import SECTOR, read_partitions
from bluejacket.inquiry.inventory import SOURCE_RPM, Inventory
from bluejacket.inquiry.judge import Subject
from bluejacket.tools import Sandbox

RAW = "raw"
# What a file begins with, and qemu-img's name of that form. It is never asked to guess: a raw disk could
# then say that it is another form, with any file of the host behind it.
_MAGIC = {b"QFI\xfb": "qcow2", b"conectix": "vpc", b"vhdxfile": "vhdx", b"KDMV": "vmdk"}
_EXT_MAGIC, _EXT_AT = b"\x53\xef", 1024 + 56  # ext2 to ext4: s_magic (ext4(5), "Super Block")
_BOOT_MAGIC, _BOOT_AT, _BOOT_TABLE = b"\x55\xaa", 510, 446
_LARGEST_TABLE = 1 << 20  # bytes of a partition table
_LARGEST = 4 << 30  # bytes of a file that is taken out
# Where a database may lie: rpm's default today, and before; the last is that on a file system for /var.
_FOLDERS = ("/usr/lib/sysimage/rpm", "/var/lib/rpm", "/lib/rpm")
_DATABASES = ("rpmdb.sqlite", "Packages.db", "Packages")  # the backends sqlite, ndb and bdb
_FORMAT = r"%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\n"


def disk_format(file: Path) -> str:
    """Give what kind of disk a file is, in qemu-img's words, or nothing for one that is no disk."""
    with file.open("rb") as stream:
        head = stream.read(2 * SECTOR + 1024)
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    is_ext = head[_EXT_AT : _EXT_AT + 2] == _EXT_MAGIC
    return RAW if is_ext or head[_BOOT_AT : _BOOT_AT + 2] == _BOOT_MAGIC else ""


def read_disk(box: Sandbox, file: Path, scratch: Path, distribution: str, uri: str = "") -> Inventory:
    """Give the packages that the RPM database of a disk lists, and its release if it is of `distribution`.

    `scratch` is a folder with room for a raw copy of a disk in another form. Raises UserError for a disk on
    which no database is found; ToolFailed for a disk that the tools cannot read.
    """
    with TemporaryDirectory(dir=scratch, prefix=".scan-") as name:
        work = Path(name)
        raw = _raw(box, file, work)
        for number, offset in enumerate(_offsets(raw)):
            into = work / str(number)
            into.mkdir()
            _take_out(box, raw, offset, into)
            for folder in (into / str(at) / "rpm" for at in range(len(_FOLDERS))):
                if any((folder / database).is_file() for database in _DATABASES):
                    rows = _listed(box, folder, into)
                    release = _release(into / "os-release", distribution)
                    return Inventory(file.stem, uri or file.name, tuple(map(_subject, rows)), release)
    what = "has no RPM database on a file system that can be read"
    raise UserError(Fault(what, "ext2, ext3 and ext4 can be; else give a list of its packages", Place(file)))


def _raw(box: Sandbox, file: Path, work: Path) -> Path:
    """Give the disk as it is sector by sector."""
    form = disk_format(file)
    if form in (RAW, ""):
        return file
    line = ["qemu-img", "convert", "-f", form, "-O", RAW, "/run/disk", "/run/work/disk"]
    box.run(line, name="scan-convert", binds={work: "/run/work"}, ro_binds={file.resolve(): "/run/disk"})
    return work / "disk"


def _offsets(raw: Path) -> Iterator[int]:
    """Give where ext file systems begin on a raw disk, in bytes."""
    with raw.open("rb") as stream:
        for offset in _partitions(raw):
            stream.seek(offset + _EXT_AT)
            if stream.read(2) == _EXT_MAGIC:
                yield offset


def _partitions(raw: Path) -> list[int]:
    """Give where partitions begin, by GPT or MBR, or 0 for a disk without a table."""
    with raw.open("rb") as stream:
        first, header = stream.read(SECTOR), stream.read(92)
    if len(header) == 92 and header.startswith(b"EFI PART"):
        count, length = struct.unpack_from("<II", header, 80)  # UEFI 2.10, table 5.5
        if length < 128 or count * length > _LARGEST_TABLE:
            raise UserError(Fault("its partition table makes no sense", place=Place(raw)))
        try:
            return [partition.offset for partition in read_partitions(raw)]
        except struct.error as error:
            raise UserError(Fault("its partition table is cut short", place=Place(raw))) from error
    if first[_BOOT_AT : _BOOT_AT + 2] != _BOOT_MAGIC:
        return [0]
    entries = (first[at : at + 16] for at in range(_BOOT_TABLE, _BOOT_TABLE + 4 * 16, 16))
    return [0, *(struct.unpack_from("<I", entry, 8)[0] * SECTOR for entry in entries if entry[4])]


def _take_out(box: Sandbox, raw: Path, offset: int, into: Path) -> None:
    """Copy what may be databases to `into`/0/rpm, /1/rpm …, and what the system calls itself beside them."""
    requests = ["dump /usr/lib/os-release /run/into/os-release"]
    for number, folder in enumerate(_FOLDERS):
        (into / str(number)).mkdir()
        requests.append(f"rdump {folder} /run/into/{number}")
    (into / "requests").write_text("\n".join(requests) + "\n", "ascii")
    disk = f"/run/disk?offset={offset}"
    limited = f"ulimit -f {_LARGEST // 1024}; exec debugfs -f /run/into/requests '{disk}'"
    box.run(
        ["bash", "-c", limited],
        name="scan-debugfs",
        binds={into: "/run/into"},
        ro_binds={raw.resolve(): "/run/disk"},
    )


def _listed(box: Sandbox, database: Path, into: Path) -> list[list[str]]:
    """Give name, version, architecture and source package of each package; keys that rpm trusts are none."""
    command = f"exec rpm --dbpath /run/db -qa --qf '{_FORMAT}' >/run/into/packages"
    box.run(
        ["bash", "-c", command], name="scan-rpm", binds={database: "/run/db", into: "/run/into"}, limit_s=300
    )
    lines = (into / "packages").read_text("utf-8", "replace").splitlines()
    rows = [line.split("\t") for line in lines]
    if any(len(row) != 4 for row in rows):
        raise OutsideError(Fault("rpm gave a list of packages that is none", "its database is damaged"))
    return [row for row in rows if row[0] != "gpg-pubkey"]


def _subject(row: list[str]) -> Subject:
    name, evr, arch, origin = row
    found = SOURCE_RPM.fullmatch(origin)
    return Subject(name, evr, arch, *(found["name"], found["evr"]) if found else ("", ""))


def _release(file: Path, distribution: str) -> str:
    """Give VERSION_ID of an os-release(5), if its ID is this distribution's."""
    if file.is_symlink() or not file.is_file():
        return ""
    pairs = (line.partition("=") for line in file.read_text("utf-8", "replace").splitlines())
    said = {key: value.strip("\"'") for key, _, value in pairs}
    return said.get("VERSION_ID", "") if said.get("ID") == distribution else ""
