"""Limits that a person has written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluejacket.cloud.compute.limits import Limits
from bluejacket.errors import UserError


def test_no_file_means_the_usual_limits(tmp_path: Path) -> None:
    assert Limits.read(tmp_path / "limits.json") == Limits()


def test_what_is_written_down_holds_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    file.write_text('{"provision_s": 2.5, "cores": 8}')
    assert Limits.read(file) == Limits(provision_s=2.5, cores=8)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"core": 1}', '{"cores": 0}', '{"cores": true}', '{"cores": 1.5}', '{"cores": "1"}']
)
def test_what_is_no_limit_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "limits.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"limits\.json"):
        Limits.read(file)
