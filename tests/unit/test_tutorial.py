"""The tutorial's first half, done as it is written. What needs a network or a machine is another test's."""

from __future__ import annotations

import re
from pathlib import Path

from walkthrough import TUTORIAL, prepare, tutorial, write_files_and_run


def test_the_tutorial_does_what_it_says(tmp_path: Path, distro: Path) -> None:
    env = prepare(distro, tmp_path, tmp_path / "state", "locks")
    assert write_files_and_run(tutorial()[0], tmp_path, env, 60) >= 8


def test_links_lead_somewhere() -> None:
    top = TUTORIAL.parents[1]
    pages = [top / "README.md", *(top / "docs").rglob("*.md")]
    assert len(pages) > 6
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), (page, target)
