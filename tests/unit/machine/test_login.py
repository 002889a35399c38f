"""Who is greeted, and how ssh is told to be careful."""

from __future__ import annotations

import itertools
import socket
from pathlib import Path
from threading import Thread

import pytest

from bluejacket.machine.login import Door, greeted
from bluejacket.machine.process import Process
from bluejacket.machine.record import Machine
from bluejacket.tools import Sandbox


@pytest.mark.parametrize(
    ("banner", "is_ssh"), [(b"SSH-2.0-OpenSSH_10.1\r\n", True), (b"HTTP/1.1 400\r\n", False), (b"", False)]
)
def test_only_an_ssh_server_greets(banner: bytes, is_ssh: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(banner)

        thread = Thread(target=answer)
        thread.start()
        assert greeted(server.getsockname()[1]) is is_ssh
        thread.join()


def test_nobody_greets_at_a_closed_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert greeted(port) is False


def test_ssh_takes_our_key_and_no_other_and_pins_the_host(tmp_path: Path) -> None:
    me = Process(1, 2, "boot")
    paths = {
        "folder": tmp_path / "m",
        "disk": tmp_path,
        "tools": tmp_path,
        "feed": tmp_path,
        "console": tmp_path,
        "log": tmp_path,
    }
    machine = Machine(
        "vm",
        image="vm",
        started="",
        kept=True,
        memory_mib=1,
        cpus=1,
        accelerator="tcg",
        user="jack",
        maker=me,
        ssh_port=40022,
        **paths,
    )
    line = Door(Sandbox(tmp_path / "tools", tmp_path), tmp_path / "keys").command(
        machine, ["echo", "two words"]
    )
    options = {word for before, word in itertools.pairwise(line) if before == "-o"}
    assert {"IdentitiesOnly=yes", "BatchMode=yes", "UserKnownHostsFile=/run/machine/known_hosts"} <= options
    assert line[-3:] == ["127.0.0.1", "--", "echo 'two words'"]
    assert line[line.index("-p") + 1] == "40022"
    assert line[line.index("-l") + 1] == "jack"
    assert "--new-session" in line
    terminal = Door(Sandbox(tmp_path / "tools", tmp_path), tmp_path / "keys").command(machine, terminal=True)
    assert terminal[-2:] == ["-t", "127.0.0.1"]
    assert "--new-session" not in terminal
