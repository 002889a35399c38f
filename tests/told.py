"""A report that keeps what it was told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class ToldBar:
    title: str
    total: int | None
    unit: str
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def advance(self, amount: int = 1) -> None:
        with self.lock:
            self.done += amount

    def note(self, text: str) -> None:
        pass


@dataclass
class Told:
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    bars: list[ToldBar] = field(default_factory=list)

    def line(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def detail(self, text: str) -> None:
        self.details.append(text)

    @contextmanager
    def bar(self, title: str, total: int | None, unit: str = "") -> Iterator[ToldBar]:
        self.bars.append(ToldBar(title, total, unit))
        yield self.bars[-1]

    @property
    def text(self) -> str:
        return "\n".join(self.lines + self.warnings + self.details)
