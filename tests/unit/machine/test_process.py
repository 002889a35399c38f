"""A process is its number and its start; the keeper writes both down before anything runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bluejacket.machine import keeper
from bluejacket.machine.process import Process, boot_id

LIMIT_S = 60


@contextmanager
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "300"]) as child:
        try:
            yield child
        finally:
            child.kill()


def test_a_process_is_alive_until_it_ends() -> None:
    with sleeper() as child:
        process = Process.of(child.pid)
        assert process.alive
        child.kill()
        assert process.wait(LIMIT_S)
        # Nobody has waited for it yet: a zombie is no running machine.
        assert child.returncode is None
        assert not process.alive


@pytest.mark.parametrize("other", [{"start": 1}, {"boot": "another boot"}])
def test_a_recycled_number_is_neither_alive_nor_killed(other: dict[str, str]) -> None:
    with sleeper() as child:
        recorded = replace(Process.of(child.pid), **other)
        assert not recorded.alive
        recorded.kill()
        time.sleep(0.2)
        assert child.poll() is None


def test_kill_ends_the_very_process() -> None:
    with sleeper() as child:
        Process.of(child.pid).kill()
        assert child.wait(LIMIT_S) == -signal.SIGKILL


def test_killing_what_is_gone_is_fine() -> None:
    with sleeper() as child:
        process = Process.of(child.pid)
    process.kill()
    assert process.cpu_seconds() == 0.0
    process.reap()


def test_processor_time_counts_descendants() -> None:
    busy = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    with subprocess.Popen([sys.executable, "-c", busy], start_new_session=True) as child:
        process = Process.of(child.pid)
        try:
            end = time.monotonic() + LIMIT_S
            while process.cpu_seconds() < 0.5 and time.monotonic() < end:
                time.sleep(0.1)
            assert process.cpu_seconds() >= 0.5
        finally:
            os.killpg(child.pid, signal.SIGKILL)


def start_keeper(folder: Path, parent: int, command: list[str]) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-I", "-S", keeper.__file__, str(folder), str(folder / "log"), str(parent)]
    return subprocess.Popen([*line, *command], start_new_session=True)


def wait_for(file: Path) -> str:
    end = time.monotonic() + LIMIT_S
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return file.read_text("utf-8")


def test_the_record_is_there_before_the_command_runs(tmp_path: Path) -> None:
    command = ["sh", "-c", f"cp {tmp_path}/process {tmp_path}/seen; echo said; exit 7"]
    with start_keeper(tmp_path, os.getpid(), command) as child:
        assert child.wait(LIMIT_S) == 7
    seen = Process.from_json(json.loads((tmp_path / "seen").read_text()))
    assert seen.pid == child.pid
    assert seen.boot == boot_id()
    ended = json.loads((tmp_path / "ended").read_text())
    assert ended["status"] == 7
    assert ended["cpu_seconds"] >= 0
    assert (tmp_path / "log").read_text() == "said\n"


def test_the_command_dies_with_its_keeper(tmp_path: Path) -> None:
    with start_keeper(
        tmp_path,
        os.getpid(),
        ["sh", "-c", f"echo $$ > {tmp_path}/.n; mv {tmp_path}/.n {tmp_path}/n; sleep 300"],
    ) as child:
        command = Process.of(int(wait_for(tmp_path / "n")))
        Process.from_json(json.loads((tmp_path / "process").read_text())).kill()
        child.wait(LIMIT_S)
        assert command.wait(LIMIT_S)


@pytest.mark.parametrize("kept", [False, True])
def test_a_killed_parent_takes_the_machine_along_unless_it_is_kept(tmp_path: Path, kept: bool) -> None:
    parent = (
        "import os, subprocess, sys, time\n"
        f"keeper, folder, log = {[keeper.__file__, str(tmp_path), str(tmp_path / 'log')]}\n"
        f"parent = '0' if {kept} else str(os.getpid())\n"
        "line = [sys.executable, '-I', '-S', keeper, folder, log, parent, 'sleep', '300']\n"
        "subprocess.Popen(line, start_new_session=True)\n"
        "time.sleep(300)\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent]) as child:
        process = Process.from_json(json.loads(wait_for(tmp_path / "process")))
        child.kill()
    try:
        assert process.wait(1 if kept else LIMIT_S) is not kept
    finally:
        process.kill()


def test_a_keeper_whose_parent_has_gone_already_starts_nothing(tmp_path: Path) -> None:
    with start_keeper(tmp_path, 1, ["touch", str(tmp_path / "ran")]) as child:
        assert child.wait(LIMIT_S) == 1
    assert not (tmp_path / "ran").exists()
