"""Copies of disks, and hashes that are made without reading them back."""

from __future__ import annotations

import errno
import hashlib
import os
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bluejacket.image.copied import BLOCK, Change, apply, copy_sparse, differences, hash_range
from bluejacket.store.blobs import sha256_of

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A disk of 40 MiB and a bit, with holes at its end and in between."""
    file = tmp_path / "disk.raw"
    chance = random.Random(1)
    with file.open("wb") as stream:
        stream.truncate(40 * MIB + 512)
        for at in (0, 3 * MIB, 20 * MIB):
            stream.seek(at)
            stream.write(chance.randbytes(MIB + 3 * BLOCK))
    return file


@pytest.mark.parametrize("read_again", [True, False], ids=["cached", "direct"])
def test_a_copy_is_the_same_and_as_sparse(disk: Path, tmp_path: Path, read_again: bool) -> None:
    with disk.open("r+b") as stream:  # the last block is not whole
        stream.seek(40 * MIB)
        stream.write(b"e" * 512)
    copy_sparse(disk, tmp_path / "copy", read_again=read_again)
    assert sha256_of(tmp_path / "copy") == sha256_of(disk)
    assert (tmp_path / "copy").stat().st_blocks == disk.stat().st_blocks


@pytest.mark.parametrize("call", ["open", "pwritev"])
def test_a_file_system_may_refuse_to_pass_the_page_cache_by(
    disk: Path, tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As tmpfs did up to Linux 6.5, and as some do for single writes (open(2), O_DIRECT)."""
    real, refused = getattr(os, call), []

    def refuse(what: Any, flags: Any, *more: Any) -> Any:
        if call == "open" and not flags & os.O_DIRECT:
            return real(what, flags, *more)
        refused.append(what)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, call, refuse)
    copy_sparse(disk, tmp_path / "copy", read_again=False)
    assert refused
    assert sha256_of(tmp_path / "copy") == sha256_of(disk)


def test_a_copy_may_lie_on_another_file_system(disk: Path) -> None:
    with TemporaryDirectory(dir="/dev/shm") as folder:
        for read_again in (True, False):
            copy_sparse(disk, Path(folder) / "copy", read_again=read_again)
            assert sha256_of(Path(folder) / "copy") == sha256_of(disk)


def test_a_file_of_nothing_but_a_hole_is_copied(tmp_path: Path) -> None:
    with (tmp_path / "hole").open("wb") as stream:
        stream.truncate(MIB)
    copy_sparse(tmp_path / "hole", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == bytes(MIB)


def test_the_hash_with_changes_is_that_of_the_changed_copy(disk: Path, tmp_path: Path) -> None:
    changes = [
        Change(3 * MIB + BLOCK, b"a" * BLOCK),  # in data
        Change(10 * MIB, b"b" * BLOCK),  # in a hole
        Change(10 * MIB + BLOCK, b"c" * BLOCK),
        Change(40 * MIB, b"d" * 512),  # at the end
    ]
    digest = hashlib.sha256()
    hash_range(digest, disk, 0, 2 * MIB + 7)
    hash_range(digest, disk, 2 * MIB + 7, disk.stat().st_size, changes)
    copy_sparse(disk, tmp_path / "copy")
    apply(changes, tmp_path / "copy")
    assert digest.hexdigest() == sha256_of(tmp_path / "copy")


def test_differences_are_whole_blocks_in_their_order(disk: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy_sparse(disk, copy)
    assert differences(disk, copy) == []
    apply([Change(30 * MIB + 5, b"x"), Change(100, b"yy"), Change(3 * MIB, bytes(2 * BLOCK))], copy)
    found = differences(disk, copy, offset=MIB)
    places = [0, 3 * MIB, 3 * MIB + BLOCK, 30 * MIB]
    assert [change.offset - MIB for change in found] == places
    with copy.open("rb") as stream:
        for change, at in zip(found, places, strict=True):
            stream.seek(at)
            assert change.data == stream.read(BLOCK)
