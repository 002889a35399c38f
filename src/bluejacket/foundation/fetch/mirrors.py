"""Asking mirrors in turn: the next one on a fault, a further round for faults of the moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from bluejacket.errors import Fault, OutsideError, without_secrets
from bluejacket.foundation.fetch.wanted import Absent, Limits, NotThere, Refused, Stopped, TryAgain
from bluejacket.report import Report

T = TypeVar("T")

_DEAD_AFTER = 3  # faults in a row


class Mirrors:
    """Remembers which hosts failed, so that the next file does not wait for them first."""

    def __init__(self, limits: Limits, report: Report) -> None:
        self._limits = limits
        self._report = report
        self._faults: Counter[str] = Counter()

    def ask(self, name: str, urls: Sequence[str], stop: threading.Event, attempt: Callable[[str], T]) -> T:
        """Give the first good `attempt`.

        Raises NotThere when every mirror says so, else OutsideError with each one's answer;
        Stopped.
        """
        refusals: dict[str, str] = {}
        absent: set[str] = set()
        hopeful = sorted(dict.fromkeys(urls), key=self._is_dead)
        for nth in range(self._limits.tries):
            wait_s = self._pause(nth) if nth else 0.0
            for url in tuple(hopeful):
                if stop.wait(wait_s):
                    raise Stopped
                wait_s = 0.0
                try:
                    result = attempt(url)
                except TryAgain as error:
                    refusals[url] = str(error)
                    wait_s = min(error.wait_s or 0.0, self._limits.longest_backoff_s)
                    self._fail(url, error)
                except Refused as error:
                    refusals[url] = str(error)
                    hopeful.remove(url)
                    if isinstance(error, Absent):
                        absent.add(url)
                    else:
                        self._fail(url, error)
                else:
                    self._faults[_origin(url)] = 0
                    return result
            if not hopeful:
                break
        raise _failure(name, refusals, all_absent=bool(urls) and absent == set(urls))

    def _pause(self, nth: int) -> float:
        return min(self._limits.backoff_s * 2.0 ** (nth - 1), self._limits.longest_backoff_s)

    def _fail(self, url: str, error: Exception) -> None:
        self._faults[_origin(url)] += 1
        self._report.detail(without_secrets(f"{url}: {error}"))

    def _is_dead(self, url: str) -> bool:
        return self._faults[_origin(url)] >= _DEAD_AFTER


def _origin(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def _failure(name: str, refusals: dict[str, str], all_absent: bool) -> OutsideError:
    if not refusals:
        return OutsideError(Fault(f"{name}: no mirror is known for it"))
    told = [f"{url}: {why}" for url, why in refusals.items()]
    if len(told) == 1:
        text = f"{name} could not be fetched: {told[0]}"
    else:
        text = "\n  ".join([f"{name}: none of {len(told)} mirrors gave it:", *told])
    return (NotThere if all_absent else OutsideError)(Fault(text))
