"""Metadata in libsolv's own format, compiled in parts beside each other.

Parsing XML is what a cold start costs (0.8 of 1.2 CPU seconds for 70,000 packages), and libsolv parses in
one thread. Consecutive parts, each compiled by a process of its own while the next is still being
unpacked, load in their order into one repository that equals the whole. A part is small, so that all
together take less memory than the whole does, and can be loaded while others are still being compiled.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import file_digest
from pathlib import Path
from typing import IO, Self

import solv

from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.rpmmd import part
from bluejacket.foundation.rpmmd.parts import load_into
from bluejacket.foundation.rpmmd.xml import Malformed

PART_BYTES = 12 << 20  # of XML
_TOGETHER = 4  # parts come in such a number, equally large, so that no processor is left waiting for the last
# mallopt(3): what one part has freed serves the next; giving it back to the kernel takes a tenth of the time.
_KEEP_MEMORY = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(1 << 30))
_START = b"<package "
_END = b"</metadata>\n"
_LARGEST_HEAD = 1 << 16  # bytes before the first package

Unpack = Callable[[IO[bytes]], None]
Ready = Callable[[Path], None]


def compile_primary(
    unpack: Unpack,
    folder: Path,
    name: str,
    size: int | None = None,
    ready: Callable[[Path], None] | None = None,
) -> dict[str, str]:
    """Write `0000.solv`, `0001.solv`, … into `folder` from the primary.xml that `unpack` writes.

    `size` is that of the XML in bytes, where it is known. `ready` is called in another thread with each
    file in its order, as soon as it is whole. Gives their SHA-256 by name. Raises Malformed, and what
    `unpack` and `ready` raise.
    """
    hashes: dict[str, Future[str]] = {}
    with ThreadPoolExecutor(2) as pool, _Workers(folder, name) as workers:

        def finish() -> None:
            for file in workers.finished():
                if ready:
                    ready(file)
                hashes[file.name] = pool.submit(_synced, file)

        finishing = pool.submit(finish)
        with _Parts(folder, part_bytes(size), workers.compile) as parts:
            unpack(parts)
        workers.end()
        finishing.result()
        return {file: job.result() for file, job in hashes.items()}


def part_bytes(size: int | None) -> int:
    """Give how many bytes of XML a part gets when there are `size`."""
    if size is None or size <= PART_BYTES // _TOGETHER:
        return PART_BYTES
    count = -(-size // PART_BYTES)
    return -(-size // (count + -count % _TOGETHER))


def _synced(file: Path) -> str:
    """Bring a part to the disk and hash it while others are compiled: the store would do it after."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
        return file_digest(stream, "sha256").hexdigest()


class _Workers:
    """As many processes as there are processors, each compiling the next part that nobody has begun."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._all: list[subprocess.Popen[bytes]] = []
        self._sent = 0

    def __enter__(self) -> Self:
        # Without site-packages' hooks a Python starts in a third of the time.
        folders = [str(Path(solv.__file__).parents[1]), str(Path(part.__file__).parent)]
        start = f"import sys; sys.path += {folders!r}; import part; part.main({str(self._folder)!r})"
        command = [sys.executable, "-I", "-S", "-c", start]
        taken, self._requests = os.pipe()
        answers, told = os.pipe()
        self._answers = os.fdopen(answers, encoding="utf-8", errors="replace")
        try:
            for _ in range(min(os.cpu_count() or 1, 8)):
                environment = os.environ | _KEEP_MEMORY
                self._all.append(
                    subprocess.Popen(
                        command, stdin=taken, stdout=told, stderr=subprocess.DEVNULL, env=environment
                    )
                )
        except BaseException:
            self.__exit__()
            raise
        finally:
            os.close(taken)
            os.close(told)
        return self

    def compile(self, xml: Path) -> None:
        """Let whoever is idle next compile `xml`, whose name is its number."""
        self._sent += 1
        try:
            os.write(self._requests, f"{xml.stem}\n".encode().rjust(part.REQUEST_BYTES, b"0"))
        except BrokenPipeError:
            return  # all have died, which `finished` tells

    def end(self) -> None:
        """Say that there are no more parts."""
        if self._requests >= 0:
            os.close(self._requests)
            self._requests = -1

    def finished(self) -> Iterator[Path]:
        """Give the compiled parts in their order, each as soon as it is there. Raises Malformed."""
        done: set[int] = set()
        given = 0
        with self._answers as answers:
            for line in answers:
                number, _, wrong = line.rstrip("\n").partition(" ")
                if wrong:
                    raise self._malformed(wrong)
                done.add(int(number))
                while given in done:
                    yield self._folder / f"{given:04}.solv"
                    given += 1
        if given < self._sent:
            statuses = [worker.wait(5) for worker in self._all]
            raise self._malformed(f"libsolv ended with status {next(filter(None, statuses), 0)}")

    def _malformed(self, what: str) -> Malformed:
        return Malformed(Fault(f"{self._name} is not primary metadata: {what}"))

    def __exit__(self, *_: object) -> None:
        self.end()
        for worker in self._all:
            worker.kill()
            worker.wait()


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
    """A primary.xml being written, cut between packages into files of about `size` bytes."""

    def __init__(self, folder: Path, size: int, done: Callable[[Path], None]) -> None:
        self._folder = folder
        self._size = size
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
        at = data.find(_START, max(0, self._left))
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
        self._left = self._size if self._head else sys.maxsize  # no head, no cut: let libsolv refuse it
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
