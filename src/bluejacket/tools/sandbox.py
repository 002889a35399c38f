"""Foreign programs run here: from the tools tree, with bubblewrap, without network, with a log."""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired

from bluejacket.errors import Fault, OutsideError, ToolFailed
from bluejacket.report import SILENT, Report
from bluejacket.store.files import disk_faults

_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_LOADER = f"{_LIBRARIES}/ld-linux-x86-64.so.2"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
_TAIL = 12  # lines of a failed program's output that the error shows


class Sandbox:
    """Runs programs of the tools tree `tools`, with their output below `logs`.

    A program sees the tools tree read-only, fresh /tmp, /run, /var/tmp and /dev, the folders that are
    bound for it, no network unless asked, and a clean environment. It has its own process
    namespace: nothing of it outlives the call (bwrap(1), --unshare-pid and --die-with-parent).
    `tools` may be what gives the tree, which is asked when the first program wants it.
    """

    _serial = count(1)

    def __init__(self, tools: Path | Callable[[], Path], logs: Path, report: Report = SILENT) -> None:
        self._tools = tools
        self.logs = logs
        self._report = report

    @property
    def tools(self) -> Path:
        """The folder of the tools tree."""
        if not isinstance(self._tools, Path):
            self._tools = self._tools()
        return self._tools

    def argv(
        self,
        command: Sequence[str],
        *,
        binds: Mapping[Path, str] | None = None,
        ro_binds: Mapping[Path, str] | None = None,
        network: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: str = "/tmp",
        devices: Sequence[str] = (),
        root: Path | None = None,
        chroots: Sequence[str] = (),
        own_session: bool = True,
    ) -> list[str]:
        """Give the whole command line that runs `command` in the sandbox.

        `chroots` are folders inside that programs change their root to: /proc and /dev are there too.

        `binds` and `ro_binds` map folders or files of the host to their place inside; `devices` are
        device nodes of the host, such as /dev/kvm; `root` is another tree to run in, writable,
        instead of the tools tree. bubblewrap starts through the tools tree's own dynamic loader,
        so that the host needs neither bubblewrap nor a recent libc.
        """
        tools = self.tools
        line = [
            str(tools / _LOADER),
            "--library-path",
            str(tools / _LIBRARIES),
            str(tools / "usr/bin/bwrap"),
            *("--bind" if root else "--ro-bind", str(root or tools), "/"),
            *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent"),
            *("--hostname", "bluejacket", "--proc", "/proc", "--dev", "/dev"),
            *("--perms", "1777", "--tmpfs", "/tmp", "--tmpfs", "/run"),
            *("--cap-add", "ALL"),
        ]
        if root is None:
            line += ["--perms", "1777", "--tmpfs", "/var/tmp"]
        if own_session:
            line.append("--new-session")
        if not network:
            line.append("--unshare-net")
        for device in devices:
            line += ["--dev-bind", device, device]
        for host, inside in (ro_binds or {}).items():
            line += ["--ro-bind", str(host), inside]
        for host, inside in (binds or {}).items():
            line += ["--bind", str(host), inside]
        for chroot in chroots:
            line += ["--proc", f"{chroot}/proc", "--dev", f"{chroot}/dev"]
        line += ["--clearenv"]
        for name, value in _environment(env).items():
            line += ["--setenv", name, value]
        return [*line, "--chdir", cwd, "--", *command]

    def run(
        self,
        command: Sequence[str],
        *,
        name: str,
        binds: Mapping[Path, str] | None = None,
        ro_binds: Mapping[Path, str] | None = None,
        network: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: str = "/tmp",
        root: Path | None = None,
        chroots: Sequence[str] = (),
        limit_s: float = 1800,
        statuses: Sequence[int] = (0,),
    ) -> Path:
        """Run `command` to its end; gives the log, which holds both of its streams.

        Raises ToolFailed for an exit status that is not among `statuses`, and when the program
        still runs after `limit_s` seconds.
        """
        line = self.argv(
            command,
            binds=binds,
            ro_binds=ro_binds,
            network=network,
            env=env,
            cwd=cwd,
            root=root,
            chroots=chroots,
        )
        log = self._log(name)
        self._report.detail(f"$ {shlex.join(command)}  # {log}")
        with disk_faults(log), log.open("wb") as sink:
            sink.write(f"$ {_in_one_line(line)}\n".encode())
            sink.flush()
            try:
                child = Popen(
                    line, stdin=DEVNULL, stdout=sink, stderr=STDOUT, env={}, process_group=0, umask=0o022
                )
            except FileNotFoundError as error:
                raise OutsideError(
                    Fault(
                        f"the tools tree {self.tools} is not whole: {error}",
                        "`bluejacket store gc` and build again",
                    )
                ) from error
            try:
                status = _status_of(child, limit_s)
            except TimeoutExpired:
                raise ToolFailed(
                    f"{command[0]} still ran after {limit_s:g} s and was ended", command=line, log=log
                ) from None
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
        if status not in statuses:
            raise ToolFailed(
                f"{command[0]} ended with status {status}: {_last_lines(log)}",
                command=line,
                log=log,
                status=status,
            )
        return log

    def output(self, command: Sequence[str], *, name: str, **options: object) -> str:
        """Run `command` as `run` does, and give its output (both streams)."""
        log = self.run(command, name=name, **options)  # type: ignore[arg-type]
        return log.read_bytes().split(b"\n", 1)[1].decode("utf-8", "replace")

    def _log(self, name: str) -> Path:
        with disk_faults(self.logs):
            self.logs.mkdir(parents=True, exist_ok=True)
        plain = re.sub(r"[^A-Za-z0-9._+-]", "_", name)[:80]
        return self.logs / f"{plain}-{os.getpid()}-{next(self._serial)}.log"


def _in_one_line(command: Sequence[str]) -> str:
    """Give `command` as a shell takes it, in one line: a line break stands as $'\\n' between quoted parts."""
    return shlex.join(command).replace("\n", "'$'\\n''")


def _status_of(child: Popen[bytes], limit_s: float) -> int:
    """Wait for a child's end; raises TimeoutExpired. Popen.wait with a limit looks only every 50 ms."""
    handle = os.pidfd_open(child.pid)
    ended = select.poll()
    ended.register(handle, select.POLLIN)
    try:
        if not ended.poll(limit_s * 1000):
            raise TimeoutExpired(child.args, limit_s)
    finally:
        os.close(handle)
    return child.wait()


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    basic = {
        "PATH": _PATH,
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
    }
    return basic | dict(extra or {})


def _last_lines(log: Path) -> str:
    lines = log.read_bytes()[-4096:].decode("utf-8", "replace").splitlines()[-_TAIL:]
    return " | ".join(line.strip() for line in lines if line.strip() and not line.startswith("$ "))
