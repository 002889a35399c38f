"""Running a command and saying what it cost."""

from __future__ import annotations

import compileall
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parents[1] / "src" / "bluejacket"

_STARTER = """
import json, os, sys, time
log, *command = sys.argv[1:]
out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
began = time.perf_counter()
pid = os.posix_spawn(command[0], command, os.environ,
    file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)])
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - began
print(json.dumps([wall, usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status)]))
"""


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of CPU (user and system, all processes that were waited for).

    `peak_mib` is the most memory that was seen, if anyone looked.
    """

    wall_s: float
    cpu_s: float
    status: int
    output: str
    peak_mib: float = 0.0


def write_bytecode() -> None:
    """Compile Bluejacket's modules as its first run does, where the environment forbids that.

    Without it every run would compile them again, which no installed program does.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(SOURCES, quiet=2)


def run(command: Sequence[str], log: Path, watch_s: float = 0.0) -> Cost:
    """Run `command` (its first word is a path) to its end; its output goes to `log` and comes back.

    A small process starts it, so that forking this one with all its libraries is not in the time. With
    `watch_s` its memory is looked at that often, in seconds.
    """
    starter = [sys.executable, "-I", "-S", "-c", _STARTER, str(log), *command]
    with subprocess.Popen(starter, stdout=subprocess.PIPE, text=True) as process:
        peak = _peak_kib(process, watch_s) if watch_s else 0
        told, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, starter)
    wall, cpu, status = json.loads(told)
    return Cost(wall, cpu, status, log.read_text("utf-8", "replace"), peak / 1024)


def memory(command: Sequence[str], log: Path) -> float:
    """Run `command` once more and give the most MiB that it and its children had together.

    Shared pages count once (Pss of proc_pid_smaps(5)), looked at every 5 ms: too dear to be timed.
    """
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        return _peak_kib(process, 0.005) / 1024


def _peak_kib(process: subprocess.Popen[Any], every_s: float) -> int:
    most = 0
    while process.poll() is None:
        most = max(most, sum(map(_pss_kib, _family(process.pid))))
        time.sleep(every_s)
    return most


def _family(pid: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it has just ended
        return [pid]
    return [pid] + [member for child in children for member in _family(child)]


def _pss_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def median(costs: Sequence[Cost]) -> Cost:
    """Give the median of each figure on its own."""
    return Cost(
        statistics.median(c.wall_s for c in costs),
        statistics.median(c.cpu_s for c in costs),
        max(c.status for c in costs),
        "",
    )
