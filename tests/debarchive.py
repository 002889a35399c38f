"""A small Debian archive, signed by a key of its own, with packages made by hand."""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from pysequoia import Tsk

from keys import clear, key

NOW = datetime.now(UTC).replace(microsecond=0)


def deb(
    name: str, version: str = "1.0-1", files: dict[str, bytes] | None = None, **fields: str
) -> tuple[str, bytes]:
    """Give the control stanza and the bytes of a package."""
    control = {
        "Package": name,
        "Version": version,
        "Architecture": "all",
        "Maintainer": "Test <t@example.org>",
    }
    control |= {key.replace("_", "-"): value for key, value in fields.items()}
    control["Description"] = f"{name} for a test\n Its text."
    stanza = "".join(f"{key}: {value}\n" for key, value in control.items())
    data = {f"./usr/share/{name}/readme": b"hello\n"} | (files or {})
    members = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", tar({"./control": stanza.encode()})),
        ("data.tar.xz", tar(data)),
    ]
    return stanza, ar(members)


def ar(members: list[tuple[str, bytes]]) -> bytes:
    out = b"!<arch>\n"
    for name, data in members:
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data
        out += b"\n" * (len(data) % 2)
    return out


def tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.uname, info.gname = len(data), 0o644, "root", "root"
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


@dataclass
class DebArchive:
    """The archive `name` below `root`; `publish` writes its index as of `date`."""

    root: Path
    owner: Tsk = field(default_factory=key)
    suite: str = "forky"
    stanzas: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    name: str = "debian"

    @property
    def base(self) -> Path:
        return self.root / self.name

    def add(
        self, name: str, version: str = "1.0-1", files: dict[str, bytes] | None = None, **fields: str
    ) -> Path:
        stanza, data = deb(name, version, files, **fields)
        place = Path("pool") / f"{name}_{version.replace(':', '%3a')}.deb"
        file = self.base / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        listed = f"Filename: {place}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
        self.stanzas[name] = stanza + listed
        return file

    def add_source(self, name: str, version: str = "1.0-1") -> list[Path]:
        """Put a source package into the archive; gives its files."""
        folder = self.base / "pool" / name
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{name}_{version}.dsc", folder / f"{name}_{version}.tar.xz"]
        listed = ""
        for file in files:
            data = f"{file.name}\n".encode()
            file.write_bytes(data)
            listed += f" {hashlib.sha256(data).hexdigest()} {len(data)} {file.name}\n"
        self.sources[f"{name} {version}"] = (
            f"Package: {name}\nBinary: {name}\nVersion: {version}\nDirectory: pool/{name}\n"
            f"Checksums-Sha256:\n{listed}"
        )
        return files

    def publish(self, date: datetime = NOW, valid_days: int | None = 7, *, by: Tsk | None = None) -> None:
        packages = lzma.compress("\n".join(self.stanzas.values()).encode())
        folder = self.base / "dists" / self.suite
        index = folder / "main/binary-amd64/Packages.xz"
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_bytes(packages)
        lines = [f"Suite: testing\nCodename: {self.suite}\nDate: {format_datetime(date)}"]
        if valid_days is not None:
            lines.append(f"Valid-Until: {format_datetime(date + timedelta(days=valid_days))}")
        sha256 = hashlib.sha256(packages).hexdigest()
        lines.append(f"SHA256:\n {sha256} {len(packages)} main/binary-amd64/Packages.xz")
        if self.sources:
            data = lzma.compress("\n".join(self.sources.values()).encode())
            sources = folder / "main/source/Sources.xz"
            sources.parent.mkdir(parents=True, exist_ok=True)
            sources.write_bytes(data)
            lines[-1] += f"\n {hashlib.sha256(data).hexdigest()} {len(data)} main/source/Sources.xz"
        lines[-1] += "\n"
        folder.joinpath("InRelease").write_bytes(clear(by or self.owner, "\n".join(lines).encode()))

    def keyring(self) -> bytes:
        return bytes(self.owner.extract_certificate())
