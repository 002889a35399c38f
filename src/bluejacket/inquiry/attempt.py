"""Making one check, whatever comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bluejacket.errors import OutsideError
from bluejacket.inquiry.answer import Check, Outcome
from bluejacket.inquiry.trust import CannotTell

_SHOWN = 3


def attempt(what: str, work: Callable[..., str], *given: object) -> Check:
    """Make one check: `work(*given)` gives why it is fine, raises CannotTell, or raises what is wrong."""
    try:
        return Check(what, Outcome.OK, work(*given))
    except CannotTell as reason:
        return Check(what, Outcome.NOT_POSSIBLE, str(reason))
    except FileNotFoundError as error:
        return Check(what, Outcome.NOT_POSSIBLE, f"{error.filename} is not there")
    except (OutsideError, OSError, ValueError) as error:
        return Check(what, Outcome.FAILED, str(error))


def shown(names: Sequence[str]) -> str:
    """Give some of many names."""
    names = sorted(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
