"""Work in forked processes: what it gives and raises, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.forks import ahead, beside, forked


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count no threads that earlier tests of this process have left behind."""
    count = threading.active_count
    left = count() - 1
    monkeypatch.setattr("bluejacket.forks.threading.active_count", lambda: count() - left)


def test_each_task_is_done_by_another_process() -> None:
    known = [os.urandom(3_000_000) for _ in range(8)]  # more than a pipe holds

    def work(number: int) -> bytes:
        return os.getpid().to_bytes(8, "big") + known[number]

    with forked(work, 2) as done, ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(done, range(8)))
    assert [answer[8:] for answer in answers] == known
    workers = {int.from_bytes(answer[:8], "big") for answer in answers}
    assert len(workers) == 2
    assert os.getpid() not in workers
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_a_task_raises_is_raised_and_the_next_is_done() -> None:
    fault = Fault("is rubbish", "", Place("x.rpm"))

    def work(number: int) -> bytes:
        if number:
            raise OutsideError(fault)
        return b""

    with forked(work, 1) as done:
        with pytest.raises(OutsideError) as caught:
            done(1)
        assert caught.value.faults == (fault,)
        assert done(0) == b""


def test_a_killed_process_is_told_of() -> None:
    with forked(lambda _: os.getpid().to_bytes(8, "big"), 1) as done:
        os.kill(int.from_bytes(done(0), "big"), signal.SIGKILL)
        with pytest.raises(OutsideError, match="was killed"):
            done(0)


def test_a_terminal_s_interrupt_is_left_to_the_process_that_forked() -> None:
    with forked(lambda _: os.getpid().to_bytes(8, "big"), 1) as done:
        worker = int.from_bytes(done(0), "big")
        os.kill(worker, signal.SIGINT)
        assert int.from_bytes(done(0), "big") == worker


def test_beside_other_threads_nothing_is_forked() -> None:
    end = threading.Event()
    other = threading.Thread(target=end.wait)
    other.start()
    try:
        with forked(lambda _: os.getpid().to_bytes(8, "big")) as done:
            assert int.from_bytes(done(0), "big") == os.getpid()
    finally:
        end.set()
        other.join()


def test_forks_end_with_a_process_that_is_killed() -> None:
    """They read no more tasks once the only writer is gone, whatever the other forks hold open."""
    told, tell = os.pipe()
    middle = os.fork()
    if middle == 0:  # the process that is killed
        with forked(lambda _: os.getpid().to_bytes(8, "big"), 2) as done:
            os.write(tell, done(0) + done(1))
            signal.pause()
        os._exit(0)
    os.close(tell)
    first = os.read(told, 16)
    os.kill(middle, signal.SIGKILL)
    os.waitpid(middle, 0)
    assert len(first) == 16
    assert os.read(told, 1) == b""  # every copy of the other end is closed: they have ended
    os.close(told)


def test_what_is_done_beside_runs_while_the_block_does(tmp_path: Path) -> None:
    (there, here), (begun, begin) = os.pipe(), os.pipe()

    def work() -> None:
        os.write(begin, b"x")  # it is under way before the block has ended,
        os.read(there, 1)  # and ends no sooner than the block wants it to
        (tmp_path / "done").write_text(str(os.getpid()))

    with beside(work):
        assert os.read(begun, 1) == b"x"
        assert not (tmp_path / "done").exists()
        os.write(here, b"x")
    assert int((tmp_path / "done").read_text()) != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "done").read_text()), 0)


def test_what_is_raised_beside_is_raised_after_the_block() -> None:
    def work() -> None:
        raise OutsideError(Fault("is rubbish"))

    seen = []
    with pytest.raises(OutsideError, match="is rubbish"), beside(work):
        seen.append("the block")
    assert seen == ["the block"]


def test_a_process_beside_that_is_killed_is_told_of() -> None:
    with (
        pytest.raises(OutsideError, match="was killed"),
        beside(lambda: os.kill(os.getpid(), signal.SIGKILL)),
    ):
        pass


def test_what_a_block_raises_ends_what_is_beside_it() -> None:
    with pytest.raises(KeyError), beside(lambda: None):
        raise KeyError


def test_beside_other_threads_it_is_done_before_the_block(tmp_path: Path) -> None:
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    try:
        with beside(lambda: (tmp_path / "done").write_text(str(os.getpid()))):
            pass
    finally:
        over.set()
        other.join()
    assert int((tmp_path / "done").read_text()) == os.getpid()


def test_what_is_begun_ahead_is_waited_for() -> None:
    answer = ahead(lambda: os.getpid().to_bytes(8, "big"))
    with beside(lambda: None):  # a process that has the pipes of the first
        pid = int.from_bytes(answer(), "big")
    assert pid != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_is_begun_ahead_holds_no_file_open(tmp_path: Path) -> None:
    (there, here), go = os.pipe(), tmp_path / "go"

    def work() -> bytes:
        while not go.exists():
            time.sleep(0.01)
        return os.readlink("/proc/self/fd/1").encode()

    answer = ahead(work)
    os.close(here)
    assert os.read(there, 1) == b"", "the only other end was ours"
    os.close(there)
    go.touch()
    assert answer() == os.devnull.encode()


def test_a_process_that_is_forked_later_does_it_itself() -> None:
    answer = ahead(lambda: os.getpid().to_bytes(8, "big"))
    told, tell = os.pipe()
    later = os.fork()
    if later == 0:
        try:
            os.write(tell, answer())
        finally:
            os._exit(0)
    os.close(tell)
    assert int.from_bytes(os.read(told, 8), "big") == later
    os.waitpid(later, 0)
    assert int.from_bytes(answer(), "big") not in (later, os.getpid())
    os.close(told)


def test_what_is_raised_ahead_is_raised_when_it_is_asked_for() -> None:
    def work() -> bytes:
        raise OutsideError(Fault("is rubbish"))

    answer = ahead(work)
    with pytest.raises(OutsideError, match="is rubbish"):
        answer()


def test_nothing_is_begun_ahead_where_threads_run() -> None:
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        assert ahead(lambda: os.getpid().to_bytes(8, "big"))() == os.getpid().to_bytes(8, "big")
    finally:
        stop.set()
        other.join()
