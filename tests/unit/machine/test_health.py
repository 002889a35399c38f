"""What the machine answers becomes a verdict with reasons."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bluejacket.definition import Profile, SELinux
from bluejacket.machine.health import (
    Denial,
    Health,
    expected_of,
    read_cloud_init,
    read_denials,
    read_health,
    read_stages,
    sections,
)

ANSWERS = Path(__file__).with_name("answers.txt")
MKDIR = (
    'audit: type=1400 audit(1795562226.384:4): avc:  denied  { write } for  pid=124 comm="mkdir" name="/" '
    'dev="tmpfs" ino=1 scontext=system_u:system_r:systemd_generator_t:s0 '
    "tcontext=system_u:object_r:var_run_t:s0 tclass=dir permissive=0"
)


@pytest.fixture
def health() -> Health:
    found = sections(ANSWERS.read_text("utf-8"))
    return read_health(found, {"boot loader": 2.5, "ssh": 20.0}, cpu_seconds=41.26, image_size=1741701632)


def test_a_good_machine(health: Health) -> None:
    assert health.good
    assert health.reasons == ()
    assert (health.state, health.selinux, health.cloud_init) == ("running", "Enforcing", "done")
    assert health.kernel == "7.2.12+deb14-cloud-amd64"
    assert health.release == "Bluejacket Linux 4 (Halyard)"
    assert health.loader_entry == "bluejacket-7.2.12-1.efi"
    assert health.memory_total == 1494908 * 1024
    assert health.memory_used == (1494908 - 1217584) * 1024
    assert (health.root_size, health.root_used) == (8145141760, 459771904)
    assert health.disk_size == 8589934592
    assert health.packages == ("bash-5.3-3.x86_64", "systemd-262-1.x86_64")
    assert health.cpu_seconds == 41.3
    assert health.marks == {"boot loader": 2.5, "ssh": 20.0}
    assert health.stages == {"firmware": 2.5, "kernel": 6.62, "userspace": 17.41}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "degraded"}, "state is 'degraded' where 'running' is expected"),
        ({"selinux": "Permissive"}, "selinux is 'Permissive' where 'Enforcing' is expected"),
        ({"failed_units": ("a.service", "b.mount")}, "failed units: a.service, b.mount"),
        ({"cloud_init": "error"}, "cloud-init is error"),
        ({"cloud_init_errors": ("WARNING: no seed",)}, "cloud-init: WARNING: no seed"),
        (
            {
                "denials": (
                    Denial("mkdir", "a_t", "b_t", "dir", "write", 3),
                    Denial("x", "a_t", "b_t", "dir", "read", 1),
                )
            },
            "SELinux denied 4 times: mkdir: a_t b_t:dir { write } (3)",
        ),
    ],
)
def test_what_is_not_good_is_said(health: Health, change: dict[str, object], reason: str) -> None:
    changed = replace(health, **change)  # type: ignore[arg-type]
    assert not changed.good
    assert changed.reasons == (reason,)


def profile(mode: SELinux) -> Profile:
    return Profile(name="one", description="one", selinux=mode)


@pytest.mark.parametrize("mode", SELinux)
def test_the_profile_says_what_selinux_shall_be(health: Health, mode: SELinux) -> None:
    expected = expected_of(profile(mode), health.release)
    for found in "Enforcing", "Permissive", "Disabled":
        answer = replace(health, selinux=found, expected=expected)
        assert answer.good == (found.lower() == mode.value)


def test_a_permissive_machine_shows_denials_and_is_good(health: Health) -> None:
    denied = replace(health, denials=(Denial("mkdir", "a_t", "b_t", "dir", "write"),), selinux="Permissive")
    assert replace(denied, expected=expected_of(profile(SELinux.PERMISSIVE), health.release)).good
    assert not replace(denied, expected=expected_of(profile(SELinux.ENFORCING), health.release)).good


def test_another_release_is_not_good(health: Health) -> None:
    other = replace(health, expected=expected_of(profile(SELinux.ENFORCING), "Bluejacket Linux 5"))
    assert other.reasons == (
        "release is 'Bluejacket Linux 4 (Halyard)' where 'Bluejacket Linux 5' is expected",
    )


def test_a_machine_that_says_nothing_is_not_good() -> None:
    health = read_health({}, {}, cpu_seconds=0.0, image_size=0)
    assert not health.good
    assert (health.state, health.selinux, health.cloud_init) == ("unknown", "Disabled", "absent")


def test_denials_are_counted_once_each() -> None:
    again = MKDIR.replace(":4)", ":5)")
    without_name = MKDIR.replace(' comm="mkdir"', "").replace(":4)", ":6)")
    assert read_denials("\n".join([MKDIR, "noise", MKDIR, again, without_name])) == (
        Denial("mkdir", "systemd_generator_t", "var_run_t", "dir", "write", 2),
        Denial("?", "systemd_generator_t", "var_run_t", "dir", "write", 1),
    )


def test_stages_are_distances_between_systemds_marks() -> None:
    text = (
        "FirmwareTimestampMonotonic=9000000\nLoaderTimestampMonotonic=1500000\nKernelTimestampMonotonic=0\n"
        "InitRDTimestampMonotonic=2500000\nUserspaceTimestampMonotonic=3500000\nFinishTimestampMonotonic=13500000\n"
    )
    assert read_stages(text) == {
        "firmware": 7.5,
        "loader": 1.5,
        "kernel": 2.5,
        "initrd": 1.0,
        "userspace": 10.0,
    }
    without = (
        text.replace("9000000", "0")
        .replace("1500000", "0", 1)
        .replace("InitRDTimestampMonotonic=2500000", "")
    )
    assert read_stages(without) == {"kernel": 3.5, "userspace": 10.0}
    assert read_stages("") == {}


def test_cloud_init_tells_its_errors() -> None:
    stage = {"errors": [], "recoverable_errors": {"WARNING": ["slow"], "DEPRECATED": ["old"]}}
    status = json.dumps({"v1": {"datasource": None, "init": stage, "stage": None}})
    assert read_cloud_init(status, json.dumps({"v1": {"errors": []}})) == ("done", ("WARNING: slow",))
    assert read_cloud_init(status, json.dumps({"v1": {"errors": ["bad", "bad"]}})) == (
        "error",
        ("bad", "WARNING: slow"),
    )
    assert read_cloud_init(status, "") == ("running", ("WARNING: slow",))
    assert read_cloud_init("", "") == ("absent", ())
