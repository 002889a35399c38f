"""The program's door: whatever happens inside leaves here as one sentence and an exit status.

0 done, 2 the person's mistake, 1 everything else, 130 and 143 stopped by a signal, 141 nobody reads on.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bluejacket.cli import interrupted_early
from bluejacket.cli.out import say
from bluejacket.errors import OutsideError, UserError, without_secrets
from bluejacket.store.state import state_folder

GARBAGE = 50_000  # objects made and not gone again, after which Python looks for loops among them
DONE, FAILED, MISTAKE, INTERRUPTED, NOBODY_READS, TERMINATED = 0, 1, 2, 130, 141, 143

_WORLD = {
    errno.EACCES: "permission denied",
    errno.EPERM: "not permitted",
    errno.EROFS: "the filesystem is read-only",
    errno.EIO: "the disk fails",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files in the system",
    errno.ENOMEM: "no memory left",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
}


class Terminated(BaseException):
    """SIGTERM came; as a base exception it runs every `finally` on its way here."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program on `argv` (without its name; the process's own by default). Gives the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        return guarded(lambda: _dispatch(words), _state_of(words))
    finally:
        signal.signal(signal.SIGTERM, before)


def run() -> NoReturn:
    """Run the program as a process: its end does not wait for Python to take a solver's memory apart."""
    gc.set_threshold(GARBAGE)  # nearly all that a start makes stays: looking through it every 700 takes 5 %
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # or it looks for some in every package
    status = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads on, or the person closed it
            stream.flush()
    os._exit(status)


def guarded(work: Callable[[], int], state: Path) -> int:
    """Run `work` and turn what it raises into one sentence on stderr and a status."""
    try:
        status = work()
        sys.stdout.flush()
        return status
    except (UserError, OutsideError) as error:
        say("\n".join(f"bluejacket: {line}" for line in str(error).splitlines()))
        return MISTAKE if isinstance(error, UserError) else FAILED
    except KeyboardInterrupt:
        say("bluejacket: interrupted; what was finished is kept, the same command goes on from there")
        return INTERRUPTED
    except Terminated:
        say("bluejacket: terminated; what was finished is kept, the same command goes on from there")
        return TERMINATED
    except BrokenPipeError:
        # Python flushes stdout once more at exit (docs: library/signal, note on SIGPIPE).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except OSError as error:
        if error.errno not in _WORLD:
            return _bug(state)
        name = f": {error.filename}" if error.filename else ""
        say(f"bluejacket: {_WORLD[error.errno]}{name}")
        return FAILED
    except MemoryError:
        say("bluejacket: no memory left")
        return FAILED
    except Exception:
        return _bug(state)


def _dispatch(words: list[str]) -> int:
    if signal.getsignal(signal.SIGINT) is interrupted_early:  # from here on there is
        signal.signal(signal.SIGINT, signal.default_int_handler)
    from cyclopts import CycloptsError

    from bluejacket.cli.app import app

    try:
        result = app.meta(words, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        say(f"bluejacket: {str(error).strip()} (see {_help_of(error)})")
        return MISTAKE
    return result if isinstance(result, int) else DONE


def _help_of(error: object) -> str:
    chain = getattr(error, "command_chain", None) or ()
    return " ".join(("bluejacket", *chain, "--help"))


def _state_of(words: Sequence[str]) -> Path:
    """Give the state's folder even where the arguments could not be parsed."""
    for at, word in enumerate(words):
        if word.startswith("--state="):
            return Path(word.partition("=")[2])
        if word == "--state" and at + 1 < len(words):
            return Path(words[at + 1])
    return state_folder()


def _bug(state: Path) -> int:
    """Keep the traceback and name it. Call it while the exception is handled."""
    text = without_secrets(traceback.format_exc())
    kept = state / "logs" / f"bug-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(f"bluejacket {' '.join(sys.argv[1:])}\n\n{text}", "utf-8")
    except OSError:
        say(text)
        say("bluejacket: this is a bug of ours; please report the lines above")
        return FAILED
    say(f"bluejacket: this is a bug of ours, {text.strip().splitlines()[-1]}; please report {kept}")
    return FAILED


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated
