"""QEMU's control socket while jobs come and go."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import pytest

from bluejacket.machine import qmp
from bluejacket.machine.launch import FOLDER, QMP
from bluejacket.tools import Sandbox

BUSY = "busy.sock"
TIMES, LIMIT_S = 300, 120


@pytest.fixture
def machine(tmp_path: Path, tools: Path) -> Iterator[Path]:
    """The folder of a QEMU without a board, with a second control socket."""
    folder = tmp_path / "machine"
    folder.mkdir()
    (folder / "small").write_bytes(b"")
    line = ["qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display", "none"]
    for name in (QMP, BUSY):
        line += ["-qmp", f"unix:{FOLDER / name},server=on,wait=off"]
    line += ["-blockdev", f"driver=file,node-name=small,filename={FOLDER / 'small'}"]
    argv = Sandbox(tools, tmp_path / "logs").argv(line, binds={folder: str(FOLDER)})
    with subprocess.Popen(argv) as process:
        try:
            end = monotonic() + 20
            while not (folder / BUSY).exists():
                assert monotonic() < end
                sleep(0.05)
            yield folder
        finally:
            process.kill()


def make_jobs(folder: Path, enough: Event) -> int:
    """Begin and dismiss jobs, whose events go to whoever is connected; give their number."""
    number = 0
    with qmp.reachable(folder / BUSY) as address, socket.socket(socket.AF_UNIX) as wire:
        wire.connect(address)
        lines = wire.makefile("r", encoding="utf-8")

        def ask(command: str, **arguments: object) -> None:
            wire.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            while "return" not in (answer := json.loads(lines.readline())):
                assert "error" not in answer or command == "job-dismiss", answer
                if "error" in answer:  # not concluded yet
                    wire.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")

        lines.readline()
        ask("qmp_capabilities")
        while not enough.is_set():
            number += 1
            options = {"driver": "qcow2", "file": "small", "size": 1 << 20}
            ask("blockdev-create", **{"job-id": f"job{number}", "options": options})
            ask("job-dismiss", id=f"job{number}")
    return number


def test_events_may_come_before_the_first_answer(machine: Path, caplog: pytest.LogCaptureFixture) -> None:
    enough, asked, end = Event(), 0, monotonic() + LIMIT_S
    with ThreadPoolExecutor(1) as pool:
        jobs = pool.submit(make_jobs, machine, enough)
        try:
            while asked < TIMES or "Failed to establish session" not in caplog.text:
                assert monotonic() < end, "no event came at such a moment"
                qmp.execute(machine, "query-jobs")
                asked += 1
        finally:
            enough.set()
    assert jobs.result()
