"""What `bluejacket boot` ends with: how the machine is, and what one would want next."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bluejacket.cli.boot import say_next, tell
from bluejacket.cli.session import Session, open_session
from bluejacket.machine import Denial, Health, Machine
from bluejacket.machine.health import read_health, sections
from bluejacket.machine.process import Process

UNIT = Path(__file__).parents[1]
GOOD = UNIT / "definition" / "good"
DENIAL = Denial("mkdir", "systemd_generator_t", "var_run_t", "dir", "write", 3)


@pytest.fixture
def health() -> Health:
    answers = (UNIT / "machine" / "answers.txt").read_text("utf-8")
    return read_health(sections(answers), {"ssh": 20.04}, cpu_seconds=41.26, image_size=3 << 29)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(
        name="vm-2",
        folder=tmp_path,
        image="vm",
        disk=Path("/images/disk.qcow2"),
        tools=Path("/tools"),
        feed=None,
        started="2026-11-24T12:00:00.000",
        kept=True,
        memory_mib=1536,
        cpus=2,
        accelerator="tcg,thread=multi",
        user="bluejacket",
        console=tmp_path / "console",
        log=tmp_path / "log",
        maker=Process(1, 1, "boot"),
    )


def opened(tmp_path: Path, *, as_json: bool = False) -> Session:
    return open_session(GOOD, tmp_path / "my state", False, as_json)


def table(text: str) -> dict[str, str]:
    """Give a printed record: what stands behind each key."""
    rows = (re.split(r" {2,}", line.strip(), maxsplit=1) for line in text.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2}


def test_a_good_machine_is_a_table(
    tmp_path: Path, machine: Machine, health: Health, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(opened(tmp_path), machine, health)
    out, err = capsys.readouterr()
    assert out.splitlines()[0].strip() == "Bluejacket Linux 4 (Halyard)"
    assert table(out) == {
        "machine": "vm-2",
        "state": "running",
        "failed units": "none",
        "SELinux": "Enforcing, 0 denials",
        "cloud-init": "done",
        "kernel": "7.2.12+deb14-cloud-amd64",
        "boot entry": "bluejacket-7.2.12-1.efi",
        "Secure Boot": "-",
        "boot": "kernel 6.6 s, userspace 17.4 s",
        "until ssh": "20.0 s",
        "processor": "41.3 s of QEMU (tcg,thread=multi)",
        "memory": "271 MiB of 1.4 GiB in use",
        "root": "438 MiB of 7.6 GiB in use",
        "image": "1.5 GiB, disk.qcow2",
        "packages": "2",
    }
    assert err == ""


def test_what_there_is_to_complain_of_stands_below_it(
    tmp_path: Path, machine: Machine, health: Health, capsys: pytest.CaptureFixture[str]
) -> None:
    ill = replace(
        health, state="degraded", failed_units=("a.service", "b.mount"), denials=(DENIAL,), marks={}
    )
    tell(opened(tmp_path), machine, ill)
    out, err = capsys.readouterr()
    rows = table(out)
    assert rows["failed units"] == "a.service, b.mount"
    assert rows["SELinux"] == "Enforcing, 3 denials"
    assert rows["until ssh"] == "-"
    assert err.splitlines() == [f"denied: {DENIAL}", *(f"warning: {reason}" for reason in ill.reasons)]
    assert len(ill.reasons) == 3


def test_for_a_program_it_is_an_object(
    tmp_path: Path, machine: Machine, health: Health, capsys: pytest.CaptureFixture[str]
) -> None:
    session = opened(tmp_path, as_json=True)
    tell(session, machine, replace(health, state="degraded"))
    say_next(session, session.release("1"), "vm", machine, True)
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["good"], told["health"]["state"], told["machine"]["name"]) == (False, "degraded", "vm-2")
    assert told["reasons"] == ["state is 'degraded' where 'running' is expected"]
    assert err == ""


CALLED = [
    ("bluejacket", "bluejacket"),
    ("./.venv/bin/bluejacket", ".venv/bin/bluejacket"),
    ("/my src/bluejacket/__main__.py", "/my/python -m bluejacket"),
    ("/my src/bluejacket", "'/my src/bluejacket'"),
]


@pytest.mark.parametrize(("argument", "program"), CALLED)
def test_next_are_commands_that_can_be_copied(
    argument: str,
    program: str,
    tmp_path: Path,
    machine: Machine,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", [argument])
    monkeypatch.setattr("sys.executable", "/my/python")
    session = opened(tmp_path)
    start = f"  {program} --distro {GOOD} --state '{tmp_path}/my state' "
    for version, keep, commands in (
        ("2", False, ["boot vm --keep", "image show vm", "feed verify 2"]),
        ("1", False, ["boot vm --release 1 --keep", "image show vm --release 1", "feed verify 1"]),
        ("1", True, ["ssh -m vm-2", "stop vm-2", "feed verify 1"]),
    ):
        say_next(session, session.release(version), "vm", machine, keep)
        told = capsys.readouterr().err.splitlines()
        assert told == ["Next:", *(start + command for command in commands)]
