"""Reading Debian's binary packages (deb(5)): bounded, and never by running or unpacking anything."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import IO, BinaryIO, cast

import zstandard

from bluejacket.errors import Fault, OutsideError, Place

SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config")
_CONTROL_LIMIT = 64 << 20  # bytes, unpacked
_DATA_LIMIT = 4 << 30  # bytes, unpacked
_ENTRIES_LIMIT = 500_000
_UNREADABLE = (
    tarfile.TarError, lzma.LZMAError, zstandard.ZstdError, EOFError, OSError, UnicodeError, ValueError
)  # fmt: skip


class Kind(Enum):
    """What a path is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    FIFO = "fifo"
    CHARACTER = "character device"
    BLOCK = "block device"


_KINDS = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.AREGTYPE: Kind.FILE,
    tarfile.CONTTYPE: Kind.FILE,
    tarfile.LNKTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.FOLDER,
    tarfile.SYMTYPE: Kind.LINK,
    tarfile.FIFOTYPE: Kind.FIFO,
    tarfile.CHRTYPE: Kind.CHARACTER,
    tarfile.BLKTYPE: Kind.BLOCK,
}


@dataclass(slots=True)
class Entry:
    """One path of a package. `path` is absolute; `mode` holds the 12 permission bits.

    `twin` names the first member of a set of hard links (in each member, also in the first); all
    of them hold the same `content`.
    """

    path: str
    kind: Kind
    mode: int
    owner: str = "root"
    group: str = "root"
    content: bytes = b""
    target: str = ""
    twin: str = ""
    device: tuple[int, int] = (0, 0)
    capabilities: str = ""
    config: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A maintainer script (Debian Policy chapter 6); we read them and never run them."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The digest that a review names."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def text(self) -> str:
        """The script's text; a compiled script gives rubbish, but no error."""
        return self.content.decode("utf-8", "replace")


@dataclass(slots=True)
class Deb:
    """What a Debian package holds: its control stanza, its scripts and its paths.

    `built` is the time of the newest path in seconds since 1970: a build's own SOURCE_DATE_EPOCH.
    """

    control: str
    conffiles: tuple[str, ...]
    scripts: tuple[Script, ...]
    triggers: str
    entries: dict[str, Entry] = field(default_factory=dict)
    built: int = 0


def read_deb(file: Path) -> Deb:
    """Read a whole package into memory.

    Raises OutsideError for a file that is no Debian package, that is damaged, whose paths leave the
    root or lead through a link of its own, or that is larger than any package has a right to be.
    """
    try:
        with file.open("rb") as stream:
            members = _members(stream)
            control = _control(_unpacked(stream, members, "control.tar"))
            deb = Deb(
                control=control.pop("control", b"").decode("utf-8"),
                conffiles=tuple(_conffiles(control.pop("conffiles", b"").decode("utf-8"))),
                scripts=tuple(Script(n, control[n]) for n in SCRIPTS if n in control),
                triggers=control.get("triggers", b"").decode("utf-8"),
            )
            deb.built = _entries(_unpacked(stream, members, "data.tar"), deb.entries)
    except _UNREADABLE as error:
        raise _bad(file, f"is not a Debian package that can be read: {error}") from error
    except _Refused as error:
        raise _bad(file, str(error)) from None
    _refuse_detours(file, deb.entries)
    return deb


class _Refused(Exception):
    """A package asks for something that no honest package needs."""


def _bad(file: Path, what: str) -> OutsideError:
    return OutsideError(Fault(what, "another mirror or a newer package may be whole", Place(file)))


def _members(stream: BinaryIO) -> dict[str, tuple[int, int]]:
    """Give offset and size of each member of the ar archive, by name."""
    if stream.read(8) != b"!<arch>\n":
        raise _Refused("is not a Debian package: it lacks the mark of an ar archive")
    end = stream.seek(0, io.SEEK_END)
    members: dict[str, tuple[int, int]] = {}
    at = 8
    while at + 60 <= end and len(members) < 16:
        stream.seek(at)
        header = stream.read(60)
        if header[58:] != b"`\n":
            raise _Refused("is not a whole Debian package: a member's header is damaged")
        name = header[:16].decode("ascii").rstrip().rstrip("/")
        size = int(header[48:58])
        if size < 0 or at + 60 + size > end:
            raise _Refused(f"is cut off: {name} should have {size} bytes")
        members.setdefault(name, (at + 60, size))
        at += 60 + size + size % 2
    if next(iter(members), "") != "debian-binary":
        raise _Refused("is not a Debian package: debian-binary is not its first member")
    offset, size = members["debian-binary"]
    stream.seek(offset)
    if not stream.read(min(size, 16)).startswith(b"2."):
        raise _Refused("is of a format other than 2 (deb(5))")
    return members


