"""Copying a disk of a running machine: a block job of QEMU's, which goes on when whoever began it is killed.

Source: QEMU, "Live Block Device Operations" and docs/interop/qemu-qmp-ref, "Background jobs".
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from bluejacket.errors import OutsideError
from bluejacket.machine import azure, qmp

_END_S = 30.0


def copy_disk(folder: Path, node: str, target: str, *, backed: bool, limit_s: float) -> None:
    """Copy what a disk's own file has, as it is at one moment, into the empty disk `target`.

    `folder` is the machine's; `backed` tells that the target has a backing file. The guest goes on, and
    what it writes meanwhile is not in the copy. One that was begun before, into a file that had the same
    name, is given up. Raises OutsideError, also after `limit_s` seconds.
    """
    job = job_of(target)
    _give_up(folder, job)
    blockdev: dict[str, Any] = {"driver": "qcow2", "node-name": job}
    blockdev["file"] = {"driver": "file", "filename": str(azure.DISKS / target)}
    if backed:
        blockdev["backing"] = None
    qmp.execute(folder, "blockdev-add", blockdev)
    try:
        words = {"job-id": job, "device": node, "target": job, "sync": "top", "auto-dismiss": False}
        qmp.execute(folder, "blockdev-backup", words)
        _await_end(folder, job, limit_s)
    finally:
        qmp.execute(folder, "blockdev-del", {"node-name": job})


def job_of(target: str) -> str:
    """Give the name of the job that copies into the file `target`, and of its node.

    It is the same whenever that file is made again, and a node's name has at most 31 bytes (QEMU,
    include/block/block_int-common.h).
    """
    return f"copy-{sha256(target.encode('utf-8')).hexdigest()[:24]}"


def _await_end(folder: Path, job: str, limit_s: float) -> None:
    end = monotonic() + limit_s
    while (found := _job(folder, job)) is not None and found["status"] != "concluded":
        if monotonic() > end:
            _end(folder, job)
            raise OutsideError(f"copying a disk took longer than {limit_s:g} s")
        sleep(0.2)
    if found is not None:
        qmp.execute(folder, "job-dismiss", {"id": job})
        if found.get("error"):
            raise OutsideError(f"copying a disk failed: {found['error']}")


def _give_up(folder: Path, job: str) -> None:
    """End a copy, if there is one, and close its file."""
    _end(folder, job)
    nodes: Any = qmp.execute(folder, "query-named-block-nodes", {"flat": True})
    if any(one["node-name"] == job for one in nodes):
        qmp.execute(folder, "blockdev-del", {"node-name": job})


def _end(folder: Path, job: str) -> None:
    end = monotonic() + _END_S
    while (found := _job(folder, job)) is not None:
        if monotonic() > end:
            raise OutsideError(f"QEMU does not give up the copy of a disk within {_END_S:g} s")
        # Between two questions a job goes on: what it cannot do in one state, it can do in the next.
        with suppress(OutsideError):
            qmp.execute(
                folder, "job-dismiss" if found["status"] == "concluded" else "job-cancel", {"id": job}
            )
        sleep(0.05)


def _job(folder: Path, name: str) -> dict[str, Any] | None:
    jobs: Any = qmp.execute(folder, "query-jobs")
    return next((one for one in jobs if one["id"] == name), None)
