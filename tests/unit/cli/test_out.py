"""Tables for people, JSON for programs, and progress for both."""

from __future__ import annotations

import dataclasses
import io
import json
import threading
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.cli import progress
from bluejacket.cli.out import Out, plain, size
from bluejacket.cli.progress import LineReport, TerminalReport
from bluejacket.errors import Fault


class Colour(StrEnum):
    RED = "red"


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    size: int
    when: date = date(2026, 11, 1)
    path: Path = Path("/a")
    colours: tuple[Colour, ...] = (Colour.RED,)


def test_a_table_shows_its_columns_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Out().rows([Row("[bold]x[/bold]", 7)], "name", "size", "colours")
    out, err = capsys.readouterr()
    assert "[bold]x[/bold]" in out
    assert [word for word in ("7", "red") if word in out] == ["7", "red"]
    assert "2026" not in out
    assert err == ""


def test_json_has_whole_rows(capsys: pytest.CaptureFixture[str]) -> None:
    Out(as_json=True).rows([Row("x", 7)], "name")
    assert json.loads(capsys.readouterr().out) == [
        {"name": "x", "size": 7, "when": "2026-11-01", "path": "/a", "colours": ["red"]}
    ]


def test_an_empty_table_is_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    Out(as_json=True).rows([], "name")
    assert capsys.readouterr().out == "[]\n"


def test_a_record_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    Out(as_json=True).record(Fault("a", "b"))
    assert json.loads(capsys.readouterr().out) == {"what": "a", "way_out": "b", "place": None}


def test_long_cells_are_not_cut_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    Out().rows([{"name": "x" * 120}], "name")
    assert "x" * 120 in capsys.readouterr().out


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
        max_leaves=10,
    )
)
def test_plain_values_survive_json(value: Any) -> None:
    assert json.loads(json.dumps(plain(value))) == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (200 << 20, "200 MiB"),
        (3 << 30, "3.0 GiB"),
        (5 << 40, "5120 GiB"),
    ],
)
def test_sizes_are_read_easily(count: int, text: str) -> None:
    assert size(count) == text


def test_lines_for_a_log(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: Iterator[float] = iter([0.0, 1.0, 25.0, 26.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(ticks))
    report = LineReport()
    report.detail("not without -v")
    with report.bar("Fetching", 4096, "B") as bar:
        bar.advance(1024)
        bar.advance(1024)
    report.warn("https://me:secret@mirror.example/ is slow")
    assert capsys.readouterr() == (
        "",
        "Fetching: 2.0 KiB of 4.0 KiB (50 %), about 25 s left\nFetching: 2.0 KiB, 26.0 s\n"
        "warning: https://***@mirror.example/ is slow\n",
    )


def test_a_warning_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The lock and the build that follows it warn of the same index."""
    report = LineReport()
    for text in ("the index is old", "the index is old", "another is old"):
        report.warn(text)
    assert capsys.readouterr().err == "warning: the index is old\nwarning: another is old\n"


def test_verbose_lines_show_details(capsys: pytest.CaptureFixture[str]) -> None:
    LineReport(verbose=True).detail("$ true")
    assert capsys.readouterr().err == "  $ true\n"


@pytest.mark.parametrize("kind", [LineReport, TerminalReport])
def test_bars_may_be_moved_from_threads(
    kind: type[LineReport] | type[TerminalReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight threads, each with a bar of its own and one in common; each bar ends with one line."""
    err = io.StringIO()
    monkeypatch.setattr("sys.stderr", err)
    report = kind()

    def work(number: int) -> None:
        with report.bar(f"work {number}", 50) as own:
            for _ in range(50):
                own.advance()
                common.advance()
                own.note(f"[{number}]")
            report.line(f"line {number}")

    with report.bar("in common", 400) as common:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    text = err.getvalue()
    for number in range(8):
        assert f"line {number}" in text
        assert f"work {number}: " in text
    assert "in common: " in text


def test_a_bar_that_fails_does_not_claim_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    report = LineReport()
    with pytest.raises(ValueError, match="odd"), report.bar("Fetching", 2):
        raise ValueError("odd")
    assert capsys.readouterr().err == ""


def test_a_log_tells_now_and_then_what_is_worked_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(progress, "monotonic", lambda: now)
    with LineReport().bar("boot vm", None) as bar:
        for now, stage in ((1.0, "kernel"), (21.0, "systemd"), (30.0, "ssh"), (42.0, "questions")):  # noqa: B007
            bar.note(stage)
    assert capsys.readouterr().err == "boot vm: systemd\nboot vm: questions\nboot vm: 42.0 s\n"
