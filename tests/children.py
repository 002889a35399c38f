"""Whose child is whose, while threads come and go."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """Give the children of all threads of a process; those of a thread that ends become another's.

    Raises FileNotFoundError when the process has ended.
    """
    tasks = Path("/proc", str(pid), "task")
    while True:
        threads = list(tasks.iterdir())
        with suppress(FileNotFoundError, ProcessLookupError):
            return [int(child) for task in threads for child in (task / "children").read_text().split()]
