"""Metadata in libsolv's own format, compiled in parts beside each other.

Parsing XML is what a cold start costs (0.9 s of 1.2 s for 70,000 packages), and libsolv parses in one
thread. Consecutive parts, each compiled by a process of its own while the next is still being
unpacked, load in their order into one repository that equals the whole. A part is small, so
that all together take less memory than the whole does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Self

import solv

from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.rpmmd import part
from bluejacket.foundation.rpmmd.parts import load_into
from bluejacket.foundation.rpmmd.xml import Malformed

PART_BYTES = 16 << 20  # of XML
_START = b"<package "
_END = b"</metadata>\n"
_LARGEST_HEAD = 1 << 16  # bytes before the first package

Unpack = Callable[[IO[bytes]], None]


def compile_primary(unpack: Unpack, folder: Path, name: str) -> None:
    """Write `0000.solv`, `0001.solv`, … into `folder` from the primary.xml that `unpack` writes.

    Raises Malformed, and what `unpack` raises.
    """
    jobs: list[Future[None]] = []
    with _Workers() as workers, ThreadPoolExecutor(workers.count) as pool:

        def compile_part(xml: Path) -> None:
            jobs.append(pool.submit(workers.compile, xml, xml.with_suffix(".solv"), name))

        with _Parts(folder, compile_part) as parts:
            unpack(parts)
        for job in jobs:
            job.result()


class _Workers:
    """As many processes as there are processors, each compiling one part at a time."""

    def __init__(self) -> None:
        self.count = min(os.cpu_count() or 1, 8)
        self._idle: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        self._all: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        # Without site-packages' hooks a Python starts in a third of the time.
        start = f"import sys; sys.path.append({str(Path(solv.__file__).parents[1])!r}); import runpy; "
        start += f"runpy.run_path({part.__file__!r}, run_name='__main__')"
        command = [sys.executable, "-I", "-S", "-c", start]
        for _ in range(self.count):
            worker = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            self._all.append(worker)
            self._idle.put(worker)
        return self

    def compile(self, xml: Path, into: Path, name: str) -> None:
        """Wait for an idle worker and let it compile. Raises Malformed."""
        worker = self._idle.get()
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            worker.stdin.write(f"{xml}\t{into}\n")
            worker.stdin.flush()
            answer = worker.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            self._idle.put(worker)
        if answer != "\n":
            what = answer.strip() or f"libsolv ended with status {worker.wait(5)}"
            raise Malformed(Fault(f"{name} is not primary metadata: {what}"))

    def __exit__(self, *_: object) -> None:
        for worker in self._all:
            worker.kill()
            worker.communicate()


def extend(folder: Path, kind: str, plain: IO[bytes], name: str) -> None:
    """Add filelists to the compiled packages of `folder`, which become one file. Raises Malformed."""
    pool = solv.Pool()
    pool.setarch()
    repo = pool.add_repo(name)
    load_into(repo, folder)
    stream = solv.xfopen_fd(f"{kind}.xml", plain.fileno())
    if not repo.add_rpmmd(stream, None, solv.Repo.REPO_EXTEND_SOLVABLES):
        raise Malformed(Fault(f"{name} is not {kind} metadata: {pool.errstr}"))
    repo.internalize()
    whole = folder / "whole"
    out = solv.xfopen(str(whole), "w")
    if out is None or not repo.write(out) or not out.close():
        raise OutsideError(Fault(f"{whole} could not be written"))
    for file in folder.glob("*.solv"):
        file.unlink()
    whole.rename(folder / "0000.solv")


class _Parts:
    """A primary.xml being written, cut between packages into files of about PART_BYTES."""

    def __init__(self, folder: Path, done: Callable[[Path], None]) -> None:
        self._folder = folder
        self._done = done
        self._head: bytes | None = None
        self._kept = b""  # the head while it is not whole; then what may begin a _START
        self._stream: IO[bytes] | None = None
        self._left = 0  # bytes until a cut is looked for
        self._count = 0

    def __enter__(self) -> IO[bytes]:
        return self  # type: ignore[return-value]

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        if self._stream is not None and self._left > len(data):
            self._stream.write(data)  # nearly always: nothing is copied
            self._left -= len(data)
        else:
            self._take(self._kept + data)
        return len(data)

    def _take(self, data: bytes) -> None:
        at = data.find(_START)
        if self._head is None:
            if at < 0 and len(data) < _LARGEST_HEAD:
                self._kept = data
                return
            self._head, data = data[: max(at, 0)], data[max(at, 0) :]
            self._open()
        elif at >= 0:
            self._append(data[:at] + _END)
            self._close()
            data = data[at:]
            self._open()
        self._append(data)

    def _append(self, data: bytes) -> None:
        """Write `data`, keeping back what may be the beginning of the place of a cut."""
        assert self._stream is not None
        self._left -= len(data)
        cut = len(data) if self._left > 0 else max(0, len(data) - len(_START) + 1)
        self._kept = data[cut:]
        self._stream.write(data[:cut])

    def _open(self) -> None:
        self._stream = (self._folder / f"{self._count:04}.xml").open("wb")
        self._stream.write(self._head or b"")
        self._left = PART_BYTES if self._head else sys.maxsize  # no head, no cut: let libsolv refuse it
        self._count += 1

    def _close(self) -> None:
        assert self._stream is not None
        self._stream.write(self._kept)
        self._kept = b""
        self._stream.close()
        self._done(Path(self._stream.name))

    def __exit__(self, kind: object, *_: object) -> None:
        if self._stream is None:  # a repository without packages
            self._open()
        if kind is None:
            self._close()
        elif self._stream is not None:
            self._stream.close()
