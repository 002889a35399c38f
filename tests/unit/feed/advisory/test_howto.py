"""docs/how-to/write-an-advisory.md keeps its word: its files load, and its table is what the rule does."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bluejacket.definition import load
from bluejacket.feed.advisory.mentions import fixed_cves

GOOD = Path(__file__).parents[2] / "definition" / "good"
PAGE = (Path(__file__).parents[4] / "docs/how-to/write-an-advisory.md").read_text("utf-8")
FILES = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
ROWS = re.findall(r"^\| (.*`.*) \| (yes|no)\b.* \|$", PAGE, re.M)
CVE = "CVE-2026-1111"


def test_its_files_load(tmp_path: Path) -> None:
    folder = tmp_path / "distro"
    shutil.copytree(GOOD, folder)
    shutil.rmtree(folder / "advisories")
    (folder / "advisories").mkdir()
    for at, text in enumerate(FILES):
        (folder / "advisories" / f"{at}.toml").write_text(text.replace('"BJ', '"HA'))
    assert len(load(folder).release("1").advisories) == len(FILES) == 4


@pytest.mark.parametrize(("phrases", "verdict"), ROWS)
def test_its_table_is_the_rule(phrases: str, verdict: str) -> None:
    text = phrases.split("`")
    if "below it" in phrases:
        entries = [f"- {text[1]}\n  - {text[3]}"]
    else:
        quoted = text[1::2]
        entries = [phrase if CVE in phrase else f"{CVE}: {phrase}" for phrase in quoted]
    for entry in entries:
        assert fixed_cves(entry, 1_790_000_000, "x86_64") == ((CVE,) if verdict == "yes" else ()), entry


def test_the_table_is_found() -> None:
    assert len(ROWS) == 9
