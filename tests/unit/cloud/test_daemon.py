"""The control plane's process: its port, its lock, its record, and answers without delay."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from bluejacket.cloud import daemon
from bluejacket.errors import OutsideError, UserError
from bluejacket.machine.process import Process


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with daemon.listen(None) as first:
        port = first.getsockname()[1]
        assert first.proto == socket.IPPROTO_TCP, "asyncio turns Nagle's algorithm off for no other"
        with pytest.raises(UserError, match=f"port {port} cannot be had"):
            daemon.listen(port)
        with daemon.listen(None, port) as second:
            assert second.getsockname()[1] != port
    assert daemon.last_port(tmp_path) == daemon.PORT


def test_a_record_counts_while_its_process_lives(tmp_path: Path) -> None:
    mine = daemon.Daemon(Process.of(os.getpid()), "https://localhost:8450", "2026-11-28T05:00:00Z")
    mine.save(tmp_path)
    assert daemon.Daemon.of(tmp_path) == mine
    assert daemon.last_port(tmp_path) == 8450
    with pytest.raises(UserError, match="runs already, at https://localhost:8450"):
        daemon.refuse_second(tmp_path)
    gone = Process(mine.process.pid, mine.process.start + 1, mine.process.boot)
    daemon.Daemon(gone, mine.base, mine.started).save(tmp_path)
    assert daemon.Daemon.of(tmp_path) is None
    daemon.refuse_second(tmp_path)


def test_only_one_is_alone(tmp_path: Path) -> None:
    with daemon.alone(tmp_path), pytest.raises(UserError, match="another process"), daemon.alone(tmp_path):
        pass


def test_the_log_has_no_logins(capsys: pytest.CaptureFixture[str]) -> None:
    daemon.LogReport().warn("https://me:secret@host/?sig=secret")
    daemon.LogReport().detail("--password secret")
    told = capsys.readouterr().err
    assert "warning: https://***@host/" in told
    assert "secret" not in told


def test_a_person_s_mistake_stays_one(tmp_path: Path) -> None:
    """The daemon is the program itself: what it said, and whose doing that was, is what `cloud up` says."""
    mistake = "echo 'bluejacket: port 1 cannot be had (choose another one)' >&2; exit 2"
    with pytest.raises(UserError) as told:
        daemon.spawn(tmp_path, ["sh", "-c", mistake])
    assert str(told.value) == "port 1 cannot be had (choose another one)"
    fault = "echo something >&2; echo 'bluejacket: the disk is full' >&2; exit 1"
    with pytest.raises(OutsideError, match=r"^the cloud did not come up: the disk is full \(its log is "):
        daemon.spawn(tmp_path, ["sh", "-c", fault])
    with pytest.raises(OutsideError, match="did not come up: Segmentation fault"):
        daemon.spawn(tmp_path, ["sh", "-c", "echo Segmentation fault >&2; exit 139"])
