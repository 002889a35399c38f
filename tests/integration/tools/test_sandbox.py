"""The sandbox: what a program says, and the line that runs it again."""

from __future__ import annotations

import shlex
from subprocess import run

import pytest

from bluejacket.errors import ToolFailed
from bluejacket.tools import Sandbox

PROGRAM = """for word in "$@"; do
    printf '%s\\n' "$word"
done
"""


@pytest.mark.parametrize("words", [("one", "two\nthree"), ("\n", "it's\n'$'\n"), ("$ four",)])
def test_the_output_is_the_programs_alone(sandbox: Sandbox, words: tuple[str, ...]) -> None:
    """Nothing of the command is in it, whatever line breaks and quotes the command has."""
    command = ["bash", "-c", PROGRAM, "say", *words]
    assert sandbox.output(command, name="say") == "".join(f"{word}\n" for word in words)


def test_the_log_begins_with_the_line_that_runs_the_command_again(sandbox: Sandbox) -> None:
    log = sandbox.run(["bash", "-c", PROGRAM, "say", "it's\nodd"], name="say")
    line, _, output = log.read_text("utf-8").partition("\n")
    assert output == "it's\nodd\n"
    again = run(["bash", "-c", line.removeprefix("$ ")], capture_output=True, text=True, check=True)
    assert again.stdout == output


def test_a_failure_shows_the_last_lines_and_no_command(sandbox: Sandbox) -> None:
    with pytest.raises(ToolFailed) as caught:
        sandbox.run(["bash", "-c", "echo reason\nexit 3"], name="fail")
    assert caught.value.status == 3
    (fault,) = caught.value.faults
    assert fault.what == "bash ended with status 3: reason"
    assert shlex.quote("echo reason\nexit 3") in shlex.join(caught.value.command)
