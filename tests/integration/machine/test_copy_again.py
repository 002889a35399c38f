"""A copy of a running machine's disk is begun again while QEMU still makes the one that was left."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from bluejacket.errors import OutsideError
from bluejacket.machine import azure, qmp
from bluejacket.machine.blockcopy import copy_disk, job_of
from bluejacket.machine.launch import FOLDER, QMP
from bluejacket.machine.volumes import Volumes, disk_file
from bluejacket.tools import Sandbox

DISK, COPY = (disk_file(f"8c60ded4-9d5d-4ac6-b229-d4a8fae7745{n}") for n in range(2))
COPY = COPY.replace("/", "/.part-")  # the name that a disk has while it is made
NODE, SLOW, JOB = "os", "slow", job_of(COPY)
MIB = 1 << 20


@pytest.fixture
def volumes(tmp_path: Path, tools: Path) -> Volumes:
    """An empty disk to copy to, and one of 8 MiB that are not zeroes."""
    found = Volumes(tmp_path / "cloud", Sandbox(tools, tmp_path / "logs"))
    found.create(DISK, 8 * MIB)
    found.like(COPY, DISK)
    return found


@pytest.fixture
def machine(tmp_path: Path, tools: Path, volumes: Volumes) -> Iterator[Path]:
    """QEMU without a board, whose folder this is."""
    folder = tmp_path / "machine"
    folder.mkdir()
    line = ["qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display", "none"]
    line += ["-qmp", f"unix:{FOLDER / QMP},server=on,wait=off"]
    line += [
        "-blockdev",
        f"driver=qcow2,node-name={NODE},file.driver=file,file.filename={azure.DISKS / DISK}",
    ]
    line += ["-object", f"throttle-group,id=calm,x-bps-read={MIB}"]
    line += ["-blockdev", f"driver=throttle,node-name={SLOW},throttle-group=calm,file={NODE}"]
    binds = {folder: str(FOLDER), volumes.root / "disks": str(azure.DISKS / "disks")}
    with subprocess.Popen(Sandbox(tools, tmp_path / "logs").argv(line, binds=binds)) as process:
        try:
            end = monotonic() + 20
            while not (folder / QMP).exists():
                assert monotonic() < end
                sleep(0.05)
            for at in range(8):
                write = f'qemu-io {NODE} "write -P {at + 1} {at}M 1M"'
                qmp.execute(folder, "human-monitor-command", {"command-line": write})
            yield folder
        finally:
            process.kill()


def leave(folder: Path, speed: int) -> None:
    """Begin a copy and do not stay, as a control plane does that is killed."""
    file = {"driver": "file", "filename": str(azure.DISKS / COPY)}
    qmp.execute(folder, "blockdev-add", {"driver": "qcow2", "node-name": JOB, "file": file})
    words: dict[str, Any] = {"job-id": JOB, "device": NODE, "target": JOB, "sync": "top", "speed": speed}
    qmp.execute(folder, "blockdev-backup", words | {"auto-dismiss": False})


@pytest.mark.parametrize("speed", [1, 0], ids=["it still copies", "it has ended"])
def test_the_copy_that_was_left_is_given_up(machine: Path, volumes: Volumes, speed: int) -> None:
    leave(machine, speed)
    end = monotonic() + 20
    while not speed and _status(machine) != "concluded":
        assert monotonic() < end
        sleep(0.05)
    volumes.path(COPY).unlink()
    volumes.like(COPY, DISK)
    copy_disk(machine, NODE, COPY, backed=False, limit_s=20)
    assert _status(machine) is None
    nodes: Any = qmp.execute(machine, "query-named-block-nodes", {"flat": True})
    assert JOB not in {one["node-name"] for one in nodes}
    assert _same(volumes, DISK, COPY)


def test_one_that_takes_too_long_leaves_nothing(machine: Path, volumes: Volumes) -> None:
    with pytest.raises(OutsideError, match="took longer"):
        copy_disk(machine, SLOW, COPY, backed=False, limit_s=0.5)
    assert _status(machine) is None
    copy_disk(machine, NODE, COPY, backed=False, limit_s=20)
    assert _same(volumes, DISK, COPY)


def _status(folder: Path) -> str | None:
    jobs: Any = qmp.execute(folder, "query-jobs")
    return next((str(one["status"]) for one in jobs if one["id"] == JOB), None)


def _same(volumes: Volumes, one: str, other: str) -> bool:
    words = ["qemu-img", "compare", "-U", *(str(azure.DISKS / file) for file in (one, other))]
    binds = {volumes.root / "disks": str(azure.DISKS / "disks")}
    return "identical" in volumes._box.output(words, ro_binds=binds, name="compare", statuses=(0, 1))
