"""Decompression that neither runs away nor trusts."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from bluejacket.foundation.rpmmd.repomd import Data
from bluejacket.foundation.rpmmd.unpack import unpack
from bluejacket.foundation.rpmmd.xml import Malformed

CONTENT = b"<metadata>" + bytes(range(256)) * 5000
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "zst": zstandard.ZstdCompressor().compress,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "xml": bytes,
}


def about(packed: bytes) -> Data:
    return Data(
        kind="primary",
        href="repodata/primary.xml",
        algorithm="sha256",
        checksum=hashlib.sha256(packed).hexdigest(),
        size=len(packed),
        open_algorithm="sha256",
        open_checksum=hashlib.sha256(CONTENT).hexdigest(),
        open_size=len(CONTENT),
        timestamp=1,
    )


def unpacked(folder: Path, packed: bytes, data: Data | None = None) -> bytes:
    file = folder / "packed"
    file.write_bytes(packed)
    into = io.BytesIO()
    unpack(file, data or about(packed), into)
    return into.getvalue()


@pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
def test_formats_are_told_by_their_first_bytes(tmp_path: Path, packer: Callable[[bytes], bytes]) -> None:
    packed = packer(CONTENT)
    assert unpacked(tmp_path, packed) == CONTENT
    unchecked = about(packed)._replace(open_checksum="", open_size=None)
    assert unpacked(tmp_path, packed, unchecked) == CONTENT


@pytest.mark.parametrize("kind", ["zst", "gz"])
def test_frames_after_one_another_are_one_content(tmp_path: Path, kind: str) -> None:
    half = len(CONTENT) // 2
    packed = PACKERS[kind](CONTENT[:half]) + PACKERS[kind](CONTENT[half:])
    assert unpacked(tmp_path, packed) == CONTENT


@pytest.mark.parametrize("kind", PACKERS)
def test_truncated_content_is_refused(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](CONTENT)
    with pytest.raises(Malformed, match=r"primary\.xml (cannot be unpacked|unpacks to \d+ bytes)"):
        unpacked(tmp_path, packed[: len(packed) // 2])


@pytest.mark.parametrize("kind", PACKERS)
def test_spoilt_content_is_refused(tmp_path: Path, kind: str) -> None:
    packed = bytearray(PACKERS[kind](CONTENT))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(Malformed, match=r"primary\.xml (cannot be unpacked|unpacks to)"):
        unpacked(tmp_path, bytes(packed))


@pytest.mark.parametrize("kind", PACKERS)
def test_bomb_stops_at_the_announced_size(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](bytes(50_000_000))
    into = tmp_path / "into"
    (tmp_path / "packed").write_bytes(packed)
    with into.open("wb") as out, pytest.raises(Malformed, match="more than the 1000 bytes announced"):
        unpack(tmp_path / "packed", about(packed)._replace(open_size=1000), out)
    assert into.stat().st_size == 0


def test_changed_content_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"unpacks to sha256 [0-9a-f]{64}, expected [0-9a-f]{64}"):
        unpacked(tmp_path, gzip.compress(CONTENT[:-1] + b"!"))


@pytest.mark.parametrize("magic", [b"\x00ZCK1", b"\x00ZHR1"])
def test_zchunk_is_not_trusted(tmp_path: Path, magic: bytes) -> None:
    with pytest.raises(Malformed, match=r"zchunk, whose chunks no hash of repomd\.xml covers"):
        unpacked(tmp_path, magic + bytes(100))