class _Slice(io.RawIOBase):
    """A part of a file, read as if it were one."""

    def __init__(self, stream: BinaryIO, offset: int, size: int) -> None:
        self._stream = stream
        self._at = offset
        self._end = offset + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer)).cast("B")
        self._stream.seek(self._at)
        data = self._stream.read(min(len(view), self._end - self._at))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def _unpacked(stream: BinaryIO, members: dict[str, tuple[int, int]], name: str) -> IO[bytes]:
    """Open the tar archive `name`, whatever it is compressed with."""
    for member, (offset, size) in members.items():
        stem, _, suffix = member.partition(".tar")
        if f"{stem}.tar" != name:
            continue
        raw = io.BufferedReader(_Slice(stream, offset, size), 1 << 18)
        match suffix:
            case ".xz" | ".lzma":
                return lzma.open(raw)
            case ".zst":
                return cast(
                    IO[bytes], zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
                )
            case ".gz":
                return cast(IO[bytes], gzip.open(raw))
            case ".bz2":
                return bz2.open(raw)
            case "":
                return raw
        raise _Refused(f"holds {member}, whose compression is unknown")
    raise _Refused(f"lacks {name}")


def _tar(stream: IO[bytes], limit: int) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    total = 0
    with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 18, encoding="utf-8", errors="strict") as tar:
        for count, info in enumerate(tar):
            total += info.size
            if total > limit or count > _ENTRIES_LIMIT:
                raise _Refused(f"unpacks to more than {limit >> 20} MiB or {_ENTRIES_LIMIT} paths")
            data = b""
            if info.isreg() and (reader := tar.extractfile(info)):
                data = reader.read()
                if len(data) != info.size:
                    raise _Refused(f"is cut off inside {info.name}")
            yield info, data


def _control(stream: IO[bytes]) -> dict[str, bytes]:
    with stream:
        files = {
            info.name.removeprefix("./"): data for info, data in _tar(stream, _CONTROL_LIMIT) if info.isreg()
        }
    if "control" not in files:
        raise _Refused("lacks the file control")
    return files


def _conffiles(text: str) -> Iterator[str]:
    """Give the paths of a conffiles file, without those that only say what to remove (deb-conffiles(5))."""
    for line in text.splitlines():
        words = line.split()
        if words and "remove-on-upgrade" not in words[:-1]:
            yield line.strip()


def _entries(stream: IO[bytes], into: dict[str, Entry]) -> int:
    """Fill `into`; gives the newest time."""
    newest = 0
    with stream:
        for info, data in _tar(stream, _DATA_LIMIT):
            newest = max(newest, int(info.mtime))
            path = clean_path(info.name)
            if path == "/":
                continue
            entry = _entry(path, info, data)
            if info.islnk():
                _join(entry, clean_path(info.linkname), into)
            before = into.get(path)
            if before and not (before.kind is Kind.FOLDER and entry.kind is Kind.FOLDER):
                raise _Refused(f"holds {path} twice")
            into[path] = entry
    return newest


def _entry(path: str, info: tarfile.TarInfo, data: bytes) -> Entry:
    kind = _KINDS.get(info.type)
    if kind is None:
        raise _Refused(f"holds {path} of an unknown type {info.type!r}")
    device = (info.devmajor, info.devminor) if kind in (Kind.CHARACTER, Kind.BLOCK) else (0, 0)
    return Entry(
        path=path,
        kind=kind,
        mode=info.mode & 0o7777,
        owner=info.uname or _name_of(info.uid, path),
        group=info.gname or _name_of(info.gid, path),
        content=data,
        target=info.linkname if kind is Kind.LINK else "",
        device=device,
    )


def _name_of(number: int, path: str) -> str:
    if number != 0:
        raise _Refused(f"gives {path} to the number {number} without a name")
    return "root"


def _join(entry: Entry, first: str, entries: dict[str, Entry]) -> None:
    """Make `entry` a hard link to the file `first`, which stands before it (tar's own rule)."""
    other = entries.get(first)
    if other is None or other.kind is not Kind.FILE:
        raise _Refused(f"holds the hard link {entry.path} to {first}, which is no file before it")
    other.twin = entry.twin = other.twin or other.path
    entry.content, entry.mode, entry.owner, entry.group = other.content, other.mode, other.owner, other.group


def clean_path(name: str) -> str:
    """Give the absolute path that a member's name means. Raises _Refused for one that leaves the root."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise _Refused(f"holds a path that leaves the root or has control characters: {name!r}")
    return "/" + "/".join(parts)


def _refuse_detours(file: Path, entries: dict[str, Entry]) -> None:
    """Refuse a path below a link or file of the same package: unpacking would go where the link points."""
    for path in entries:
        parent = path.rpartition("/")[0]
        while parent:
            found = entries.get(parent)
            if found and found.kind is not Kind.FOLDER:
                raise _bad(file, f"holds {path} below {parent}, which is a {found.kind.value}")
            parent = parent.rpartition("/")[0]
