"""Metadata compiled in parts is the metadata."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
import solv
from hypothesis import given, settings
from hypothesis import strategies as st

from bluejacket.foundation.rpmmd import compiled
from bluejacket.foundation.rpmmd.compiled import compile_primary, part_bytes
from bluejacket.foundation.rpmmd.parts import load_into
from bluejacket.foundation.rpmmd.xml import Malformed
from children import children

pytestmark = pytest.mark.integration

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" '
    'xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{}">\n'
)


def primary(count: int) -> bytes:
    packages = "".join(
        f'<package type="rpm"><name>p{n}</name><arch>noarch</arch><version epoch="0" ver="{n}" rel="1"/>'
        f'<checksum type="sha256" pkgid="YES">{n:064x}</checksum><location href="p{n}.rpm"/><format>'
        f'<rpm:provides><rpm:entry name="p{n}" flags="EQ" epoch="0" ver="{n}" rel="1"/></rpm:provides>'
        f'<rpm:requires><rpm:entry name="p{n + 1}"/></rpm:requires></format></package>\n'
        for n in range(count)
    )
    return (HEAD.format(count) + packages + "</metadata>\n").encode()


def in_pieces(content: bytes, size: int) -> Callable[[IO[bytes]], None]:
    def unpack(into: IO[bytes]) -> None:
        for at in range(0, len(content), size):
            into.write(content[at : at + size])

    return unpack


def loaded(folder: Path) -> list[tuple[str, str, str, str]]:
    pool = solv.Pool()
    pool.setarch("x86_64")
    repo = pool.add_repo("test")
    load_into(repo, folder)
    return [
        (
            s.name,
            s.evr,
            " ".join(str(dep) for dep in s.lookup_deparray(solv.SOLVABLE_REQUIRES)),
            s.lookup_location()[0],
        )
        for s in repo.solvables_iter()
    ]


def test_parts_equal_the_whole_wherever_they_are_cut(tmp_path_factory: pytest.TempPathFactory) -> None:
    content = primary(60)
    whole = tmp_path_factory.mktemp("whole")
    compile_primary(in_pieces(content, len(content)), whole, "test")
    expected = loaded(whole)
    assert len(expected) == 60
    assert len(list(whole.iterdir())) == 1

    @settings(max_examples=8, deadline=None)
    @given(st.integers(1, 5000), st.integers(1_000, 30_000))
    def check(piece: int, part: int) -> None:
        folder = tmp_path_factory.mktemp("parts")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "PART_BYTES", part)
            compile_primary(in_pieces(content, piece), folder, "test")
        assert loaded(folder) == expected
        assert not list(folder.glob("*.xml"))
        assert part > 5_000 or len(list(folder.iterdir())) > 3

    check()


@pytest.mark.parametrize(("size", "count"), [(None, 0), (1 << 20, 1), (13 << 20, 4), (88_571_758, 8)])
def test_parts_of_a_known_size_are_equal(size: int | None, count: int) -> None:
    found = part_bytes(size)
    assert found <= compiled.PART_BYTES
    assert size is None or -(-size // found) == count


def test_each_part_is_told_in_its_order_when_it_is_whole(tmp_path: Path) -> None:
    content, told = primary(400), list[str]()
    pool = solv.Pool()
    pool.setarch("x86_64")
    repo = pool.add_repo("test")

    def ready(file: Path) -> None:
        told.append(file.name)
        assert repo.add_solv(solv.xfopen(str(file)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "PART_BYTES", 20_000)
        hashes = compile_primary(in_pieces(content, 999), tmp_path, "test", len(content), ready)
    assert told == sorted(file.name for file in tmp_path.iterdir()) == sorted(hashes)
    assert len(told) % 4 == 0
    assert [s.name for s in repo.solvables_iter()] == [f"p{n}" for n in range(400)]


def test_processes_that_die_are_told(tmp_path: Path) -> None:
    begun = set(children(os.getpid()))

    def unpack(into: IO[bytes]) -> None:
        into.write(primary(10)[:-400])
        for child in set(children(os.getpid())) - begun:
            os.kill(child, signal.SIGKILL)
        into.write(primary(10)[-400:])

    with pytest.raises(Malformed, match=r"test is not primary metadata: libsolv ended with status -9"):
        compile_primary(unpack, tmp_path, "test")


def test_no_package_at_all(tmp_path: Path) -> None:
    compile_primary(in_pieces(primary(0), 7), tmp_path, "test")
    assert loaded(tmp_path) == []


@pytest.mark.parametrize("content", [b"<html>Log in</html>" * 10, primary(50)[:-500], b""])
def test_what_is_no_metadata_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Malformed, match="test is not primary metadata: "):
        compile_primary(in_pieces(content, 1000), tmp_path, "test")


def test_fault_of_unpacking_ends_the_workers(tmp_path: Path) -> None:
    def unpack(into: IO[bytes]) -> None:
        into.write(primary(10)[:-400])
        raise Malformed("cut off")

    with pytest.raises(Malformed, match="cut off"):
        compile_primary(unpack, tmp_path, "test")
