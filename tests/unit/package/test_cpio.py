"""The initrd's archive: what the kernel's format wants, and the same bytes for the same content."""

from __future__ import annotations

import io
import random
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.package.cpio import Entry, write_cpio


def written(entries: list[Entry], time: int = 7) -> bytes:
    out = io.BytesIO()
    write_cpio(entries, out, time)
    return out.getvalue()


def read(archive: bytes) -> dict[str, tuple[int, int, bytes, tuple[int, int]]]:
    """Read an archive by the words of buffer-format.rst: path, then mode, time, data and device."""
    found: dict[str, tuple[int, int, bytes, tuple[int, int]]] = {}
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + n * 8 : at + 14 + n * 8], 16) for n in range(13)]
        size, length = fields[6], fields[11]
        name = archive[at + 110 : at + 110 + length]
        assert name.endswith(b"\0")
        begin = (at + 110 + length + 3) // 4 * 4
        if name == b"TRAILER!!!\0":
            return found
        assert fields[2:4] == [0, 0]  # root's
        path = name[:-1].decode()
        found[path] = (fields[1], fields[5], archive[begin : begin + size], (fields[9], fields[10]))
        at = (begin + size + 3) // 4 * 4


paths = st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=4).map("/".join)


@given(st.dictionaries(paths, st.binary(max_size=9)))
def test_what_is_written_can_be_read(files: dict[str, bytes]) -> None:
    plain = {p: d for p, d in files.items() if not any(o.startswith(p + "/") for o in files)}
    entries = [Entry.file(path, data) for path, data in plain.items()]
    found = read(written(entries))
    assert {p: f[2] for p, f in found.items() if stat.S_ISREG(f[0])} == plain
    folders = {p for p, f in found.items() if stat.S_ISDIR(f[0])}
    assert all(path.rpartition("/")[0] in folders | {""} for path in found)


def test_folders_come_before_what_lies_in_them() -> None:
    order = list(read(written([Entry.file("b/c/d", b""), Entry.file("a", b"")])))
    assert order == ["a", "b", "b/c", "b/c/d"]


def test_the_order_of_entries_does_not_show() -> None:
    entries = [Entry.file(f"f{n}", bytes([n])) for n in range(20)]
    shuffled = random.Random(4).sample(entries, len(entries))
    assert written(shuffled) == written(entries)


def test_links_and_nodes() -> None:
    found = read(written([Entry.link("sbin", "bin"), Entry.node("dev/console", 5, 1)], time=99))
    mode, time, target, _ = found["sbin"]
    assert (stat.S_ISLNK(mode), time, target) == (True, 99, b"bin")
    mode, _, _, device = found["dev/console"]
    assert (stat.S_ISCHR(mode), stat.S_IMODE(mode), device) == (True, 0o600, (5, 1))


@pytest.mark.parametrize("path", ["/etc/passwd", "a/../b", "a//b", "./a"])
def test_a_path_that_could_land_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a plain relative path"):
        written([Entry.file(path, b"")])


def test_two_entries_of_one_path_are_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        written([Entry.file("a", b"1"), Entry.file("a", b"2")])
