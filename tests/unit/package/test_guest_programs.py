"""Programs of ours that run in a machine import nothing that is not there."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = Path(__file__).parents[3] / "distro" / "packages"
# What a program's package requires, beside Python's own library; `compression` is of that since Python 3.14.
THERE = {
    "bluejacket-cloud": {"cloudinit"},
    "bluejacket-patch": {"bluejacket_patch", "compression", "libdnf"},
}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"), str(file))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_programs_of_a_machine_import_what_is_there() -> None:
    files = sorted(PACKAGES.rglob("*.py"))
    assert len(files) > 8
    found = {(file.relative_to(PACKAGES).parts[0], name) for file in files for name in imported(file)}
    assert {one for one in found if one[1] not in sys.stdlib_module_names | THERE.get(one[0], set())} == set()
    assert {name for name, _ in found} >= THERE.keys()
