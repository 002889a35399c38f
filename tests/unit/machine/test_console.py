"""Recorded consoles, read whole and torn anywhere: the same stages, the same verdict."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.machine.console import STAGE_NAMES, Console, plain

CONSOLES = Path(__file__).with_name("consoles")
ABSENT = Path("absent.console")

# What each recording shows, and what is wrong in it.
RECORDED = {
    "verbose": (["firmware", "boot loader", "kernel", "systemd", "cloud-init", "login"], None),
    "quiet": (["firmware", "boot loader", "systemd", "cloud-init", "login"], None),
    "panic": (
        ["firmware", "boot loader", "kernel"],
        "the kernel panicked: VFS: Unable to mount root fs on unknown-block(0,0)",
    ),
    "emergency": (["firmware", "boot loader", "kernel", "systemd"], "systemd fell into emergency mode"),
    "empty": (["firmware"], "the firmware cannot boot the disk (Not Found)"),
}


def text_of(name: str) -> str:
    return (CONSOLES / f"{name}.console").read_bytes().decode("utf-8", "replace")


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_shows_its_stages_and_its_trouble(name: str) -> None:
    console = Console(ABSENT)
    stages, trouble = RECORDED[name]
    assert console.feed(text_of(name), 1.0) == stages
    assert console.trouble == trouble
    assert console.stage == stages[-1]


@given(name=st.sampled_from(sorted(RECORDED)), cuts=st.lists(st.floats(0, 1), max_size=6))
def test_where_a_recording_is_torn_does_not_matter(name: str, cuts: list[float]) -> None:
    text = text_of(name)
    console = Console(ABSENT)
    stages: list[str] = []
    places = [0, *sorted(int(cut * len(text)) for cut in cuts), len(text)]
    for first, last in itertools.pairwise(places):
        stages += console.feed(text[first:last], float(last))
    assert (stages, console.trouble) == RECORDED[name]


def test_a_stage_is_marked_once_with_the_time_it_came() -> None:
    console = Console(ABSENT)
    console.feed('BdsDxe: loading Boot0001 "disk"\r\n', 1.0)
    console.feed('BdsDxe: loading Boot0001 "disk"\r\n[    0.000000] Linux version 7.2\r\n', 2.0)
    # An earlier stage's words after a later stage mean nothing.
    console.feed("BdsDxe: starting\r\nvm login: ", 3.0)
    assert console.marks == {"firmware": 1.0, "kernel": 2.0, "login": 3.0}


def test_a_new_beginning_counts_from_there() -> None:
    console = Console(ABSENT, started=0.0)
    console.feed("BdsDxe: starting\r\n", 90.0)
    console.begin()
    assert console.marks == {"boot loader": 0.0}
    assert console.started > 0.0


def test_a_growing_log_is_read_once(tmp_path: Path) -> None:
    log = tmp_path / "console"
    console = Console(log)
    assert console.look() == []
    with log.open("ab", buffering=0) as file:
        file.write(b"[    0.0] Linux ver")
        assert console.look() == []
        file.write(b"sion 7.2\r\nfirst\r\nsecond")
        assert console.look() == ["kernel"]
        assert list(console.last) == ["[    0.0] Linux version 7.2", "first"]
        file.write(b" and more\r\n")
        console.look()
    assert list(console.last)[-1] == "second and more"
    assert Console(log, offset=console.offset).look() == []


def test_before_anything_is_said_it_is_the_firmware() -> None:
    assert Console(ABSENT).stage == STAGE_NAMES[0] == "firmware"


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        (
            "Kernel panic - not syncing: Attempted to kill init!",
            "the kernel panicked: Attempted to kill init!",
        ),
        (
            "[    1.0] initrd: no root file system; the machine restarts in 10 s",
            "the initrd gave up: no root file system",
        ),
        ("[!!!!!!] Failed to load SELinux policy.", "systemd stopped: Failed to load SELinux policy."),
        ("BdsDxe: failed to load Boot0001: Access Denied", "the firmware refused the boot loader"),
        (
            "[ 16.1] cloud-init[290]: 00:20:37,751 - log_util.py[WARNING]: Failed to create user jack",
            "cloud-init: Failed to create user jack",
        ),
        (
            "[FAILED] Failed to start cloud-init-network…ervice - Cloud-init: Network Stage.",
            "systemd could not start Cloud-init: Network Stage",
        ),
        ("You are in rescue mode. After logging in", "systemd fell into rescue mode"),
        ("[  OK  ] Reached target multi-user.target - Multi-User System.", None),
        ("audit: panic was avoided in emergency.service", None),
    ],
)
def test_troubles(line: str, trouble: str | None) -> None:
    console = Console(ABSENT)
    console.feed(line + "\r\n", 0.0)
    assert console.trouble == trouble


def test_terminal_control_is_left_out() -> None:
    cleared = "\x1b[2J\x1b[001;001H\x1b7"
    line = "[\x1b[0;32m  OK  \x1b[0m] \x1b]3008;start=1;user=root\x1b\\Started\x1bP+q6E616D65\x1b\\ it.\x07  "
    assert plain(cleared + line) == "[  OK  ] Started it."
