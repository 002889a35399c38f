"""Guests of a virtual network without QEMU: further network namespaces, joined to taps frame by frame."""

from __future__ import annotations

import fcntl
import os
import secrets
import select
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen, run
from threading import Thread

from bluejacket.cloud.network import Tap
from bluejacket.cloud.network.programs import NAMESPACES, Programs, inside
from bluejacket.cloud.network.slot import Slot, remembered

_TUNSETIFF = 0x400454CA
_TAP, _NO_PI = 0x0002, 0x1000  # linux/if_tun.h
_CARD = "eth0"
_LEASE = """#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] && env > "$LEASE"
exit 0
"""


def plugged(device: str) -> int:
    """Open a tap of this thread's namespace as QEMU does."""
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(handle, _TUNSETIFF, struct.pack("16sH", device.encode(), _TAP | _NO_PI))
    return handle


class Guest:
    """A namespace with one card, whose frames go to and come from the tap."""

    def __init__(self, programs: Programs, tools: Path, tap: Tap, folder: Path) -> None:
        self.tap = tap
        self.name = f"bjt-{secrets.token_hex(4)}"
        self._programs = programs
        self._busybox = tools / "usr/bin/busybox"
        self._folder = folder
        programs.ip([f"netns add {self.name}"])
        programs.ip(
            [f"tuntap add dev {_CARD} mode tap", f"link set {_CARD} address {tap.mac}", "link set lo up"],
            self.name,
        )
        self._ends = (
            inside(tap.namespace, lambda: plugged(tap.device)),
            inside(self.name, lambda: plugged(_CARD)),
        )
        self._stop = os.eventfd(0)
        self._thread = Thread(target=self._carry, name=self.name)
        self._thread.start()
        programs.ip([f"link set {_CARD} up"], self.name)

    def _carry(self) -> None:
        near, far = self._ends
        other = {near: far, far: near}
        while True:
            ready, _, _ = select.select([near, far, self._stop], [], [])
            if self._stop in ready:
                return
            for end in ready:
                with suppress(OSError):  # a card that is down takes no frames
                    os.write(other[end], os.read(end, 65536))

    def close(self) -> None:
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        for handle in (*self._ends, self._stop):
            os.close(handle)
        self._programs.ip([f"netns delete {self.name}"])

    def ip(self, *commands: str) -> None:
        self._programs.ip(list(commands), self.name)

    def busybox(self, *words: str, limit_s: float = 15) -> CompletedProcess[str]:
        line = self._programs.entered(self.name, [str(self._busybox), *words])
        return run(line, capture_output=True, text=True, timeout=limit_s, check=False)

    def lease(self) -> dict[str, str]:
        """Ask for an address with a real client and use it; gives what the client was told."""
        script, answer = self._folder / f"{self.name}.sh", self._folder / f"{self.name}.lease"
        script.write_text(_LEASE)
        script.chmod(0o755)
        words = [
            "udhcpc",
            "-i",
            _CARD,
            "-n",
            "-q",
            "-t",
            "5",
            "-T",
            "1",
            "-s",
            str(script),
            "-O",
            "121",
            "-O",
            "245",
        ]
        line = self._programs.entered(self.name, [str(self._busybox), *words])
        done = run(line, capture_output=True, text=True, timeout=20, check=False, env={"LEASE": str(answer)})
        assert answer.exists(), done.stderr
        found = dict(one.split("=", 1) for one in answer.read_text().splitlines() if "=" in one)
        self.use(found["ip"], int(found["mask"]), found["router"])
        return found

    def use(self, address: str, length: int, router: str) -> None:
        self.ip(f"address replace {address}/{length} dev {_CARD}", f"route replace default via {router}")

    def pings(self, address: str, *, source: str = "") -> bool:
        words = ["ping", "-c", "1", "-W", "1", *(["-I", source] if source else []), address]
        return self.busybox(*words).returncode == 0

    def listener(self, kind: socket.SocketKind, port: int) -> socket.socket:
        def opened() -> socket.socket:
            found = socket.socket(socket.AF_INET, kind)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(("0.0.0.0", port))
            if kind == socket.SOCK_STREAM:
                found.listen(8)
            return found

        return inside(self.name, opened)

    def reaches(self, address: str, port: int, limit_s: float = 1) -> bool:
        return inside(self.name, lambda: reaches(address, port, limit_s))

    def says(self, address: str, port: int, limit_s: float = 1) -> bool:
        return inside(self.name, lambda: echoes(address, port, limit_s))

    def start(self, words: Sequence[str]) -> Popen[bytes]:
        return Popen(self._programs.entered(self.name, words), stdout=PIPE, stderr=PIPE)


def reaches(address: str, port: int, limit_s: float = 1) -> bool:
    """Whether a TCP connection is accepted."""
    try:
        with socket.create_connection((address, port), timeout=limit_s):
            return True
    except OSError:
        return False


def echoes(address: str, port: int, limit_s: float = 1) -> bool:
    """Whether a datagram is sent back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(limit_s)
        try:
            sock.connect((address, port))
            sock.send(b"ahoy")
            return sock.recv(64) == b"ahoy"
        except OSError:
            return False


class Echo:
    """Sends every datagram back, until it is closed."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sock.settimeout(0.1)
        self._open = True
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while self._open:
            with suppress(TimeoutError):
                data, sender = self._sock.recvfrom(64)
                self._sock.sendto(data, sender)

    def close(self) -> None:
        self._open = False
        self._thread.join()
        self._sock.close()


def hears(sock: socket.socket, limit_s: float = 0.6) -> bytes | None:
    """Give what comes to a datagram socket in time, or None."""
    sock.settimeout(limit_s)
    try:
        return sock.recv(64)
    except TimeoutError:
        return None


def is_called(sock: socket.socket, limit_s: float = 0.6) -> bool:
    """Whether somebody connects, or has, in time."""
    sock.settimeout(limit_s)
    try:
        sock.accept()[0].close()
    except TimeoutError:
        return False
    return True


@dataclass(frozen=True)
class Traces:
    """What a cloud's networks have on the host."""

    namespaces: tuple[str, ...]
    links: tuple[str, ...]
    tables: tuple[str, ...]
    routes: tuple[str, ...]
    processes: tuple[int, ...]


def traces(programs: Programs, folder: Path) -> Traces:
    """Give what is on the host of the cloud whose networks' folder this is."""
    slot = remembered(folder)
    assert slot is not None
    links = [one["ifname"] for one in programs.ask("link", "show")]
    routes = [one["dst"] for one in programs.ask("-4", "route", "show")]
    mine = str(folder).encode()
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mine in (one / "cmdline").read_bytes():
                found.append(int(one.name))
    return Traces(
        namespaces=tuple(sorted(one.name for one in NAMESPACES.glob(f"{slot.namespaces}*"))),
        links=tuple(sorted(one for one in links if one.startswith(slot.links))),
        tables=tuple(one for one in programs.tables() if one == slot.table),
        routes=tuple(one for one in routes if one != "default" and _within(one, slot)),
        processes=tuple(sorted(found)),
    )


def _within(route: str, slot: Slot) -> bool:
    return IPv4Address(route.split("/")[0]) in slot.transit
