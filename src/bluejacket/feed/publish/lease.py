"""One publisher at a time: a lease that lies at the target itself.

Leases are numbered objects, of which the highest counts. The next one is created only if it is not there
yet, which every kind of target can do atomically; only its owner ever writes it again, to renew it or to
mark it released. So no target needs to compare before it replaces.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace

from bluejacket.errors import Fault, OutsideError
from bluejacket.feed.publish.target import Target
from bluejacket.report import SILENT, Report

FOLDER = ".publishing"
LEASE_S = 60.0
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Held:
    """What a lease says: who has it, since when and until when (seconds since 1970)."""

    owner: str
    token: str
    since: float
    expires: float
    released: bool = False

    def as_bytes(self) -> bytes:
        """Give it as its object holds it."""
        return json.dumps({"format": _FORMAT} | asdict(self)).encode("utf-8")

    def is_over(self, now: float) -> bool:
        """Say whether somebody else may take over."""
        return self.released or self.expires < now


class Lease:
    """A lease that this process has, renewed by a thread until `end`."""

    def __init__(self, target: Target, number: int, held: Held, seconds: float) -> None:
        self._target, self._number, self._held, self._seconds = target, number, held, seconds
        self._good_until = time.monotonic() + seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise OutsideError unless the lease is still this process's; asks the target."""
        self.check_time()
        if _highest(self._target) != self._number:
            raise self._lost()

    def check_time(self) -> None:
        """Raise OutsideError if the lease ran out because it could not be renewed; asks nobody."""
        if time.monotonic() > self._good_until:
            raise self._lost()

    def end(self) -> None:
        """Let the next one in."""
        self._over.set()
        self._thread.join()
        with suppress(OutsideError, OSError):
            if _highest(self._target) == self._number:
                self._write(replace(self._held, released=True))

    def _lost(self) -> OutsideError:
        what = f"the lease of {self._target.url} was lost: another publisher may be at work there"
        return OutsideError(Fault(what, "what was sent is kept: the same command goes on from there"))

    def _renew(self) -> None:
        while not self._over.wait(self._seconds / 4):
            begun = time.monotonic()
            with suppress(OutsideError, OSError):
                if _highest(self._target) != self._number:
                    self._good_until = 0.0
                    return
                self._write(replace(self._held, expires=time.time() + self._seconds))
                self._good_until = begun + self._seconds

    def _write(self, held: Held) -> None:
        self._target.put(_name(self._number), held.as_bytes())


@contextmanager
def leased(
    target: Target, *, wait_s: float, seconds: float = LEASE_S, report: Report = SILENT
) -> Iterator[Lease]:
    """Hold the target's lease, waiting up to `wait_s` seconds for another publisher to end.

    A lease that its owner has not renewed for `seconds` is taken over; the publishers' clocks may differ
    by half of that. Raises OutsideError, which names the owner, when the wait was in vain.
    """
    lease = _acquire(target, wait_s, seconds, report)
    try:
        yield lease
    finally:
        lease.end()


def _acquire(target: Target, wait_s: float, seconds: float, report: Report) -> Lease:
    owner = f"process {os.getpid()} on {socket.gethostname()}"
    token, until, told = secrets.token_hex(8), time.monotonic() + wait_s, False
    while True:
        last = _highest(target)
        current = _read(target, last) if last else None
        now = time.time()
        if current is None or current.is_over(now):
            held = Held(owner, token, now, now + seconds)
            if _create(target, last + 1, held):
                return Lease(target, last + 1, held, seconds)
            continue  # somebody was quicker
        if time.monotonic() >= until:
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(current.since))
            what = f"{current.owner} has been publishing to {target.url} since {since} UTC"
            raise OutsideError(Fault(what, "--wait SECONDS waits for its end"))
        if not told:
            report.line(f"waiting for {current.owner}, which publishes to {target.url}")
            told = True
        time.sleep(min(1.0, seconds / 4))


def _create(target: Target, number: int, held: Held) -> bool:
    """Create the lease of this number; false if another publisher got ahead."""
    if not target.create(_name(number), held.as_bytes()):
        # An answer that was lost on its way makes a client try again, and meet its own object.
        mine = _read(target, number)
        if mine is None or mine.token != held.token:
            return False
    numbers = _numbers(target)
    if numbers[-1:] != [number]:
        target.remove(_name(number))  # created late, below a lease that was taken meanwhile
        return False
    for old in numbers[:-1]:
        target.remove(_name(old))
    return True


def _name(number: int) -> str:
    return f"{FOLDER}/{number:08}.json"


def _numbers(target: Target) -> list[int]:
    names = (path.rpartition("/")[2].removesuffix(".json") for path in target.listing(FOLDER))
    return sorted(int(name) for name in names if name.isdecimal())


def _highest(target: Target) -> int:
    return max(_numbers(target), default=0)


def _read(target: Target, number: int) -> Held | None:
    """Give what a lease says; None for one that is gone. Raises OutsideError for what is no lease."""
    try:
        table = json.loads(target.read(_name(number)))
        if table.pop("format") != _FORMAT:
            raise ValueError("of another version of Bluejacket")
        return Held(**table)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"{target.url}/{_name(number)} is no lease: {error}"
        raise OutsideError(Fault(what, "remove it if nobody publishes there")) from None
