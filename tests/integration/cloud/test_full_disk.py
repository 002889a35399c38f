"""A disk that is full while images are made: one sentence, nothing half-made, and on with more room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError, ToolFailed
from bluejacket.machine.volumes import Volumes
from bluejacket.tools import Sandbox

MIB = 1 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "full", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_nothing_half_made_is_left(small: Path, tmp_path: Path, tools: Path) -> None:
    volumes = Volumes(small, Sandbox(tools, tmp_path / "logs"))
    source = tmp_path / "source.raw"
    source.write_bytes(os.urandom(8 * MIB))
    with pytest.raises((OutsideError, ToolFailed)) as told:
        volumes.take_image(source, "first")
    assert len(str(told.value).splitlines()) == 1
    assert list((small / "images").iterdir()) == []
    subprocess.run(["mount", "-o", "remount,size=32m", small], check=True)
    image = volumes.take_image(source, "first")
    volumes.overlay("disks/one.qcow2", image, 64 * MIB)
    volumes.copy("disks/one.qcow2", "disks/two.qcow2")
    assert volumes.size("disks/two.qcow2") == 64 * MIB
    assert sorted(file.name for file in (small / "disks").iterdir()) == ["one.qcow2", "two.qcow2"]
