"""Processes that work side by side, and that end with the one that started them."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait


def worker_pool() -> ProcessPoolExecutor:
    """Give a pool of as many processes as this machine has processors.

    A signal from the terminal (SIGINT) is the starting process's business; when that one dies in
    whatever way, the workers die as well instead of waiting for ever for their next task.
    """
    return ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("forkserver"), initializer=_start)


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the process that made the pool; PR_SET_PDEATHSIG would watch the fork server instead."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)
