"""QEMU's control socket, one short conversation at a time."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qemu.qmp import ConnectError, QMPClient, QMPError
from qemu.qmp.qmp_client import GreetingError, NegotiationError

from bluejacket.errors import OutsideError
from bluejacket.machine.launch import QMP

# What it would say on standard error is in the errors raised here.
logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())

_TRIES, _PAUSE_S = 50, 0.02


def execute(
    folder: Path, command: str, arguments: Mapping[str, Any] | None = None, limit_s: float = 20
) -> object:
    """Run one QMP command on the machine in `folder`, and give its answer.

    Raises OutsideError when QEMU does not answer within `limit_s` seconds, or refuses.
    """
    try:
        with reachable(folder / QMP) as address:
            return asyncio.run(asyncio.wait_for(_converse(address, command, dict(arguments or {})), limit_s))
    except (OSError, EOFError, TimeoutError, QMPError) as error:
        text = str(error).strip() or type(error).__name__
        raise OutsideError(f"QEMU's control socket {folder / QMP} does not do {command}: {text}") from error


@contextmanager
def reachable(socket: Path) -> Iterator[str]:
    """Give an address of `socket` that fits the 108 bytes of unix(7), however deep its folder lies."""
    handle = os.open(socket.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{socket.name}"
    finally:
        os.close(handle)


async def _converse(address: str, command: str, arguments: dict[str, Any]) -> object:
    client = await _connected(address)
    try:
        return await client.execute(command, arguments)
    finally:
        await client.disconnect()


async def _connected(address: str) -> QMPClient:
    """Connect, again when an event of QEMU's came where its greeting or its first answer is due.

    A job of another client may end while a connection begins: QEMU then tells of it before the greeting or
    between the command that begins the session and its answer. No command was sent yet.
    """
    tries = 1
    while True:
        client = QMPClient("bluejacket")
        try:
            await client.connect(address)
            return client
        except ConnectError as error:
            if tries == _TRIES or not isinstance(error.exc, GreetingError | NegotiationError):
                raise
        tries += 1
        await asyncio.sleep(_PAUSE_S)
