"""The reference page of the command line, from the same declarations as `--help`."""

from __future__ import annotations

import re

from bluejacket.cli.app import app
from bluejacket.cli.entry import DONE, FAILED, INTERRUPTED, MISTAKE, NOBODY_READS, TERMINATED

_STATUSES = {
    DONE: "done",
    FAILED: "something outside failed (a mirror, a disk, a program), or a bug of ours",
    MISTAKE: "your mistake: an argument, a definition, a missing right",
    INTERRUPTED: "interrupted (SIGINT)",
    NOBODY_READS: "nobody reads the output any more",
    TERMINATED: "terminated (SIGTERM)",
}
_GLOBAL = re.compile(r"\n\*\*Global options\*\*:\n\n(?:\* .*\n)+")
_STARTER = re.compile(r"(?<=[a-z]) -m \S+(?= |$)", re.MULTILINE)  # how this very process was started
_CONTENTS = re.compile(r"## Table of Contents\n\n(?: *- .*\n)+\n")


def page() -> str:
    """Give the page as Markdown."""
    text = app.generate_docs(output_format="markdown").replace("\\[", "[")
    text = _STARTER.sub("", text)
    text = _CONTENTS.sub("", text.rstrip() + "\n")
    options = _GLOBAL.search(text)
    assert options is not None, "the app has global options"
    text = text[: options.end()] + _GLOBAL.sub("", text[options.end() :])
    statuses = "".join(f"* `{status}`: {meaning}\n" for status, meaning in sorted(_STATUSES.items()))
    environment = (
        "* `BLUEJACKET_DISTRO`: the folder of `--distro`\n"
        "* `BLUEJACKET_STATE`: the folder of `--state`; else `$XDG_STATE_HOME/bluejacket`\n"
    )
    extra = f"\n**Exit status**:\n\n{statuses}\n**Environment**:\n\n{environment}"
    note = "This page is generated from the program.\n\n"
    title, _, rest = text.partition("\n\n")
    text = f"{title}\n\n{note}{rest}"
    at = text.index(options.group()) + len(options.group())
    return text[:at] + extra + text[at:].rstrip() + "\n"
