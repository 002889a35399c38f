"""How long work is told: bars on a terminal, one line a step elsewhere. Both may be called from threads."""

from __future__ import annotations

import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from bluejacket.cli.out import say, size
from bluejacket.errors import without_secrets
from bluejacket.report import Bar, Report

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_EVERY_S = 20.0  # how often a long step says in a log how far it is


def report_for(verbose: bool) -> Report:
    """Give the report that suits stderr."""
    return TerminalReport(verbose) if sys.stderr.isatty() else LineReport(verbose)


class _Talk(ABC):
    """What both reports say alike."""

    def __init__(self, verbose: bool = False) -> None:
        self._verbose = verbose
        self._lock = threading.Lock()
        self._warned: set[str] = set()

    @abstractmethod
    def line(self, text: str) -> None:
        """Tell one thing that happened."""

    def warn(self, text: str) -> None:
        """Tell one thing that the reader should know although the run goes on; said again, it is not told."""
        with self._lock:
            if text in self._warned:
                return
            self._warned.add(text)
        self.line(f"warning: {text}")

    def detail(self, text: str) -> None:
        """Tell what only `-v` shows."""
        if self._verbose:
            self.line(f"  {text}")


class LineReport(_Talk):
    """Plain lines, for logs and pipes."""

    def line(self, text: str) -> None:
        """Tell one thing that happened."""
        with self._lock:
            say(text)

    @contextmanager
    def bar(self, title: str, total: int | None, unit: str = "") -> Iterator[Bar]:
        """Tell the end of a piece of work, and now and then how far it is."""
        bar = _LineBar(self, title, total, unit)
        yield bar
        bar.finish()


class _LineBar:
    def __init__(self, report: LineReport, title: str, total: int | None, unit: str) -> None:
        self._report, self._title, self._total, self._unit = report, title, total, unit
        self._lock = threading.Lock()
        self._done = 0
        self._started = self._told = monotonic()

    def advance(self, amount: int = 1) -> None:
        with self._lock:
            self._done += amount
            now = monotonic()
            if now - self._told < _EVERY_S:
                return
            self._told = now
            text = f"{self._title}: {self._amount(self._done)}"
            if self._total:
                text += f" of {self._amount(self._total)} ({100 * self._done // self._total} %)"
                left = (now - self._started) * (self._total - self._done) / max(self._done, 1)
                text += f", about {max(left, 0.0):.0f} s left"
        self._report.line(text)

    def note(self, text: str) -> None:
        with self._lock:
            due = monotonic() - self._told >= _EVERY_S
            if due:
                self._told = monotonic()
        if due:
            self._report.line(f"{self._title}: {text}")
        else:
            self._report.detail(f"{self._title}: {text}")

    def finish(self) -> None:
        amount = f"{self._amount(self._done)}, " if self._done else ""
        self._report.line(f"{self._title}: {amount}{monotonic() - self._started:.1f} s")

    def _amount(self, count: int) -> str:
        return size(count) if self._unit == "B" else f"{count} {self._unit}".rstrip()


class TerminalReport(_Talk):
    """Bars that stand below the lines, and go when their work is done."""

    def __init__(self, verbose: bool = False) -> None:
        super().__init__(verbose)
        self._progress: Progress | None = None
        self._open = 0

    def line(self, text: str) -> None:
        """Tell one thing that happened."""
        with self._lock:
            if self._progress is None:
                say(text)
            else:
                self._progress.console.print(without_secrets(text), markup=False, highlight=False)

    @contextmanager
    def bar(self, title: str, total: int | None, unit: str = "") -> Iterator[Bar]:
        """Draw a bar of `total` units while the work goes on."""
        progress = self._opened()
        task = progress.add_task(title, total=total, unit=unit, note="")
        started = monotonic()
        try:
            yield _TerminalBar(progress, task)
            self.line(f"{title}: {monotonic() - started:.1f} s")
        finally:
            progress.remove_task(task)
            self._closed()

    def _opened(self) -> Progress:
        with self._lock:
            if self._progress is None:
                self._progress = _progress()
                self._progress.start()
            self._open += 1
            return self._progress

    def _closed(self) -> None:
        with self._lock:
            self._open -= 1
            if self._open == 0 and self._progress is not None:
                self._progress.stop()
                self._progress = None


class _TerminalBar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, amount: int = 1) -> None:
        self._progress.advance(self._task, amount)

    def note(self, text: str) -> None:
        self._progress.update(self._task, note=without_secrets(text))


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Amount(ProgressColumn):
        """How much is done, in the bar's own unit."""

        def render(self, task: Task) -> Text:
            unit = task.fields["unit"]
            done, total = int(task.completed), task.total
            if unit == "B":
                return Text(size(done) if total is None else f"{size(done)} of {size(int(total))}")
            return Text(
                f"{done} {unit}".rstrip() if total is None else f"{done} of {int(total)} {unit}".rstrip()
            )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        Amount(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True, highlight=False),
        transient=True,
    )
