"""A network made for a test: a namespace with the platform's addresses, and a guest's without a machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.network.programs import Programs, inside
from guestcloud import ADDRESS

PLATFORM = ("169.254.169.254", "168.63.129.16", "169.254.169.250", "169.254.169.251")


@dataclass
class GuestNet:
    """`name` is the network's namespace, `guest` that of its one guest, whose interface is `nic`."""

    programs: Programs
    nic: ResourceId
    name: str = field(default_factory=lambda: f"bjt{os.getpid()}")
    names: dict[str, str] = field(default_factory=dict)

    @property
    def guest(self) -> str:
        return f"{self.name}g"

    def owner(self, namespace: str, address: str) -> ResourceId | None:
        return self.nic if (namespace, address) == (self.name, ADDRESS) else None

    def listen(self, namespace: str, address: str, port: int) -> socket.socket:
        return inside(namespace, lambda: socket.create_server((address, port)))

    def on_namespace(self, callback: Callable[[str], None]) -> None:
        callback(self.name)

    def host_name(self, name: str, address: str) -> None:
        self.names[name] = address

    def python(
        self, program: str, *words: str, paths: tuple[Path, ...] = (), limit_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a Python program as the guest."""
        line = self.programs.entered(self.guest, [sys.executable, "-c", program, *words])
        env = {"PYTHONPATH": ":".join(map(str, paths)), "PATH": os.environ["PATH"]}
        return subprocess.run(line, env=env, capture_output=True, text=True, timeout=limit_s, check=False)


@contextmanager
def guest_net(tools: Path, logs: Path, nic: ResourceId) -> Iterator[GuestNet]:
    """Make the two namespaces; they are gone after the block."""
    net = GuestNet(Programs(tools, logs), nic)
    try:
        net.programs.ip([f"netns add {net.name}", f"netns add {net.guest}"])
        net.programs.ip(
            [
                "link set lo up",
                *(f"address add {one}/32 dev lo" for one in PLATFORM),
                f"link add t0 type veth peer name eth0 netns {net.guest}",
                "address add 10.1.0.1/24 dev t0",
                "link set t0 up",
            ],
            net.name,
        )
        net.programs.ip(
            [
                "link set lo up",
                f"address add {ADDRESS}/24 dev eth0",
                "address add 10.1.0.66/24 dev eth0",
                "link set eth0 up",
                "route add default via 10.1.0.1",
            ],
            net.guest,
        )
        yield net
    finally:
        for one in (net.guest, net.name):
            net.programs.ip([f"netns delete {one}"])
