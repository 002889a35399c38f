"""What commands print: data on stdout, everything else on stderr."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from bluejacket.errors import without_secrets

if TYPE_CHECKING:
    from rich.console import Console


@dataclasses.dataclass(frozen=True, slots=True)
class Out:
    """Where data goes. `as_json` turns every table into one JSON value."""

    as_json: bool = False

    def rows(self, rows: Iterable[Any], *columns: str, title: str = "") -> None:
        """Print a table of `columns`, or with `--json` an array of whole rows; an empty one is `[]`."""
        plain_rows = [plain(row) for row in rows]
        if self.as_json:
            self.json(plain_rows)
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            numbers = bool(plain_rows) and all(_is_number(row.get(column)) for row in plain_rows)
            table.add_column(
                column.replace("_", " "), justify="right" if numbers else "left", overflow="fold"
            )
        for row in plain_rows:
            table.add_row(*(Text(cell(row.get(column))) for column in columns))
        console(sys.stdout).print(table)

    def record(self, record: Any, *keys: str, title: str = "") -> None:
        """Print one thing, a line a key (all keys if none is named), or with `--json` an object."""
        values = plain(record)
        if self.as_json:
            self.json(values)
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(
            title=title or None, title_justify="left", box=box.SIMPLE, show_header=False, pad_edge=False
        )
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for key in keys or tuple(values):
            table.add_row(Text(key.replace("_", " ")), Text(cell(values.get(key))))
        console(sys.stdout).print(table)

    def json(self, value: Any) -> None:
        """Print a JSON value, whatever the flag says."""
        self.text(json.dumps(plain(value), indent=2, ensure_ascii=False))

    def text(self, text: str) -> None:
        """Print text as it is."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")


def say(text: str) -> None:
    """Tell something on stderr, without secrets."""
    sys.stderr.write(without_secrets(text) + "\n")


def console(stream: Any) -> Console:
    """Give a console on a stream; in a pipe it does not cut lines to a terminal's width."""
    from rich.console import Console

    return Console(file=stream, highlight=False, width=None if stream.isatty() else 160, soft_wrap=False)


def plain(value: Any) -> Any:
    """Give a value as JSON knows it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (date, PurePath)):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(inner) for inner in value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(inner) for inner in value]
    return value


def cell(value: Any) -> str:
    """Give a plain value as a cell's text."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list):
        return ", ".join(map(cell, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key}={cell(inner)}" for key, inner in value.items()) or "-"
    return str(value)


def size(count: int) -> str:
    """Give a number of bytes as people read it, in binary units."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
