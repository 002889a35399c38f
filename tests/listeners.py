"""The processes of a cloud, and who of them listens on this host, as the kernel tells it.

Source: proc(5) and proc_pid_net(5), "/proc/net/tcp": states and addresses in hexadecimal, sockets by inode.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from pathlib import Path

_LISTEN, _UNCONNECTED = "0A", "07"  # of TCP and of UDP: both wait for whoever comes
_TABLES = {"tcp": _LISTEN, "tcp6": _LISTEN, "udp": _UNCONNECTED, "udp6": _UNCONNECTED}
Listener = tuple[str, str, int]


def family(process: int, word: str) -> set[int]:
    """Give a process, those whose command line has `word`, and all that these have begun."""
    children: dict[int, list[int]] = {}
    found, waiting = set[int](), [process]
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
            if word.encode() in (folder / "cmdline").read_bytes():
                waiting.append(int(folder.name))
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += children.get(one, [])
    return found


def name_of(process: int) -> str:
    """Give a process's name (proc(5), comm); nothing for one that has just ended."""
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


def line_of(process: int) -> bytes:
    """Give a process's command line, each word ended by a zero byte; nothing for one that has just ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def listening(process: int) -> list[Listener]:
    """Give protocol, address and port of each socket of a process that listens on the host itself.

    What it listens on in another network namespace is in none of the host's own tables.
    """
    own = set[str]()
    for handle in Path(f"/proc/{process}/fd").glob("*"):
        with suppress(OSError):
            own.add(str(handle.readlink()))
    found = []
    for table, state in _TABLES.items():
        for line in Path("/proc/self/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and f"socket:[{fields[9]}]" in own:
                address, _, port = fields[1].partition(":")
                found.append((table, _address(address), int(port, 16)))
    return found


def _address(text: str) -> str:
    """Read an address: words of 32 bits in the processor's own order."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)
