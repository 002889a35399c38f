"""The tutorial's first half, done as it is written: files written, commands run, output compared.

A line `…` stands for any lines, `…` in a line for any text; blanks at the end of a line do not count. What
needs a network or a machine stands below "## Build and boot" and is not run here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(
    r"(?:Write `(?P<file>[^`]+)`:\n\n)?```(?P<kind>console|toml)\n(?P<text>.*?)```\n", re.DOTALL
)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Give each command of a console block with the output below it."""
    for part in re.split(r"(?m)^\$ ", block)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def as_pattern(output: str) -> str:
    """Give the regular expression that a documented output stands for."""
    pattern = ""
    for line in output.splitlines():
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += r".*?".join(map(re.escape, line.rstrip().split("…"))) + "\n"
    return pattern


def test_the_tutorial_does_what_it_says(tmp_path: Path, distro: Path) -> None:
    shutil.copytree(distro, tmp_path / "distro", ignore=shutil.ignore_patterns("locks"))
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    env = os.environ | {
        "BLUEJACKET_STATE": str(tmp_path / "state"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = 0
    first_half = TUTORIAL.read_text("utf-8").partition("## Build and boot")[0]
    for block in BLOCK.finditer(first_half):
        if block["kind"] == "toml":
            assert block["file"], "say before each file where it is to be written"
            (tmp_path / block["file"]).write_text(block["text"], "utf-8")
            continue
        for command, expected in commands(block["text"]):
            ran = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=env,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=60,
                check=False,
            )
            said = "".join(line.rstrip() + "\n" for line in ran.stdout.splitlines())
            assert re.fullmatch(as_pattern(expected), said), f"{command}\n{said}"
            done += 1
    assert done >= 8


def test_links_lead_somewhere() -> None:
    top = TUTORIAL.parents[1]
    pages = [top / "README.md", *(top / "docs").rglob("*.md")]
    assert len(pages) > 6
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), (page, target)
