"""How long work tells what it is doing, without knowing who listens.

The rooms take a `Report`; the command line gives one that draws bars on a terminal and plain
lines elsewhere. Tests and libraries use `SILENT`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Bar(Protocol):
    """One piece of long work under way."""

    def advance(self, amount: int = 1) -> None:
        """Say that `amount` more units are done."""

    def note(self, text: str) -> None:
        """Say what is worked on now."""


class Report(Protocol):
    """Where a run tells its progress; safe to call from threads."""

    def line(self, text: str) -> None:
        """Tell one thing that happened."""

    def warn(self, text: str) -> None:
        """Tell one thing that the reader should know although the run goes on."""

    def detail(self, text: str) -> None:
        """Tell what only `-v` shows, such as the commands run."""

    def bar(self, title: str, total: int | None, unit: str = "") -> AbstractContextManager[Bar]:
        """Open a bar of `total` units (`unit` "B" means bytes); None when the total is unknown."""


class _SilentBar:
    def advance(self, amount: int = 1) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class _Silent:
    def line(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        pass

    def detail(self, text: str) -> None:
        pass

    @contextmanager
    def bar(self, title: str, total: int | None, unit: str = "") -> Iterator[Bar]:
        yield _SilentBar()


SILENT: Report = _Silent()
