"""What can go wrong, and whose doing it is.

    BluejacketError
    ├── UserError      the person's mistake: exit status 2
    └── OutsideError   a mirror, a disk or a foreign program failed: exit status 1
        └── ToolFailed   a sandboxed program ended badly; its log is kept

Everything else that reaches the command line is a bug of ours (status 1 as well).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """Where a fault stands: a file, a 1-based line and a dotted key, as far as they are known."""

    file: Path | str
    line: int | None = None
    key: str = ""

    def __str__(self) -> str:
        text = str(self.file)
        if self.line is not None:
            text += f":{self.line}"
        if self.key:
            text += f": {self.key}"
        return text


class Fault(NamedTuple):
    """One thing that is wrong, and what the reader can do about it."""

    what: str
    way_out: str = ""
    place: Place | None = None

    def __str__(self) -> str:
        text = f"{self.place}: {self.what}" if self.place else self.what
        return f"{text} ({self.way_out})" if self.way_out else text


class BluejacketError(Exception):
    """An expected failure, told in one clear sentence a fault."""

    def __init__(self, *faults: Fault | str) -> None:
        self.faults = tuple(f if isinstance(f, Fault) else Fault(f) for f in faults)
        super().__init__("\n".join(without_secrets(str(f)) for f in self.faults))


class UserError(BluejacketError):
    """The person's mistake: a definition, an argument, a missing right."""


class OutsideError(BluejacketError):
    """The world's failure: neither the person's mistake nor a bug of ours."""


class ToolFailed(OutsideError):
    """A sandboxed program failed.

    `log` is the kept output, `command` the line that replays the run, `status` its exit status
    (negative for a signal, as in `subprocess`).
    """

    def __init__(
        self, what: str, *, command: Sequence[str], log: Path | None, status: int | None = None
    ) -> None:
        self.command = tuple(command)
        self.log = log
        self.status = status
        super().__init__(Fault(what, f"its output is in {log}" if log else ""))


# RFC 3986 section 3.2.1: userinfo ends at the last "@" of the authority.
_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s?#]*@")
_SIGNED_QUERY = re.compile(r"(?P<name>[?&](?:sig|token|password|key|signature|access_token)=)[^&\s]+", re.I)


def without_secrets(text: str) -> str:
    """Give `text` with the login of every URL, and every secret of a query string, blotted out."""
    text = _USERINFO.sub(r"\g<scheme>***@", text)
    return _SIGNED_QUERY.sub(r"\g<name>***", text)
