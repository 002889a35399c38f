"""One definition file: read, parsed, validated, with the line of every key at hand."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bluejacket.definition.explain import dotted, needless, true_key, words
from bluejacket.definition.kinds import Kind
from bluejacket.definition.lines import Lines
from bluejacket.definition.table import NAME, PATTERN_WORDS, Table
from bluejacket.errors import Fault, Place, UserError

_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")
_LARGEST = 4 << 20  # bytes; a definition is written by hand


@dataclass(frozen=True, eq=False)
class Document:
    """A file's text, its raw data and the frozen object made of it."""

    file: Path
    kind: Kind
    text: str
    content: Table

    @property
    def stem(self) -> str:
        """The file's name without `.toml`, which names what it holds."""
        return self.file.stem

    def place(self, *key: str | int) -> Place:
        """Give the place of a key, with the line of the nearest table that the text has."""
        return Place(self.file, self._lines.of(key), dotted(key))

    def fault(self, key: Sequence[str | int], what: str, way_out: str = "") -> Fault:
        """Give a fault at a key."""
        return Fault(what, way_out, self.place(*key))

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self.text)


def read(file: Path, kind: Kind) -> Document:
    """Read one file. Raises UserError with every fault in it, each with its line and key."""
    text = _text_of(file)
    data = _named(_tables_of(file, text), kind, file)
    try:
        return Document(file, kind, text, kind.model.model_validate(data))
    except ValidationError as found:
        lines = Lines(text)
        schema = kind.model.model_json_schema()
        faults = []
        for error in found.errors(include_url=False):
            if needless(error):
                continue
            key = true_key(error, data)
            if kind.named and key == (kind.table, kind.named) and error["type"] != "extra_forbidden":
                faults.append(_bad_name(file, kind))
                continue
            faults.append(Fault(*words(error, key, schema, data), Place(file, lines.of(key), dotted(key))))
        raise UserError(*faults) from None


def _text_of(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except OSError as error:
        raise UserError(Fault(f"cannot be read: {error.strerror}", place=Place(file))) from None
    if len(raw) > _LARGEST:
        raise UserError(Fault("is larger than 4 MiB", "is it a definition?", Place(file)))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"is not UTF-8: byte 0x{raw[error.start]:02x}"
        raise UserError(Fault(what, "save the file as UTF-8", Place(file, line))) from None


def _tables_of(file: Path, text: str) -> dict[str, Any]:
    """Parse TOML; arrays become tuples, so that validation can be strict and nothing mutable stays."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        words_ = str(error)
        found = _AT_LINE.search(words_)
        line = int(found[1]) if found else text.count("\n") + 1
        what = f"is not TOML: {_AT_LINE.sub('', words_)}" + (f", column {found[2]}" if found else "")
        raise UserError(Fault(what, "see toml.io for the grammar", Place(file, line))) from None
    except RecursionError:
        raise UserError(Fault("is nested too deeply", place=Place(file))) from None
    return {key: _frozen(value) for key, value in data.items()}


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return value


def _named(data: dict[str, Any], kind: Kind, file: Path) -> dict[str, Any]:
    """Put the file's name into the table that it names."""
    table = data.get(kind.table)
    if not kind.named or not isinstance(table, dict):
        return data
    if kind.named in table:
        line = Lines(_text_of(file)).of((kind.table, kind.named))
        what = f"the file's name already says it: {file.stem}"
        raise UserError(Fault(what, "remove the key", Place(file, line, f"{kind.table}.{kind.named}")))
    return {**data, kind.table: {**table, kind.named: file.stem}}


def _bad_name(file: Path, kind: Kind) -> Fault:
    what = f"the file's name is no {kind.named} for a {kind.name}"
    return Fault(what, PATTERN_WORDS[NAME], Place(file))
