"""A console's log without what only a terminal understands, in pieces that fit together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.page import views

RAW = (
    b"\x1b[!p\x1b]104\x07\x1b[?7h\x1b[1;31mred\x1b[0m\r\n"
    b"\x1b]3008;start=ca;user=root\x1b\\\x1bP+q6E616D65\x1b\\login: \x1b7\x1b(B\x08\tda\xc3\xa9\n"
)
CLEAN = "red\nlogin: \tda\u00e9\n"


class Cloud:
    """A cloud of one console."""

    def __init__(self, console: Path) -> None:
        self.console = console

    def service(self, kind: type[Any]) -> Any:
        assert kind is CloudMachines
        return SimpleNamespace(machine=lambda _: SimpleNamespace(console=self.console))


VM: Any = SimpleNamespace(vm_id="x")


def test_controls_are_left_out(tmp_path: Path) -> None:
    cloud: Any = Cloud(tmp_path / "console.log")
    assert views.log(cloud, VM, None) == ("", 0)
    cloud.console.write_bytes(RAW)
    assert views.log(cloud, VM, None) == (CLEAN, len(RAW))


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_a_log_that_grows_by_bytes_reads_the_same(tmp_path: Path, step: int) -> None:
    cloud: Any = Cloud(tmp_path / "console.log")
    found, at = "", 0
    for end in [*range(0, len(RAW), step), len(RAW)]:
        cloud.console.write_bytes(RAW[:end])
        text, at = views.log(cloud, VM, at)
        found += text
    assert found == CLEAN


def test_a_log_that_begins_anew_is_read_from_its_begin(tmp_path: Path) -> None:
    cloud: Any = Cloud(tmp_path / "console.log")
    cloud.console.write_bytes(b"old and long\n")
    _, at = views.log(cloud, VM, None)
    cloud.console.write_bytes(b"new\n")
    assert views.log(cloud, VM, at) == ("new\n", 4)
