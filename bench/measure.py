"""Running a command and saying what it cost.

The command is started by a small process of its own: Linux counts the memory of the process that
forks, this one with all its libraries, as the child's peak.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_STARTER = """
import json, os, sys, time
log, *command = sys.argv[1:]
out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
began = time.perf_counter()
pid = os.posix_spawn(command[0], command, os.environ,
    file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)])
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - began
print(json.dumps([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024,
    os.waitstatus_to_exitcode(status)]))
"""


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, seconds of CPU (user and system), and the largest process in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    status: int
    output: str


def run(command: Sequence[str], log: Path) -> Cost:
    """Run `command` (its first word is a path) to its end; its output goes to `log` and comes back."""
    starter = [sys.executable, "-I", "-S", "-c", _STARTER, str(log), *command]
    told = subprocess.run(starter, capture_output=True, check=True, text=True)
    wall, cpu, peak, status = json.loads(told.stdout)
    return Cost(wall, cpu, peak, status, log.read_text("utf-8", "replace"))


def median(costs: Sequence[Cost]) -> Cost:
    """Give the median of each figure on its own."""
    return Cost(
        statistics.median(c.wall_s for c in costs),
        statistics.median(c.cpu_s for c in costs),
        statistics.median(c.peak_mib for c in costs),
        max(c.status for c in costs),
        "",
    )
