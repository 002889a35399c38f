"""QEMU itself, with machines that have nothing to boot: started, found, ended, and never left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError, UserError
from bluejacket.machine import Boot, Machine, Machines, qmp
from bluejacket.machine.launch import FOLDER, SEED
from bluejacket.machine.process import Process
from bluejacket.machine.record import read
from bluejacket.machine.seed import FILES, Seed, documents, make_seed
from bluejacket.tools import Sandbox
from children import children

LIMIT_S = 120


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A disk with nothing on it: the firmware says so and goes on looking."""
    disk = tmp_path / "empty.raw"
    with disk.open("wb") as file:
        file.truncate(64 << 20)
    return disk


@pytest.fixture
def machines(tools: Path, tmp_path: Path) -> Iterator[Machines]:
    found = Machines(tmp_path / "state", Sandbox(tools, tmp_path / "logs"))
    yield found
    for machine in found.running():
        found.end(machine)


@pytest.fixture
def machine(machines: Machines, empty: Path) -> Machine:
    return machines.start(Boot(empty, "empty", accelerator="tcg", memory_mib=256, disk_gib=1, keep=True))


def test_the_seed_reads_back(sandbox: Sandbox, tmp_path: Path) -> None:
    seed = Seed("vm", "i-1", "jack", "ssh-ed25519 AAAA jack", {"feed": "http://10.0.2.4/"})
    folder = tmp_path / "machine"
    folder.mkdir()
    image = make_seed(sandbox, folder, seed)
    assert [one.name for one in folder.iterdir()] == [image.name]
    # FAT12 boot sector: the volume's label is the eleven bytes at 43 (ECMA-107).
    assert image.read_bytes()[43:54] == b"CIDATA     "
    for name in FILES:
        text = sandbox.output(
            ["mtype", "-i", str(FOLDER / SEED), f"::{name}"], ro_binds={folder: str(FOLDER)}, name=name
        )
        assert text == documents(seed)[name]


def test_a_machine_is_recorded_found_and_stopped(machines: Machines, machine: Machine) -> None:
    assert machine.running
    assert machines.running() == [machine] == [machines.find()]
    assert read(machine.folder) == machine
    assert 0 < machine.ssh_port < 65536
    assert machine.cpu_seconds > 0
    assert machine.folder.stat().st_mode & 0o777 == 0o700
    # The firmware knows no power button, so QEMU is told to quit.
    assert machines.stop(machine, limit_s=1) == "quit"
    assert not machine.running
    assert not machine.folder.exists()
    assert machines.running() == []
    with pytest.raises(UserError, match="no machine is running"):
        machines.find()


def test_a_machine_that_answers_no_more_is_killed(machines: Machines, machine: Machine) -> None:
    (machine.folder / "qmp.sock").unlink()
    assert machines.stop(machine, limit_s=1) == "killed"
    assert machines.running() == []


def test_two_machines_have_ports_and_names_of_their_own(
    machines: Machines, machine: Machine, empty: Path
) -> None:
    other = machines.start(Boot(empty, "empty", accelerator="tcg", memory_mib=256, disk_gib=1, keep=True))
    assert [one.name for one in machines.running()] == ["empty", "empty-2"]
    assert other.ssh_port != machine.ssh_port
    machines.end(machine)
    assert machines.running() == [other]
    with pytest.raises(UserError, match="a machine called empty-2 is running"):
        machines.start(Boot(empty, "empty", name="empty-2"))


def test_a_disk_that_cannot_boot_is_told_with_the_stage(machines: Machines, empty: Path) -> None:
    boot = Boot(empty, "empty", accelerator="tcg", memory_mib=256, disk_gib=1, limit_s=LIMIT_S)
    before = empty.read_bytes()
    with pytest.raises(OutsideError) as caught, machines.booted(boot):
        pytest.fail("an empty disk has booted")
    text = str(caught.value)
    assert "the firmware cannot boot the disk (Not Found). It reached firmware" in text
    console = Path(text.rpartition("the whole console is in ")[2].rstrip(")"))
    assert b"BdsDxe: failed to load" in console.read_bytes()
    assert machines.running() == []
    assert empty.read_bytes() == before


def test_a_machine_that_qemu_refuses_leaves_nothing(machines: Machines, empty: Path) -> None:
    with pytest.raises(OutsideError, match=r"QEMU does not start: .*nonsense"):
        machines.start(Boot(empty, "empty", accelerator="nonsense"))
    assert [one for one in machines.folder.iterdir() if one.is_dir()] == []


def test_what_cannot_be_booted_is_said_at_once(machines: Machines, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        machines.start(Boot(tmp_path / "none.raw", "vm", feed=tmp_path / "nothing", memory_mib=1))
    assert len(caught.value.faults) == 3
    with pytest.raises(UserError, match="is no disk image"):
        machines.start(Boot(tmp_path / "vm.iso", "vm"))


STARTER = """
import sys, time
from pathlib import Path
from bluejacket.machine import Boot, Machines
from bluejacket.tools import Sandbox
tools, state, disk, keep = sys.argv[1:]
machines = Machines(Path(state), Sandbox(Path(tools), Path(state, "logs")))
boot = Boot(Path(disk), "vm", accelerator="tcg", memory_mib=256, disk_gib=1, keep=keep == "keep")
with machines.started(boot):
    time.sleep(300)
"""


@pytest.mark.parametrize(
    ("number", "keep", "stays"),
    [
        (signal.SIGKILL, "", False),
        (signal.SIGTERM, "", False),
        (signal.SIGINT, "", False),
        (signal.SIGINT, "keep", False),
        (signal.SIGKILL, "keep", True),
    ],
)
def test_a_command_that_is_killed_leaves_no_machine_without_a_record(
    machines: Machines, tools: Path, empty: Path, number: signal.Signals, keep: str, stays: bool
) -> None:
    line = [sys.executable, "-c", STARTER, str(tools), str(machines.folder.parent), str(empty), keep]
    with subprocess.Popen(line, stderr=subprocess.PIPE) as child:
        process = wait_for_process(machines.folder / "vm")
        descendants = below(process.pid)
        assert descendants
        child.send_signal(number)
        child.communicate(timeout=LIMIT_S)
        assert child.returncode != 0
    if stays:
        assert [one.name for one in machines.running()] == ["vm"]
        assert qmp.execute(machines.find().folder, "query-status")
        machines.end(machines.find())
    assert process.wait(LIMIT_S)
    assert all(one.wait(LIMIT_S) for one in descendants)
    assert machines.running() == []
    assert not (machines.folder / "vm").exists()


def wait_for_process(folder: Path) -> Process:
    """Give the machine's keeper, once QEMU answers."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        found = read(folder)
        if found is not None and found.ssh_port:
            return Process.from_json(json.loads((folder / "process").read_text("utf-8")))
        time.sleep(0.01)
    raise AssertionError(f"no machine was started in {folder}: {list(folder.parent.iterdir())}")


def below(pid: int) -> list[Process]:
    """Give the descendants of a process."""
    found: list[Process] = []
    for child in children(pid):
        found += [Process.of(child), *below(child)]
    return found
