"""What a running machine says of itself, and whether that is good."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bluejacket.definition import Profile
from bluejacket.errors import OutsideError
from bluejacket.machine.login import Door, NotYet
from bluejacket.machine.record import USUAL, Machine

BOOT_ID = "/proc/sys/kernel/random/boot_id"
SCRIPT = Path(__file__).with_name("health.sh")

_ENFORCING = "Enforcing"
_OLD_BOOT = 75  # EX_TEMPFAIL, as health.sh gives it
_DENIAL = re.compile(
    r"audit\((?P<serial>[\d.]+:\d+)\): +avc: +denied +\{ (?P<permissions>[^}]*) \}.*?"
    r"(?:comm=\"?(?P<program>[^\" ]+)\"?.*?)?"
    r"scontext=[^:]+:[^:]+:(?P<source>\w+)\S* +tcontext=[^:]+:[^:]+:(?P<target>\w+)\S* +tclass=(?P<kind>\w+)"
)


@dataclass(frozen=True, slots=True)
class Denial:
    """One SELinux rule that was missing, and how often in this boot."""

    program: str
    source: str
    target: str
    kind: str
    permissions: str
    times: int = 1

    def __str__(self) -> str:
        return (
            f"{self.program}: {self.source} {self.target}:{self.kind} {{ {self.permissions} }} ({self.times})"
        )


@dataclass(frozen=True, slots=True)
class Health:
    """A machine's answers. Times are seconds, sizes are bytes.

    `stages` are the times that systemd measured (systemd-analyze(1)): firmware, loader, kernel, initrd,
    userspace; where the boot loader has no clock (an emulated processor), firmware is what the console
    told. `marks` are the host's clock from the start to each stage on the console, and "ssh".
    `secure_boot` is the firmware's mode: enabled, disabled or setup. `expected` names answers and what
    each shall be.
    """

    state: str
    failed_units: tuple[str, ...]
    selinux: str
    denials: tuple[Denial, ...]
    cloud_init: str
    cloud_init_errors: tuple[str, ...]
    stages: Mapping[str, float]
    marks: Mapping[str, float]
    memory_used: int
    memory_total: int
    root_size: int
    root_used: int
    disk_size: int
    image_size: int
    kernel: str
    release: str
    loader_entry: str
    secure_boot: str
    packages: tuple[str, ...]
    cpu_seconds: float
    expected: Mapping[str, str] = field(default_factory=lambda: dict(USUAL))

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is not as it shall be; empty for a good machine."""
        found = [
            f"{key} is {getattr(self, key)!r} where {wanted!r} is expected"
            for key, wanted in self.expected.items()
            if getattr(self, key) != wanted
        ]
        if self.failed_units:
            found.append(f"failed units: {', '.join(self.failed_units)}")
        if self.denials and self.expected.get("selinux") == _ENFORCING:
            found.append(f"SELinux denied {sum(one.times for one in self.denials)} times: {self.denials[0]}")
        if self.cloud_init not in ("done", "absent"):
            found.append(f"cloud-init is {self.cloud_init}")
        if self.cloud_init_errors:
            found.append(f"cloud-init: {'; '.join(self.cloud_init_errors)}")
        return tuple(found)

    @property
    def good(self) -> bool:
        """True if there is nothing to complain of."""
        return not self.reasons


def expected_of(profile: Profile, release: str) -> dict[str, str]:
    """Give what a machine shall say whose image has `profile` and is of the release with this name.

    A permissive machine is there to tell what would be denied: its denials are shown, and no complaint.
    """
    return USUAL | {"selinux": profile.selinux.value.capitalize(), "release": release}


def gather(
    door: Door, machine: Machine, marks: Mapping[str, float], limit_s: float = 300, *, after_boot: str = ""
) -> Health:
    """Ask everything in one ssh session, once systemd says that the boot is over.

    Raises NotYet when ssh does not let us in, or only into the boot `after_boot`; OutsideError when the
    answers are not whole.
    """
    words = ["sudo", "-n", "sh", "-s", "--", after_boot]
    answer = door.run(machine, words, script=SCRIPT.read_text("utf-8"), limit_s=limit_s)
    if answer.status == _OLD_BOOT:
        raise NotYet(f"{machine.name} has not rebooted yet")
    found = sections(answer.out)
    if "end" not in found:
        said = answer.err or answer.out[-300:] or "nothing"
        raise OutsideError(
            f"{machine.name} broke off while it was questioned (status {answer.status}): {said}"
        )
    health = read_health(
        found, marks, cpu_seconds=machine.cpu_seconds, image_size=machine.disk.stat().st_size
    )
    return replace(health, expected=machine.expected)


def sections(text: str) -> dict[str, str]:
    """Give what stands below each "@@name" line."""
    found: dict[str, list[str]] = {}
    below: list[str] = []
    for line in text.splitlines():
        if line.startswith("@@"):
            below = found.setdefault(line[2:], [])
        else:
            below.append(line)
    return {name: "\n".join(lines).strip() for name, lines in found.items()}


