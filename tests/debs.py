"""Debian packages made by hand, with whatever in them."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bluejacket.definition.options import Options
from bluejacket.foundation.debian.version import to_evr
from bluejacket.foundation.metadata import Package
from debarchive import ar

BUILT = 1_790_000_000  # seconds since 1970

COPYRIGHT = b"""Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: somebody
License: GPL-2+ or Artistic
"""
CHANGELOG = """thing (2:1.2-3) unstable; urgency=medium

  * Fix CVE-2026-12345 (Closes: #1)
    for good.

 -- A Person <a@example.org>  Mon, 21 Sep 2026 14:13:20 +0000

thing (2:1.2-2) unstable; urgency=low

  * Older.

 -- A Person <a@example.org>  Mon, 21 Sep 2020 14:13:20 +0000
"""


@dataclass
class Member:
    """One member of data.tar; `kind` is tarfile's type."""

    path: str
    content: bytes = b""
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    kind: bytes = tarfile.REGTYPE
    target: str = ""
    when: int = BUILT
    uid: int = 0


def folder(path: str, mode: int = 0o755) -> Member:
    return Member(path, mode=mode, kind=tarfile.DIRTYPE)


def link(path: str, target: str) -> Member:
    return Member(path, mode=0o777, kind=tarfile.SYMTYPE, target=target)


def twin(path: str, first: str) -> Member:
    return Member(path, kind=tarfile.LNKTYPE, target=f".{first}")


@dataclass
class Thing:
    """A package to make, and what an index would say of it."""

    name: str = "thing"
    version: str = "2:1.2-3"
    members: Sequence[Member] = ()
    conffiles: Sequence[str] = ()
    scripts: dict[str, str] = field(default_factory=dict)
    documented: bool = True
    changelog: str = CHANGELOG

    def write(self, folder_: Path) -> tuple[Path, Package]:
        """Write the .deb; gives it and its description."""
        data = self.bytes()
        file = folder_ / f"{self.name}.deb"
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}-{os.getpid()}")  # others may read it at this moment
        part.write_bytes(data)
        part.replace(file)
        return file, self.package(data)

    def package(self, data: bytes = b"", **changes: object) -> Package:
        values: dict[str, object] = {
            "name": self.name,
            "evr": to_evr(self.version),
            "arch": "noarch",
            "upstream_name": self.name,
            "upstream_version": self.version,
            "source": self.name,
            "source_version": self.version,
            "section": "misc",
            "priority": "optional",
            "summary": "a thing",
            "description": "",
            "url": "https://example.org/",
            "archive": "debian",
            "location": f"pool/{self.name}.deb",
            "size": len(data),
            "installed_size": 1,
            "sha256": hashlib.sha256(data).hexdigest(),
            "provides": (f"{self.name} = {to_evr(self.version)}",),
        }
        return Package(**(values | changes))  # type: ignore[arg-type]

    def bytes(self) -> bytes:
        control = {
            "control": f"Package: {self.name}\nVersion: {self.version}\nArchitecture: all\n"
            "Description: a thing\n What it is.\n .\n More.\n",
            "conffiles": "".join(f"{path}\n" for path in self.conffiles),
        } | self.scripts
        doc = f"/usr/share/doc/{self.name}"
        documents = [
            folder(doc),
            Member(f"{doc}/copyright", COPYRIGHT),
            Member(f"{doc}/changelog.Debian.gz", gzip.compress(self.changelog.encode(), mtime=0)),
        ]
        members = [*self.members, *(documents if self.documented else ())]
        return ar(
            [
                ("debian-binary", b"2.0\n"),
                ("control.tar.gz", tar([Member(f"/{n}", t.encode()) for n, t in control.items()], "gz")),
                ("data.tar.xz", tar(members, "xz")),
            ]
        )


def tar(members: Sequence[Member], compression: str) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member in members:
            info = tarfile.TarInfo(f".{member.path}" if member.path.startswith("/") else member.path)
            info.size = len(member.content)
            info.mode, info.type, info.linkname = member.mode, member.kind, member.target
            info.uname, info.gname, info.mtime, info.uid = member.owner, member.group, member.when, member.uid
            archive.addfile(info, io.BytesIO(member.content))
    # gzip notes the time unless it is told another one, and equal things would differ by the second.
    packers = {
        "gz": lambda data: gzip.compress(data, mtime=0),
        "xz": lzma.compress,
        "bz2": bz2.compress,
        "": bytes,
    }
    return packers[compression](plain.getvalue())


def options(**changes: object) -> Options:
    return Options(**({"vendor": "Example", "compression": "zstd:3"} | changes))  # type: ignore[arg-type]
