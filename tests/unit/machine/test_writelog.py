"""Logs written here in the format of dm-log-writes, replayed in steps and at once."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bluejacket.errors import OutsideError
from bluejacket.machine.writelog import MAGIC, Kind, Replay, WriteLog, copy_sparse, count

SECTORS = 24
Request = tuple[int, bytes, int, Kind]  # sector, data of whole sectors, sectors if there is no data, kind


def log(file: Path, requests: Sequence[Request], sector: int = 512, extra: bytes = b"") -> Path:
    """Write a log, as the kernel's documentation has it."""
    parts = [struct.pack("<QQQL", MAGIC, 1, len(requests), sector).ljust(sector, b"\0")]
    for first, data, sectors, kind in requests:
        number = len(data) // sector or sectors
        parts += [struct.pack("<QQQQ", first, number, kind, 0).ljust(sector, b"\0"), data]
    file.write_bytes(b"".join(parts) + extra)
    return file


def naive(base: bytes, requests: Sequence[Request], sector: int) -> bytes:
    """The disk after all requests, in memory."""
    disk = bytearray(base.ljust(SECTORS * sector, b"\0"))
    for first, data, sectors, _ in requests:
        content = data or bytes(sectors * sector)
        disk[first * sector : first * sector + len(content)] = content
    return bytes(disk)


@some.composite
def histories(draw: some.DrawFn) -> tuple[int, list[Request]]:
    """A sector's size, and writes, writes of zeros, discards, flushes and marks."""
    sector = draw(some.sampled_from([512, 4096]))
    requests: list[Request] = []
    for _ in range(draw(some.integers(0, 12))):
        first = draw(some.integers(0, SECTORS - 1))
        length = draw(some.integers(1, min(8, SECTORS - first)))
        fill = bytes([draw(some.integers(0, 3))])  # zeros are among them
        kind = draw(some.sampled_from([Kind(0), Kind.FUA, Kind.DISCARD, Kind.FLUSH, Kind.MARK]))
        if kind in (Kind.FLUSH, Kind.MARK):
            requests.append((0, b"", 0, kind))
        elif kind is Kind.DISCARD:
            requests.append((first, b"", length, kind))
        else:
            requests.append((first, fill * length * sector, 0, kind))
    return sector, requests


@settings(max_examples=40)
@given(histories(), some.lists(some.integers(0, 12)))
def test_a_disk_brought_forward_in_steps_is_the_one_written_at_once(
    history: tuple[int, list[Request]], stops: list[int]
) -> None:
    sector, requests = history
    with TemporaryDirectory() as name:
        base = Path(name, "base")
        base.write_bytes(b"base" * 700)
        with WriteLog(log(Path(name, "log"), requests, sector)) as read:
            replay = Replay(read, base, Path(name, "disk"), SECTORS * sector)
            for stop in sorted({min(one, len(requests)) for one in stops} | {len(requests)}):
                replay.forward(stop)
                assert Path(name, "disk").read_bytes() == naive(b"base" * 700, requests[:stop], sector)


@settings(max_examples=40)
@given(histories())
def test_a_flush_counts_if_something_was_written_before_it(history: tuple[int, list[Request]]) -> None:
    sector, requests = history
    with TemporaryDirectory() as name, WriteLog(log(Path(name, "log"), requests, sector)) as read:
        points = read.flush_points()
        for earlier, later in zip([0, *points], points, strict=False):
            assert requests[later - 1][3] is Kind.FLUSH
            assert any(kind not in (Kind.FLUSH, Kind.MARK) for *_, kind in requests[earlier:later])
        middle = len(requests) // 2
        assert all(middle < point <= len(requests) for point in read.flush_points(middle))


def test_what_was_not_written_takes_no_room(tmp_path: Path) -> None:
    size = 1 << 30
    requests = [(100, b"x" * 4096, 0, Kind(0)), (0, b"", size // 512, Kind.DISCARD)]
    (tmp_path / "base").write_bytes(b"")
    with WriteLog(log(tmp_path / "log", requests)) as read:
        Replay(read, tmp_path / "base", tmp_path / "disk", size).forward(2)
    stat = (tmp_path / "disk").stat()
    assert stat.st_size == size
    assert stat.st_blocks * 512 < 1 << 20


def test_a_part_is_copied_with_its_holes(tmp_path: Path) -> None:
    with (tmp_path / "disk").open("wb") as disk:
        for place in (0, 5 << 20, 9 << 20):
            disk.seek(place)
            disk.write(b"data" * 2048)
        disk.truncate(16 << 20)
    copy_sparse(tmp_path / "disk", tmp_path / "part", 4 << 20, 8 << 20)
    assert (tmp_path / "part").read_bytes() == (tmp_path / "disk").read_bytes()[4 << 20 : 12 << 20]
    assert (tmp_path / "part").stat().st_blocks * 512 < 1 << 20


def test_a_log_says_how_far_it_is_while_it_grows(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"")
    assert count(file) == 0
    with WriteLog(file) as read:
        assert read.entries == ()
    log(file, [(0, b"x" * 512, 0, Kind(0)), (0, b"", 0, Kind.FLUSH)], extra=b"\1" * 100)
    assert count(file) == 2
    with WriteLog(file) as read:
        assert [entry.kind for entry in read.entries] == [Kind(0), Kind.FLUSH]
        assert read.flush_points() == [2]


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda data: b"x" + data[1:], "is no log of writes"),
        (lambda data: data[:20], "is no log of writes"),
        (lambda data: data[: 512 + 512 + 100], "ends within the data of entry 0 of 2"),
        (lambda data: data[:-100], "ends within entry 1 of 2"),
        (lambda data: data[: 512 + 16] + b"\xff" + data[512 + 17 :], "entry 0 of .* has unknown flags 0xff"),
    ],
)
def test_what_is_no_whole_log_is_told(harm: object, message: str, tmp_path: Path) -> None:
    file = log(tmp_path / "log", [(0, b"x" * 512, 0, Kind(0)), (0, b"", 0, Kind.FLUSH)])
    assert callable(harm)
    file.write_bytes(harm(file.read_bytes()))
    with pytest.raises(OutsideError, match=message):
        WriteLog(file)


def test_a_replay_does_not_go_back(tmp_path: Path) -> None:
    (tmp_path / "base").write_bytes(b"")
    with WriteLog(log(tmp_path / "log", [(0, b"", 0, Kind.FLUSH)])) as read:
        replay = Replay(read, tmp_path / "base", tmp_path / "disk", 512)
        replay.forward(1)
        with pytest.raises(ValueError, match="entry 0 is not between 1 and 1"):
            replay.forward(0)
        with pytest.raises(ValueError, match="entry 2 is not between 1 and 1"):
            replay.forward(2)
