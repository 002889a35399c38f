"""Records are whole or absent, names are free or refused, and what is dead is cleared away."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from bluejacket.errors import UserError
from bluejacket.machine import record
from bluejacket.machine.process import Process
from bluejacket.machine.record import Machine


@pytest.fixture
def machines(tmp_path: Path) -> Path:
    return tmp_path / "machines"


@pytest.fixture
def running(machines: Path) -> Iterator[Machine]:
    """A machine as the records know it; a sleeping process stands in the place of its keeper."""
    with subprocess.Popen(["sleep", "300"]) as child:
        yield made(machines, "vm", Process.of(child.pid))
        child.kill()


def made(
    machines: Path, name: str, process: Process | None, started: str = "2026-11-24T12:00:00.000"
) -> Machine:
    folder = record.reserve(machines, name, "vm")
    machine = Machine(
        name=name,
        folder=folder,
        image="vm",
        disk=Path("/images/vm.raw"),
        tools=Path("/tools"),
        feed=Path("/feed"),
        started=started,
        kept=True,
        memory_mib=1536,
        cpus=2,
        accelerator="tcg,thread=multi",
        user="bluejacket",
        console=Path("/logs/vm.console"),
        log=Path("/logs/vm.log"),
        maker=gone(),
    )
    machine.save()
    (folder / "maker").write_text(json.dumps(asdict(machine.maker)))
    if process is not None:
        (folder / "process").write_text(json.dumps(asdict(process)))
    return machine


def gone() -> Process:
    """A process that has ended, whose number this one has taken."""
    return Process(os.getpid(), 1, Process.of(os.getpid()).boot)


def test_a_record_reads_back_as_it_was_written(running: Machine) -> None:
    assert record.read(running.folder) == running
    assert running.on_port(40022).ssh_port == 40022
    again = record.read(running.folder)
    assert again is not None
    assert again.ssh_port == 40022
    assert (running.folder / "machine.json").stat().st_mode & 0o777 == 0o600


def test_a_torn_record_is_none(running: Machine) -> None:
    file = running.folder / "machine.json"
    text = file.read_text()
    for length in range(0, len(text) - 1, 7):
        file.write_text(text[:length])
        assert record.read(running.folder) is None


def test_running_machines_are_listed_oldest_first(machines: Path, running: Machine) -> None:
    process = running.process
    made(machines, "older", process, started="2026-11-23T12:00:00.000")
    assert [one.name for one in record.list_machines(machines)] == ["older", "vm"]


def test_the_dead_are_cleared_away(machines: Path, running: Machine) -> None:
    dead = made(machines, "dead", gone())
    never = made(machines, "never-started", None)
    assert [one.name for one in record.list_machines(machines)] == ["vm"]
    assert not dead.folder.exists()
    assert not never.folder.exists()
    assert running.folder.exists()


def test_a_folder_that_is_being_made_stays(machines: Path) -> None:
    folder = record.reserve(machines, None, "vm")
    assert record.list_machines(machines) == []
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_names_are_taken_in_turn(machines: Path, running: Machine) -> None:
    assert record.reserve(machines, None, "vm").name == "vm-2"
    assert record.reserve(machines, None, "vm").name == "vm-3"
    assert record.reserve(machines, None, "Vm.Big image").name == "vm-big-image"


def test_a_name_in_use_is_refused(machines: Path, running: Machine) -> None:
    with pytest.raises(
        UserError, match=r"a machine called vm is running \(`bluejacket stop vm`, or use another name\)"
    ):
        record.reserve(machines, "vm", "vm")


@pytest.mark.parametrize("name", ["", "-a", "Upper", "a/b", "..", "a" * 41, "a b"])
def test_what_cannot_be_a_name_is_refused(machines: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be a machine's name"):
        record.reserve(machines, name, "vm")
    assert not machines.exists() or not any(one.is_dir() for one in machines.iterdir())


def test_find_takes_the_only_one_or_the_one_named(machines: Path, running: Machine) -> None:
    assert record.find(machines, None) == running
    assert record.find(machines, "vm") == running
    with pytest.raises(UserError, match=r"no machine called wm is running \(running: vm\)"):
        record.find(machines, "wm")
    made(machines, "vm-2", running.process)
    with pytest.raises(UserError, match=r"several machines are running: vm, vm-2 \(name one of them\)"):
        record.find(machines, None)


def test_find_says_how_to_get_a_machine(machines: Path) -> None:
    with pytest.raises(UserError, match=r"no machine is running \(`bluejacket boot --keep` starts one\)"):
        record.find(machines, None)
