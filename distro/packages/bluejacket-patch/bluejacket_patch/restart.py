"""Services that still run from files that an update has replaced."""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

PID_1 = "init.scope"
# What others hang on, what somebody is logged in through, and what this program runs in.
UNSAFE = (
    "dbus.service",
    "dbus-broker.service",
    "systemd-logind.service",
    "cloud-*.service",
    "getty@*.service",
    "serial-getty@*.service",
    "user@*.service",
    "bluejacket-patch.service",
)
_MAPPED = re.compile(r"^\S+ ..x. \S+ \S+ [1-9]\d*\s+(/\S.*) \(deleted\)$", re.MULTILINE)
_NO_PROGRAM = ("/memfd:", "/dev/", "/SYSV", "/tmp/", "/var/tmp/", "/run/", "/proc/")


@dataclass
class Restarts:
    """What was done. `left` and `failed` say why, by unit or process."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


def replaced(maps: str) -> list[str]:
    """Give the programs and libraries in a process's map whose files are gone (proc_pid_maps(5))."""
    return sorted({path for path in _MAPPED.findall(maps) if not path.startswith(_NO_PROGRAM)})


def unit_of(cgroup: str) -> str:
    """Give the innermost unit of a process by its control group, sessions' scopes included."""
    path = cgroup.strip().rpartition("::")[2]
    units = [part for part in path.split("/") if part.endswith((".service", ".scope", ".socket"))]
    if "user.slice" in path.split("/"):
        # Below a person's own manager, that is what counts: it is not ours to restart.
        return next((unit for unit in units if unit.startswith(("user@", "session-"))), "")
    return units[-1] if units else ""


def users_of_replaced(proc: Path = Path("/proc")) -> dict[str, list[str]]:
    """Give the replaced files in use, by unit; a process in none is told as `process PID`."""
    found: dict[str, set[str]] = {}
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            files = replaced((folder / "maps").read_text("utf-8", "replace"))
            unit = unit_of((folder / "cgroup").read_text("utf-8")) if files else ""
        except OSError:  # it has ended
            continue
        if files:
            found.setdefault(unit or f"process {folder.name}", set()).update(files)
    return {unit: sorted(files) for unit, files in sorted(found.items())}


def reason_to_leave(unit: str, keep: Iterable[str]) -> str:
    """Say why a unit is not restarted; empty if it is."""
    if any(fnmatch(unit, pattern) for pattern in keep):
        return "the policy keeps it running"
    if unit.endswith(".scope") or unit.startswith("process "):
        return "it belongs to a login or was started by hand"
    return "not safe to restart while the system runs" if any(fnmatch(unit, one) for one in UNSAFE) else ""


def restart(in_use: Iterable[str], keep: Iterable[str]) -> Restarts:
    """Restart the units that may be, PID 1 by executing itself anew."""
    result, keep = Restarts(), tuple(keep)
    for unit in in_use:
        if unit == PID_1:
            words = ["systemctl", "daemon-reexec"]
        elif reason := reason_to_leave(unit, keep):
            result.left[unit] = reason
            continue
        else:
            words = ["systemctl", "try-restart", unit]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        if ended.returncode:
            result.failed[unit] = ended.stderr.strip()[-300:]
        else:
            result.done.append(unit)
    return result
