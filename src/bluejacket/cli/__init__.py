"""The command line: one module a command group, each thin."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

_SAID = b"bluejacket: interrupted before anything was begun\n"


def run() -> NoReturn:
    """Run the program as a process. One interrupted while it loads itself ends as any other does."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # or the caller has SIGINT ignored
        signal.signal(signal.SIGINT, interrupted_early)
    from bluejacket.cli.entry import run

    run()


def interrupted_early(_number: int, _frame: object) -> None:
    """End the process at once: there is nothing yet to put in order."""
    os.write(2, _SAID)
    os._exit(128 + signal.SIGINT)
