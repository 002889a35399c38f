"""What is wanted, how long it may take, and the ways in which a mirror fails."""

from __future__ import annotations

from typing import NamedTuple, Self

from bluejacket.errors import OutsideError

MIB = 1 << 20


class _Wanted(NamedTuple):
    name: str
    urls: tuple[str, ...]
    size: int | None
    sha256: str | None
    sha512: str | None


class Wanted(_Wanted):
    """A file as a trusted index describes it. `urls` are tried in order; sizes are in bytes.

    At least one of `sha256` and `sha512` (lower-case hex) must be known: a file that no hash
    describes never enters the store.
    """

    __slots__ = ()

    def __new__(
        cls, name: str, urls: tuple[str, ...], size: int | None, sha256: str | None, sha512: str | None = None
    ) -> Self:
        """Describe a file. Raises ValueError when no hash is known."""
        if not (sha256 or sha512):
            raise ValueError(f"{name}: neither SHA-256 nor SHA-512 is known")
        return super().__new__(cls, name, urls, size, sha256, sha512)

    @property
    def hash(self) -> str:
        """The hash that names the file in memory and in the names of unfinished parts."""
        return self.sha256 or self.sha512 or ""


class Limits(NamedTuple):
    """How much patience and room a mirror gets. Times in seconds."""

    connect_s: float = 15.0
    silence_s: float = 30.0
    """No byte at all for so long: the mirror has stalled."""
    answer_s: float = 60.0
    """From the request to the end of the answer's headers."""
    slow_bytes_s: int = 2048
    """Fewer bytes a second than this over `slow_window_s`: the mirror drips."""
    slow_window_s: float = 30.0
    whole_s: float = 3600.0
    """One file from one mirror, however fast the bytes come."""
    tries: int = 4
    """Rounds over the mirrors that failed only for the moment."""
    backoff_s: float = 0.5
    """Before the second round; doubled for each further one."""
    longest_backoff_s: float = 30.0
    redirects: int = 5
    largest_bytes: int = 4096 * MIB
    """Cap for a file whose size no index tells."""


class NotThere(OutsideError):
    """Every mirror says that it does not have the file (404, 410, no such file)."""


class DiskFull(OutsideError):
    """The disk below the store has no room left, or the quota is used up."""


class Refused(Exception):
    """This mirror's answer is of no use, now or later: go to the next one."""

    absent = False


class Absent(Refused):
    """This mirror does not have the file."""

    absent = True


class TryAgain(Exception):
    """This mirror failed for the moment. `wait_s` is what it asked for, if it did."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class BadResume(Exception):
    """What was kept of the file, and what came after, do not fit: start from its first byte."""


class Stopped(Exception):
    """Another thread's failure, or the person, ended the run."""
