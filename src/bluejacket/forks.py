"""Forked processes for work that holds the interpreter's lock, such as createrepo_c's reading of packages.

A forked process knows all that this one knew, so that it starts in milliseconds and is told of a task by
its number alone. What was locked by another thread at the fork stays locked in it for ever: where other
threads run, the work is done here.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import NoReturn

from bluejacket.errors import Fault, OutsideError

Work = Callable[[int], bytes]
_NUMBER = struct.Struct("<q")  # a task, or the length of an answer; negative: of a pickled exception


@contextmanager
def forked(work: Work, count: int | None = None) -> Iterator[Work]:
    """Give `work` as something that `count` threads may call at once, each done by a process of its own.

    `count` is that of the processors by default. Raises what `work` raises; OutsideError when a process
    is killed from outside. The processes end with the block, or with the process that began it.
    """
    if threading.active_count() > 1 or not hasattr(os, "fork"):
        yield work
        return
    free: SimpleQueue[_Fork] = SimpleQueue()
    forks: list[_Fork] = []
    try:
        for _ in range(count or os.cpu_count() or 1):
            forks.append(_Fork(work, forks))
            free.put(forks[-1])

        def done(number: int) -> bytes:
            fork = free.get()
            try:
                return fork.ask(number)
            finally:
                free.put(fork)

        yield done
    finally:
        for fork in forks:
            fork.end()


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Do `work` while the block runs, in a process of its own where that can be; it is done when this ends.

    Raises what `work` raises, once the block is left; OutsideError when the process is killed from outside.
    """
    if threading.active_count() > 1 or not hasattr(os, "fork"):
        work()
        yield
        return

    def done(_: int) -> bytes:
        work()
        return b""

    fork = _Fork(done, [])
    try:
        fork.tell(0)
        yield
        fork.answer()
    finally:
        fork.end()


def ahead(work: Callable[[], bytes]) -> Callable[[], bytes]:
    """Begin `work` in a process of its own; gives what waits for its answer, to be called once or never.

    Where no process can be forked, the work is done when its answer is asked for. Raises what `work` raises;
    OutsideError when the process is killed from outside. It has no open file of this one, so that nobody
    waits for it when this one has ended.
    """
    if threading.active_count() > 1 or not hasattr(os, "fork"):
        return work
    fork, asker = _Fork(lambda _: work(), [], once=True), os.getpid()
    fork.tell(0)

    def answer() -> bytes:
        if os.getpid() != asker:  # forked since then: the pipes, and the process, are its parent's
            return work()
        try:
            return fork.answer()
        finally:
            fork.end()

    return answer


class _Fork:
    """One forked process, which does a task at a time; `once`: one and no more."""

    def __init__(self, work: Work, others: list[_Fork], *, once: bool = False) -> None:
        tasks, self._tasks = os.pipe()
        self._answers, answers = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            strange = [self._tasks, self._answers, *(n for o in others for n in o.ends)]
            _serve(work, tasks, answers, strange, once=once)
        os.close(tasks)
        os.close(answers)

    @property
    def ends(self) -> tuple[int, int]:
        """The ends of its pipes that this process has."""
        return self._tasks, self._answers

    def ask(self, number: int) -> bytes:
        """Have a task done. Raises what it raised there."""
        self.tell(number)
        return self.answer()

    def tell(self, number: int) -> None:
        """Have a task begun; `answer` has to be asked before the next."""
        try:
            os.write(self._tasks, _NUMBER.pack(number))
        except BrokenPipeError:
            raise _killed() from None

    def answer(self) -> bytes:
        """Wait until the task that was told is done. Raises what it raised there."""
        (length,) = _NUMBER.unpack(_read(self._answers, _NUMBER.size))
        answer = _read(self._answers, abs(length))
        if length < 0:
            raise pickle.loads(answer)  # noqa: S301 - of our own process
        return answer

    def end(self) -> None:
        for end in self.ends:
            os.close(end)
        os.waitpid(self._pid, 0)


def _killed() -> OutsideError:
    return OutsideError(Fault("a process that does a part of the work was killed", "is there memory enough?"))


def _read(pipe: int, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = os.read(pipe, min(length - len(parts), 1 << 20))
        if not part:
            raise _killed()
        parts += part
    return bytes(parts)


def _serve(work: Work, tasks: int, answers: int, strange: list[int], *, once: bool) -> NoReturn:
    """Do tasks until there are no more; never returns, as the stack above is another process's."""
    try:
        gc.disable()  # a search would copy all the pages that are shared with that process
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the starting process's business
        if once:
            _close_all_but(tasks, answers)
            strange = []
        for end in strange:  # or the pipes of the others would not end with that process
            os.close(end)
        while request := os.read(tasks, _NUMBER.size):
            try:
                answer, sign = work(_NUMBER.unpack(request)[0]), 1
            except Exception as error:
                answer, sign = pickle.dumps(error), -1
            _write(answers, _NUMBER.pack(sign * len(answer)) + answer)
            if once:  # whoever else was forked has the pipe's other end, and may keep it open
                break
    finally:
        os._exit(0)


def _close_all_but(*kept: int) -> None:
    """Hold nothing for which others wait once the starting process has ended: its locks and its output."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    first = 3
    for handle in sorted(kept):
        os.closerange(first, handle)
        first = handle + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def _write(pipe: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(pipe, left) :]
