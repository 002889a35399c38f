"""A page of documentation done as it is written: files written, commands run, output compared.

A line `…` stands for any lines, `…` in a line for any text; blanks at the end of a line do not count.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"
BLOCK = re.compile(
    r"(?:Write `(?P<file>[^`]+)`:\n\n)?```(?P<kind>console|toml)\n(?P<text>.*?)```\n", re.DOTALL
)


def tutorial() -> tuple[str, str]:
    """Give the tutorial's half that needs neither a network nor a machine, and the one that does."""
    first, title, second = TUTORIAL.read_text("utf-8").partition("## Build and boot")
    assert title
    return first, second


def prepare(distro: Path, top: Path, state: Path, *left_out: str) -> Mapping[str, str]:
    """Give a checkout as the tutorial finds it, in the folder `top`, and the environment of its commands."""
    shutil.copytree(distro, top / "distro", ignore=shutil.ignore_patterns(*left_out))
    (top / ".venv").symlink_to(Path(sys.executable).parents[1])
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return os.environ | {"BLUEJACKET_STATE": str(state), "PATH": path}


def write_files_and_run(
    text: str, top: Path, env: Mapping[str, str], limit_s: float, *, silent: bool = True
) -> int:
    """Do what a part of a page says in the folder `top`; gives the number of commands.

    Errors and progress belong to the output, and a command without any shows none, if it is to be `silent`;
    else only what a command prints as its result is compared, and it has to succeed.
    """
    done = 0
    for block in BLOCK.finditer(text):
        if block["kind"] == "toml":
            assert block["file"], "say before each file where it is to be written"
            (top / block["file"]).write_text(block["text"], "utf-8")
            continue
        for command, expected in commands(block["text"]):
            ran = subprocess.run(
                ["bash", "-c", command],
                cwd=top,
                env=env,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if silent else subprocess.PIPE,
                timeout=limit_s,
                check=False,
            )
            said = "".join(line.rstrip() + "\n" for line in ran.stdout.splitlines())
            if silent or expected:
                assert re.fullmatch(as_pattern(expected), said), f"{command}\n{said}"
            if not silent:
                assert ran.returncode == 0, f"{command}\n{said}\n{ran.stderr}"
            done += 1
    return done


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
