"""ip, nft and dnsmasq of the tools tree, in the host's network namespace or in a named one."""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import run
from threading import Thread
from typing import Any, TypeVar

from bluejacket.errors import Fault, OutsideError, ToolFailed
from bluejacket.machine import keeper
from bluejacket.machine.process import PROC, Process
from bluejacket.report import SILENT, Report
from bluejacket.tools import Sandbox

NAMESPACES = Path("/run/netns")
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET, setns(2)
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_LIMIT_S = 30
Answer = TypeVar("Answer")


def inside(namespace: str, work: Callable[[], Answer]) -> Answer:
    """Do `work` in a network namespace and give what it gives, or raise what it raises.

    A namespace belongs to a thread (setns(2)): the work has one of its own, which ends with it. Whatever it
    starts, and every socket it opens, stays in the namespace.
    """
    answers: list[Answer] = []
    faults: list[BaseException] = []

    def enter() -> None:
        try:
            handle = os.open(NAMESPACES / namespace, os.O_RDONLY | os.O_CLOEXEC)
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(handle, _NEW_NETWORK):
                    error = ctypes.get_errno()
                    raise OSError(error, os.strerror(error), str(NAMESPACES / namespace))
            finally:
                os.close(handle)
            answers.append(work())
        except BaseException as error:  # carried over to the thread that asked
            faults.append(error)

    thread = Thread(target=enter, name=f"in {namespace}")
    thread.start()
    thread.join()
    if faults:
        raise faults[0]
    return answers[0]


class Programs:
    """The programs of the tools tree `tools`, and the logs of those that stay in `logs`."""

    def __init__(self, tools: Path, logs: Path, report: Report = SILENT) -> None:
        self._tools = tools
        self._box = Sandbox(tools, logs)
        self._report = report

    def line(self, program: str, *words: str) -> list[str]:
        """Give the command line of a program that runs with the tree's own libraries, outside of the sandbox.

        It must see the host's namespaces, and starts in 2 ms instead of 20.
        """
        libraries = str(self._tools / _LIBRARIES)
        loader = f"{libraries}/ld-linux-x86-64.so.2"
        return [loader, "--library-path", libraries, str(self._tools / "usr" / program), *words]

    def entered(self, namespace: str, line: Sequence[str]) -> list[str]:
        """Give the command line that runs another one in a namespace."""
        return self.line("bin/nsenter", f"--net={NAMESPACES / namespace}", "--", *line)

    def ip(self, commands: Sequence[str], namespace: str = "") -> None:
        """Do several commands of ip(8); raises ToolFailed at the first that fails."""
        if commands:
            where = ("-n", namespace) if namespace else ()
            self._run(self.line("sbin/ip", *where, "-batch", "-"), "\n".join([*commands, ""]))

    def ask(self, *words: str, namespace: str = "") -> list[dict[str, Any]]:
        """Give what ip(8) tells as JSON; an empty list when there is no such thing."""
        where = ("-n", namespace) if namespace else ()
        try:
            out = self._run(self.line("sbin/ip", "-j", *where, *words))
        except ToolFailed:
            return []
        return [one for one in json.loads(out or "[]") if one]

    def nft(self, rules: str, namespace: str = "") -> None:
        """Apply rules in one transaction; raises ToolFailed and changes nothing if one is wrong."""
        line = self.line("sbin/nft", "-f", "-")
        self._run(self.entered(namespace, line) if namespace else line, rules)

    def tables(self) -> list[str]:
        """Give the names of the host's nft tables of the family ip."""
        out = json.loads(self._run(self.line("sbin/nft", "-j", "list", "tables", "ip")))
        return [one["table"]["name"] for one in out["nftables"] if "table" in one]

    def start(self, namespace: str, folder: Path, words: Sequence[str], shown: str) -> Process:
        """Start a program in the sandbox and in a namespace; it outlives us.

        It sees `folder`, read-only, as `shown`; there is its record (`process`) and its `log`. Gives its
        keeper, with which it ends.
        """
        line = self._box.argv(words, ro_binds={folder: shown}, network=True)
        kept = [sys.executable, "-I", "-S", keeper.__file__, str(folder), str(folder / "log"), "0", *line]
        quiet = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        write = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        quiet += [(os.POSIX_SPAWN_OPEN, one, str(folder / "log"), write, 0o600) for one in (1, 2)]
        pid = inside(namespace, lambda: os.posix_spawn(kept[0], kept, {}, file_actions=quiet, setsid=True))
        return Process.of(pid)

    def _run(self, line: Sequence[str], text: str = "") -> str:
        done = run(line, input=text, capture_output=True, text=True, env={}, timeout=_LIMIT_S, check=False)
        self._report.detail(f"$ {' '.join(line[3:])}")
        if done.returncode:
            raise ToolFailed(
                f"{Path(line[3]).name} ended with status {done.returncode}: {done.stderr.strip()[:600]}",
                command=line,
                log=None,
                status=done.returncode,
            )
        return done.stdout


def below(process: Process, name: str) -> Process | None:
    """Give the descendant of a process with this name (proc(5), comm), or None."""
    waiting = [process.pid]
    while waiting:
        pid = waiting.pop()
        try:
            if (PROC / str(pid) / "comm").read_text().strip() == name:
                return Process.of(pid)
            for task in (PROC / str(pid) / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (ProcessLookupError, FileNotFoundError):
            continue
    return None


def must_be_root() -> None:
    """Raise OutsideError unless we may make network namespaces."""
    if os.geteuid() != 0:
        raise OutsideError(
            Fault("virtual networks need root: they are network namespaces", "start the cloud as root")
        )
