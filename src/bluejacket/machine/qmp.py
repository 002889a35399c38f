"""QEMU's control socket, one short conversation at a time."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qemu.qmp import QMPClient, QMPError

from bluejacket.errors import OutsideError
from bluejacket.machine.launch import QMP

# What it would say on standard error is in the errors raised here.
logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())


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
    client = QMPClient("bluejacket")
    await client.connect(address)
    try:
        return await client.execute(command, arguments)
    finally:
        await client.disconnect()
