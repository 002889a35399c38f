"""Keep one machine: start its command, stay its parent, and write down how it ended.

    python -I -S keeper.py FOLDER LOG PARENT COMMAND...

A program of its own, standard library only. It exists for three reasons. It writes its own id to
FOLDER/process before it starts anything, so that no machine ever runs without a record. It dies with
the process PARENT, however that ends, unless PARENT is 0; and the command dies with it. And it stays
the parent of a sandbox that ends with its parent, when the command line is long gone.

FOLDER/ended then holds the exit status and the processor time of all that ran.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when `parent` ends (prctl(2)); leave now if it has ended."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def write(file: str, found: dict[str, object]) -> None:
    """Write `found` to `file` as JSON, whole or not at all."""
    with open(f"{file}.part", "w", encoding="utf-8") as part:  # noqa: PTH123 - pathlib doubles the start-up
        json.dump(found, part)
        part.flush()
        os.fsync(part.fileno())
    os.replace(f"{file}.part", file)


def start_time() -> int:
    """Give this process's start in clock ticks since boot (proc(5), field 22 of stat)."""
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123
        text = stat.read()
    return int(text[text.rindex(")") + 2 :].split()[19])


def boot() -> str:
    """Give the id of the running boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123
        return file.read().strip()


def main(folder: str, log: str, parent: str, *command: str) -> int:
    """Run `command` to its end; gives its status."""
    if parent != "0":
        die_with_parent(int(parent))
    me = os.getpid()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    write(f"{folder}/process", {"pid": me, "start": start_time(), "boot": boot()})
    with open(log, "ab") as sink:  # noqa: PTH123
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            preexec_fn=lambda: die_with_parent(me),  # this program has one thread
        )
    status = child.wait()
    # bubblewrap leaves before the first process of its namespace is waited for: that one's time counts too.
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with contextlib.suppress(FileNotFoundError):  # whoever ended the machine may have removed its folder
        write(f"{folder}/ended", {"status": status, "cpu_seconds": used.ru_utime + used.ru_stime})
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
