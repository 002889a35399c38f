"""Processes named so that a recycled process id is never taken for the old one."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its id, its start in clock ticks since boot, and that boot's id."""

    pid: int
    start: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """Name the process that has `pid` now; raises ProcessLookupError if there is none."""
        return cls(pid, int(_stat(pid)[19]), boot_id())

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Process:
        """Read what `keeper.py` wrote; raises KeyError or ValueError if it is not that."""
        return cls(int(found["pid"]), int(found["start"]), str(found["boot"]))

    @classmethod
    def kept_in(cls, folder: Path) -> Process | None:
        """Give the process that `keeper.py` wrote down in `folder`; None where it has not, or not wholly."""
        try:
            return cls.from_json(json.loads((folder / "process").read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def alive(self) -> bool:
        """True while this very process runs; a zombie does not."""
        if self.boot != boot_id():
            return False
        try:
            fields = _stat(self.pid)
        except ProcessLookupError:
            return False
        return int(fields[19]) == self.start and fields[0] not in "ZX"

    def kill(self) -> None:
        """Send SIGKILL to this very process; one that is gone already is fine.

        The pidfd (pidfd_open(2)) is opened first and the start time compared after: from then on
        the descriptor means that process whatever happens to its number.
        """
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)

    def wait(self, limit_s: float) -> bool:
        """Wait until it has ended; false if it still runs after `limit_s` seconds."""
        end = monotonic() + limit_s
        while self.alive:
            if monotonic() > end:
                return False
            sleep(0.05)
        return True

    def reap(self) -> None:
        """Let go of it if it has ended and was a child of ours; anything else is fine too."""
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)

    def cpu_seconds(self) -> float:
        """Give the processor time that it and its living descendants have used, in seconds."""
        if not self.alive:
            return 0.0
        ticks, waiting = 0, [self.pid]
        while waiting:
            pid = waiting.pop()
            try:
                fields = _stat(pid)
                # utime, stime, and those of the children it has waited for (proc(5), 14 to 17).
                ticks += sum(int(field) for field in fields[11:15])
                for task in (PROC / str(pid) / "task").iterdir():
                    waiting += map(int, (task / "children").read_text().split())
            except (ProcessLookupError, FileNotFoundError):
                continue
        return ticks / os.sysconf("SC_CLK_TCK")


def boot_id() -> str:
    """Give the id of the host's running boot (random(4))."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> list[str]:
    """Give the fields of /proc/PID/stat from the third on; the name before them may hold anything."""
    try:
        text = (PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    return text[text.rindex(")") + 2 :].split()
