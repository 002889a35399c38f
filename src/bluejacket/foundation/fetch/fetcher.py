"""Parallel downloads that resume, retry, change mirrors, and verify before they name."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from bluejacket.errors import Fault, OutsideError, without_secrets
from bluejacket.foundation.fetch.answer import Answer, Since, opened_file
from bluejacket.foundation.fetch.attempt import Course, receive, settle
from bluejacket.foundation.fetch.logins import Login, login_for, split_login
from bluejacket.foundation.fetch.mirrors import Mirrors
from bluejacket.foundation.fetch.proxies import Proxies
from bluejacket.foundation.fetch.small import Small, read_small
from bluejacket.foundation.fetch.wanted import (
    MIB,
    BadResume,
    DiskFull,
    Limits,
    NotThere,
    Refused,
    Stopped,
    Wanted,
)
from bluejacket.report import Report
from bluejacket.store import Part, Store

if TYPE_CHECKING:
    import httpx

_FULL = (errno.ENOSPC, errno.EDQUOT)
_RESUMABLE_BYTES = 1 * MIB  # a smaller file is as soon fetched again as resumed
_MOST_FAULTS_TOLD = 10


class Fetcher:
    """Fetches what trusted indexes describe into `store`; safe to use from several threads.

    `proxies` defaults to those of the environment. `logins` are sent only where they fit; a login
    in an address itself wins.
    """

    def __init__(
        self,
        store: Store,
        report: Report,
        *,
        proxies: Proxies | None = None,
        logins: Sequence[Login] = (),
        limits: Limits | None = None,
        parallel: int = 8,
        agent: str = "bluejacket",
    ) -> None:
        self._store = store
        self._report = report
        self._logins = tuple(logins)
        self._limits = limits or Limits()
        self._parallel = parallel
        self._mirrors = Mirrors(self._limits, report)
        self._proxies = proxies or Proxies.from_environment()
        self._agent = agent
        self._opening = threading.Lock()
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def _web(self) -> httpx.Client:
        """Give the HTTP client, made at its first use: its libraries take 0.2 s to import."""
        import httpx

        from bluejacket.foundation.fetch.transport import Transport, keep_secrets_out_of_logs

        with self._opening:
            if self._client is None:
                keep_secrets_out_of_logs()
                patience = httpx.Timeout(self._limits.silence_s, connect=self._limits.connect_s, pool=None)
                self._client = httpx.Client(
                    transport=Transport(self._proxies, self._parallel + 2),
                    follow_redirects=True,
                    max_redirects=self._limits.redirects,
                    timeout=patience,
                    trust_env=False,
                    headers={"User-Agent": self._agent},
                )
            return self._client

    # -- files that an index describes --------------------------------------------------------

    def fetch(self, wanted: Wanted) -> Path:
        """Give the verified file, from the store or from the first mirror that has it.

        Raises NotThere or OutsideError with what each mirror answered, DiskFull.
        """
        return self.fetch_all([wanted], wanted.name)[wanted.hash]

    def fetch_all(self, wanted: Sequence[Wanted], title: str = "Downloading") -> dict[str, Path]:
        """Fetch all, a few at a time; gives the paths by `Wanted.hash` (SHA-256 where known).

        One file's failure does not stop the others (a full disk does), so that the error names
        every file that is gone. Raises NotThere when all failures are absences, else OutsideError.
        """
        todo = {want.hash: want for want in wanted}
        sizes = [want.size for want in todo.values()]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        stop = threading.Event()
        with self._report.bar(title, total, "B") as bar, self._pool(stop) as pool:
            jobs = {key: pool.submit(self._obtain, want, bar.advance, stop) for key, want in todo.items()}
            return _gather(jobs)

    @contextmanager
    def _pool(self, stop: threading.Event) -> Iterator[ThreadPoolExecutor]:
        pool = ThreadPoolExecutor(self._parallel, thread_name_prefix="fetch")
        try:
            yield pool
        except BaseException:
            stop.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _obtain(self, wanted: Wanted, advance: Callable[[int], None], stop: threading.Event) -> Path:
        if stop.is_set():
            raise Stopped
        held = self._held(wanted, advance)
        if held is not None:
            return held
        resumable = wanted.size is None or wanted.size > _RESUMABLE_BYTES
        with _room(stop), self._store.part(resume=wanted.hash if resumable else None) as part:
            try:
                return self._into(part, wanted, advance, stop)
            except OSError as error:
                if error.errno in _FULL:
                    part.path.unlink(missing_ok=True)
                raise

    def _held(self, wanted: Wanted, advance: Callable[[int], None]) -> Path | None:
        held = self._store.blob(wanted.sha256.lower()) if wanted.sha256 else None
        if held is not None:
            advance(held.stat().st_size)
        return held

    def _into(
        self, part: Part, wanted: Wanted, advance: Callable[[int], None], stop: threading.Event
    ) -> Path:
        # Another process may have finished the file while this one waited for the part.
        held = self._held(wanted, advance)
        if held is not None:
            part.path.unlink(missing_ok=True)
            return held
        course = Course(wanted, part, advance, stop.is_set)
        if course.whole:
            course.resumed = True
            try:
                return settle(course)
            except BadResume:
                course.restart()
        return self._mirrors.ask(wanted.name, wanted.urls, stop, lambda url: self._from(course, url))

    def _from(self, course: Course, url: str) -> Path:
        """Get the file from one mirror; what does not fit when resumed is got once more, whole."""
        for _ in range(2):
            start = course.part.size
            try:
                validator = course.validator_for(url)
                with self._open(url, course.stopped, start=start, validator=validator) as answer:
                    receive(course, url, answer, self._limits)
                return settle(course)
            except BadResume as error:
                self._report.detail(without_secrets(f"{url}: {error}; starting over"))
                course.restart()
        raise Refused("sends a part although the whole was asked for")

    # -- small files that a signature describes ------------------------------------------------

    def get_small(self, urls: Sequence[str], limit_bytes: int) -> bytes:
        """Give a file of at most `limit_bytes`, which the caller verifies by its signature.

        Caches on the way are asked to look again. Raises NotThere, OutsideError.
        """
        return self.ask_small(urls, limit_bytes).content or b""

    def ask_small(self, urls: Sequence[str], limit_bytes: int, since: Since | None = None) -> Small:
        """Like `get_small`, and tell where it came from.

        With `since`, `content` is None when the mirror has nothing newer.
        """
        stop = threading.Event()

        def attempt(url: str) -> Small:
            with self._open(url, stop.is_set, since=since, fresh=True) as answer:
                return read_small(answer, url, limit_bytes, stop.is_set)

        name = split_login(urls[0])[0].rpartition("/")[2] if urls else "file"
        return self._mirrors.ask(name, urls, stop, attempt)

    def _open(
        self,
        url: str,
        stopped: Callable[[], bool],
        *,
        start: int = 0,
        validator: str = "",
        since: Since | None = None,
        fresh: bool = False,
    ) -> AbstractContextManager[Answer]:
        try:
            parts = urlsplit(url)
            _ = parts.port  # read now, as it is what may be no number
        except ValueError as error:
            raise Refused(f"no address: {error}") from None
        if parts.scheme == "file":
            return opened_file(url, start)
        from bluejacket.foundation.fetch.stream import opened

        bare, login = split_login(url)
        return opened(
            self._web(),
            bare,
            login or login_for(bare, self._logins),
            self._limits,
            stopped,
            start=start,
            validator=validator,
            since=since,
            fresh=fresh,
        )


@contextmanager
def _room(stop: threading.Event) -> Iterator[None]:
    """Tell a full disk from a bad mirror, and stop the other downloads for it."""
    try:
        yield
    except OutsideError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _FULL:
            stop.set()
            raise DiskFull(*error.faults) from cause
        raise


def _gather(jobs: dict[str, Future[Path]]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    failures: list[OutsideError] = []
    for key, job in jobs.items():
        try:
            found[key] = job.result()
        except DiskFull:
            raise
        except OutsideError as error:
            failures.append(error)
        except Stopped:
            continue  # for the reason that another job tells
    if failures:
        faults = [fault for error in failures for fault in error.faults]
        if len(faults) > _MOST_FAULTS_TOLD:
            more = Fault(f"and {len(faults) - _MOST_FAULTS_TOLD} more files")
            faults = [*faults[:_MOST_FAULTS_TOLD], more]
        absent = all(isinstance(error, NotThere) for error in failures)
        raise (NotThere if absent else OutsideError)(*faults)
    return found
