"""The pages of docs/reference/ come from the program; `./test --update` rewrites them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import bluejacket.cli.reference
import bluejacket.definition.reference

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES = {"cli.md": bluejacket.cli.reference.page, "definitions.md": bluejacket.definition.reference.page}


@pytest.mark.parametrize(("name", "page"), PAGES.items(), ids=PAGES)
def test_reference_is_current(name: str, page: Callable[[], str], update: bool) -> None:
    file = REFERENCE / name
    if update:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page(), "utf-8")
    assert file.read_text("utf-8") == page(), "run ./test --update, then read the difference"


def test_every_page_is_generated_or_missing() -> None:
    assert {file.name for file in REFERENCE.iterdir()} == set(PAGES)
