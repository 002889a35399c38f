"""dnsmasq of one network: DHCP for its guests, and DNS."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import kill
from pathlib import Path
from time import monotonic, sleep

from bluejacket.cloud.network import dhcp
from bluejacket.cloud.network.plan import Plan
from bluejacket.cloud.network.programs import Programs, below, inside
from bluejacket.errors import Fault, OutsideError
from bluejacket.machine.process import PROC, Process
from bluejacket.store import replace_text
from bluejacket.store.files import remove_tree

_PROGRAM = "dnsmasq"
_START_S = 20
_DHCP_PORT = ":0043 "  # 67 as /proc/net/udp writes it


class NameServer:
    """The dnsmasq of a namespace, whose files are in `folder`. It outlives the control plane."""

    def __init__(self, programs: Programs, namespace: str, folder: Path) -> None:
        self._programs = programs
        self._namespace = namespace
        self._folder = folder

    def apply(self, plan: Plan, others: Mapping[str, str], resolvers: Sequence[str]) -> None:
        """Have it answer as planned: started, started anew, told to read again, or left alone."""
        self._folder.mkdir(parents=True, exist_ok=True)
        changed = {
            name: self._write(name, text)
            for name, text in (
                (dhcp.CONFIGURATION, dhcp.configuration(plan, others, resolvers)),
                (dhcp.HOSTS, dhcp.hosts(plan)),
                (dhcp.NAMES, dhcp.names(plan)),
            )
        }
        server = self._server()
        if server is None or changed[dhcp.CONFIGURATION]:
            self.stop()
            self._start()
        elif any(changed.values()):
            with suppress(ProcessLookupError):
                kill(server.pid, signal.SIGHUP)

    def stop(self) -> None:
        """End it, and wait until it has let go of its ports."""
        keeper, server = self._keeper(), self._server()
        for one in (keeper, server):
            if one is not None:
                one.kill()
                one.wait(10)
                one.reap()

    def remove(self) -> None:
        """End it and remove its files."""
        self.stop()
        if self._folder.exists():
            remove_tree(self._folder)

    def _start(self) -> None:
        (self._folder / "process").unlink(missing_ok=True)
        words = [_PROGRAM, f"--conf-file={dhcp.FOLDER}/{dhcp.CONFIGURATION}"]
        process = self._programs.start(self._namespace, self._folder, words, dhcp.FOLDER)
        end = monotonic() + _START_S
        while not self._listens():
            if not process.alive or monotonic() > end:
                log = (self._folder / "log").read_text("utf-8", "replace")[-600:].strip()
                process.kill()
                raise OutsideError(
                    Fault(f"dnsmasq of {self._namespace} does not start: {log or 'no output'}")
                )
            sleep(0.01)

    def _listens(self) -> bool:
        found = inside(self._namespace, lambda: (PROC / "thread-self/net/udp").read_text("ascii"))
        return _DHCP_PORT in found

    def _keeper(self) -> Process | None:
        found = Process.kept_in(self._folder)
        return found if found and found.alive else None

    def _server(self) -> Process | None:
        keeper = self._keeper()
        return below(keeper, _PROGRAM) if keeper else None

    def _write(self, name: str, text: str) -> bool:
        """Write a file in place if it is another: whoever has it bound sees it, and reads it when told."""
        file = self._folder / name
        if file.exists() and file.read_text("utf-8") == text:
            return False
        replace_text(file, text)
        return True
