"""What a machine says at login once its release's support has ended: the script, run by a real bash."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

BASH = "/bin/bash"
SCRIPT = Path(__file__).parents[2] / "distro/packages/bluejacket-release/support-end.sh"
TODAY = datetime.now(UTC).date()


def login(folder: Path, support_end: str, *, interactive: bool = True, more: str = "") -> str:
    """Give what a login prints on a system whose os-release says so, without any program to call."""
    release = folder / "os-release"
    release.write_text(
        f'PRETTY_NAME="Small Linux 1 (One)"\nHOME_URL="https://small.example/"\n{more}{support_end}'
    )
    script = folder / "support-end.sh"
    script.write_text(SCRIPT.read_text().replace("/etc/os-release", str(release)))
    flags = ["-i"] if interactive else []
    command = [
        BASH,
        "--noprofile",
        "--norc",
        *flags,
        "-c",
        f"set -e; . {script}; type -t __support_end || true",
    ]
    done = subprocess.run(command, env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "command not found" not in done.stderr
    assert "No such file" not in done.stderr
    return done.stdout


def test_a_machine_past_its_end_says_so_with_the_way_out(tmp_path: Path) -> None:
    day = TODAY - timedelta(days=1)
    assert login(tmp_path, f"SUPPORT_END={day}\n") == (
        f"*** The support of Small Linux 1 (One) ended on {day}: "
        "this system gets no security fixes any more.\n"
        "*** Move to a release that is supported: https://small.example/\n"
    )


def test_the_page_for_support_goes_before_the_home_page(tmp_path: Path) -> None:
    told = login(tmp_path, "SUPPORT_END=2020-01-01\n", more='SUPPORT_URL="https://small.example/help"\n')
    assert told.endswith("supported: https://small.example/help\n")


@pytest.mark.parametrize("days", [0, 1, 700])
def test_a_supported_machine_is_silent(tmp_path: Path, days: int) -> None:
    assert login(tmp_path, f"SUPPORT_END={TODAY + timedelta(days=days)}\n") == ""


def test_a_machine_without_an_end_is_silent(tmp_path: Path) -> None:
    assert login(tmp_path, "") == ""


def test_programs_that_log_in_hear_nothing(tmp_path: Path) -> None:
    assert login(tmp_path, "SUPPORT_END=2020-01-01\n", interactive=False) == ""


def test_other_shells_can_read_it(tmp_path: Path) -> None:
    done = subprocess.run(["/bin/sh", "-c", f". {SCRIPT}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