def read_health(
    found: Mapping[str, str], marks: Mapping[str, float], *, cpu_seconds: float, image_size: int
) -> Health:
    """Make sense of the sections; an answer that is missing becomes an empty or zero one."""
    memory = {
        key: 1024 * int(size) for key, size in re.findall(r"(?m)^(\w+): +(\d+) kB", found.get("memory", ""))
    }
    root = found.get("root", "").split()
    status, errors = read_cloud_init(found.get("cloud-init", ""), found.get("cloud-init-ds", ""))
    return Health(
        state=found.get("state", "").splitlines()[-1] if found.get("state") else "unknown",
        failed_units=tuple(line.split()[0] for line in found.get("failed", "").splitlines() if line.strip()),
        selinux={"1": _ENFORCING, "0": "Permissive"}.get(found.get("selinux", ""), "Disabled"),
        denials=read_denials(found.get("denials", "")),
        cloud_init=status,
        cloud_init_errors=errors,
        stages=_with_firmware(read_stages(found.get("times", "")), marks),
        marks=dict(marks),
        memory_used=memory.get("MemTotal", 0) - memory.get("MemAvailable", 0),
        memory_total=memory.get("MemTotal", 0),
        root_size=int(root[2]) if len(root) == 4 else 0,
        root_used=int(root[3]) if len(root) == 4 else 0,
        disk_size=_disk_size(found.get("disk", ""), root[0] if root else ""),
        image_size=image_size,
        kernel=found.get("kernel", ""),
        release=_value(found.get("release", ""), "PRETTY_NAME"),
        loader_entry=_first(r"(?m)^ *Current Entry: (\S+)", found.get("boot", "")),
        secure_boot=_first(r"(?m)^ *Secure Boot: (\w+)", found.get("boot", "")),
        packages=tuple(sorted(found.get("packages", "").split())),
        cpu_seconds=round(cpu_seconds, 1),
    )


def read_stages(text: str) -> dict[str, float]:
    """Give each stage's seconds, from systemd's own clock marks (org.freedesktop.systemd1(5)).

    Firmware and loader count backwards from the kernel's start: they are distances to it.
    """
    marks = {key: int(value) / 1e6 for key, value in re.findall(r"(\w+)TimestampMonotonic=(\d+)", text)}
    if not marks.get("Userspace"):
        return {}
    stages = {}
    if marks.get("Firmware"):
        stages["firmware"] = marks["Firmware"] - marks.get("Loader", 0.0)
    if marks.get("Loader"):
        stages["loader"] = marks["Loader"]
    initrd = marks.get("InitRD", 0.0)
    stages["kernel"] = initrd or marks["Userspace"]
    if initrd:
        stages["initrd"] = marks["Userspace"] - initrd
    if marks.get("Finish"):
        stages["userspace"] = marks["Finish"] - marks["Userspace"]
    return {name: round(seconds, 2) for name, seconds in stages.items()}


def _with_firmware(stages: Mapping[str, float], marks: Mapping[str, float]) -> dict[str, float]:
    told = marks.get("boot loader", 0.0)
    return ({"firmware": told} if told and "firmware" not in stages else {}) | dict(stages)


def read_denials(text: str) -> tuple[Denial, ...]:
    """Give each denied access once, with its count; one event may stand in the log twice."""
    events: dict[str, Denial] = {}
    for line in text.splitlines():
        if event := _DENIAL.search(line):
            denial = Denial(
                program=event["program"] or "?",
                source=event["source"],
                target=event["target"],
                kind=event["kind"],
                permissions=event["permissions"],
            )
            events[f"{event['serial']} {denial}"] = denial
    counts: dict[Denial, int] = {}
    for denial in events.values():
        counts[denial] = counts.get(denial, 0) + 1
    return tuple(replace(one, times=times) for one, times in counts.items())


def read_cloud_init(status: str, result: str) -> tuple[str, tuple[str, ...]]:
    """Give cloud-init's state (done, running, error, absent) and its errors, recoverable ones included."""
    try:
        stages: dict[str, Any] = json.loads(status)["v1"]
        ended: dict[str, Any] | None = json.loads(result)["v1"] if result else None
    except (ValueError, KeyError, TypeError):
        return "absent", ()
    errors = list(ended.get("errors", ())) if ended else []
    for stage in stages.values():
        if isinstance(stage, dict):
            errors += stage.get("errors", ())
            for level, texts in stage.get("recoverable_errors", {}).items():
                errors += [f"{level}: {text}" for text in texts] if level != "DEPRECATED" else []
    unique = tuple(dict.fromkeys(str(error) for error in errors))
    if ended is None:
        return "running", unique
    return ("error" if ended.get("errors") else "done"), unique


def _disk_size(lsblk: str, root: str) -> int:
    for line in lsblk.splitlines():
        name, size, *_ = line.split()
        if root.startswith(f"/dev/{name}"):
            return int(size)
    return 0


def _value(text: str, key: str) -> str:
    return _first(rf'(?m)^{key}="?([^"\n]*)"?$', text)


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""
