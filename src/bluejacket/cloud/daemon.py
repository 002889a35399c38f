"""The control plane as a process: one for each state folder, in the background or in front of one.

The process holds the lock `.up` for as long as it lives, so that there is never a second one; its record
tells where it answers. Its log has what was reported, and never a request's content or a secret.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

from bluejacket.errors import BluejacketError, Fault, OutsideError, UserError, without_secrets
from bluejacket.machine.process import Process
from bluejacket.report import SILENT, Bar
from bluejacket.store import locked, replace_text

PORT = 8443
HOST = "127.0.0.1"
START_LIMIT_S = 120.0
END_LIMIT_S = 180.0
LOG = "log"
_PREFIX = "bluejacket: "  # of each sentence that the program says at its end
_MISTAKE = 2  # its exit status when the person has made one
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Daemon:
    """A control plane's process and where it answers. `started` is UTC, ISO 8601."""

    process: Process
    base: str
    started: str

    @classmethod
    def of(cls, state: Path) -> Daemon | None:
        """Give the one that runs on the cloud's folder `state`, or None."""
        try:
            found = json.loads((state / "daemon.json").read_text("utf-8"))
            daemon = cls(Process.from_json(found["process"]), str(found["base"]), str(found["started"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return daemon if daemon.process.alive else None

    def save(self, state: Path) -> None:
        """Write the record, atomically."""
        replace_text(state / "daemon.json", json.dumps(asdict(self), indent=1) + "\n", mode=0o600)

    def answers(self, authority: Path) -> bool:
        """Tell whether it answers, by TLS that the certificate file `authority` vouches for."""
        try:
            context = ssl.create_default_context(cafile=str(authority))
            where = f"{self.base}/metadata/endpoints?api-version=2022-09-01"
            opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
            )
            with opener.open(where, timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError):
            return False

    def stop(self, limit_s: float = END_LIMIT_S) -> None:
        """Have it end in its own way; raises OutsideError when it does not."""
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(self.process.pid)
            try:
                if self.process.alive:
                    signal.pidfd_send_signal(handle, signal.SIGTERM)
            finally:
                os.close(handle)
        if not self.process.wait(limit_s):
            what = f"the cloud's process {self.process.pid} does not end within {limit_s:.0f} s"
            raise OutsideError(Fault(what, f"`kill -9 {self.process.pid}`, then the same command again"))


class LogReport:
    """Tells what happens in lines with the time, without secrets; for a process that nobody watches."""

    def line(self, text: str) -> None:
        """Tell one thing that happened."""
        sys.stderr.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {without_secrets(text)}\n")
        sys.stderr.flush()

    def warn(self, text: str) -> None:
        """Tell one thing that the reader should know."""
        self.line(f"warning: {text}")

    def detail(self, text: str) -> None:
        """Tell nothing: commands' arguments may hold what no log should."""

    @contextmanager
    def bar(self, title: str, total: int | None, unit: str = "") -> Iterator[Bar]:
        """Tell the title alone."""
        self.line(title)
        with SILENT.bar(title, total, unit) as bar:
            yield bar


def spawn(state: Path, command: Sequence[str]) -> Daemon:
    """Start `command`, which runs `serve` on `state`, in the background, and wait until it answers.

    Raises UserError when one runs already or for what the person got wrong, OutsideError with the end of the
    log when it does not come up otherwise.
    """
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    refuse_second(state)
    log = state / LOG
    with log.open("ab") as stream:
        log.chmod(0o600)
        before = log.stat().st_size
        started = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd="/",
            start_new_session=True,
        )
    end = monotonic() + START_LIMIT_S
    while monotonic() < end:
        daemon = Daemon.of(state)
        if daemon and daemon.process.pid == started.pid and daemon.answers(state / "ca" / "ca.pem"):
            return daemon
        if started.poll() is not None:
            break
        sleep(0.1)
    else:
        started.kill()
        started.wait()
    with log.open("rb") as stream:
        stream.seek(before)
        told = stream.read().decode("utf-8", "replace").strip().splitlines()
    raise _failure(started.returncode, told, log)


def _failure(status: int, told: Sequence[str], log: Path) -> BluejacketError:
    """Give what the daemon said at its end as an error of the kind that its exit status tells."""
    sentences = [line.removeprefix(_PREFIX) for line in told if line.startswith(_PREFIX)]
    if status == _MISTAKE and sentences:
        return UserError(*sentences)
    what = "the cloud did not come up"
    last = sentences[-1:] or told[-1:]
    return OutsideError(Fault(": ".join((what, *last)), f"its log is {log}"))


def refuse_second(state: Path) -> None:
    """Raise UserError when a cloud runs on this folder."""
    if (daemon := Daemon.of(state)) is not None:
        what = f"the cloud runs already, at {daemon.base}"
        raise UserError(Fault(what, "`bluejacket cloud status` tells of it, `bluejacket cloud down` ends it"))


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """Hold the lock of the only control plane of a folder; raises UserError when another one has it."""

    def refuse() -> None:
        what = "another process brings the cloud up or down"
        raise UserError(Fault(what, "wait for it; `bluejacket cloud status` tells when it is there"))

    with locked(state / ".up", waiting=refuse):
        yield


def listen(port: int | None, preferred: int = PORT) -> socket.socket:
    """Give a listening socket of the loopback: at `port`, or the first free one from `preferred` on.

    Raises UserError for a port that is taken or may not be had.
    """
    for wanted in [port] if port is not None else [preferred, *range(PORT, PORT + _TRIES)]:
        # Only where the protocol is said does asyncio set TCP_NODELAY; without it small answers take 40 ms.
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, wanted))
            sock.listen(512)
        except OSError as error:
            sock.close()
            if port is not None:
                what = f"port {port} cannot be had: {error.strerror}"
                raise UserError(Fault(what, "choose another one with --port")) from None
            continue
        return sock
    raise OutsideError(Fault(f"no port from {PORT} to {PORT + _TRIES - 1} is free", "choose one with --port"))


def last_port(state: Path) -> int:
    """Give the port that the cloud had the last time: clients have it in their settings."""
    try:
        base = str(json.loads((state / "daemon.json").read_text("utf-8"))["base"])
        return int(base.rpartition(":")[2])
    except (OSError, ValueError, KeyError, TypeError):
        return PORT


def serve(app: Callable[..., object], sock: socket.socket, certificate: bytes, key: bytes) -> None:
    """Answer on a listening socket by TLS until SIGTERM or SIGINT comes."""
    import uvicorn

    with tempfile.TemporaryDirectory(prefix="bluejacket-tls-") as folder:
        files = Path(folder, "certificate"), Path(folder, "key")
        for file, content in zip(files, (certificate, key), strict=True):
            file.touch(mode=0o600)
            file.write_bytes(content)
        config = uvicorn.Config(
            app,
            ssl_certfile=str(files[0]),
            ssl_keyfile=str(files[1]),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
            lifespan="on",
        )
        config.load()  # it reads the files, which need not stay

    class Server(uvicorn.Server):
        """One whose end by a signal is a clean one, after which there is more to do."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.handle_exit, number, None)
            yield

    # What a start has made stays for good: to search through it all lets one request in a hundred wait 70 ms.
    gc.collect()
    gc.freeze()
    asyncio.run(Server(config).serve(sockets=[sock]))
