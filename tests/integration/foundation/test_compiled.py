"""Metadata compiled in parts is the metadata."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
import solv
from hypothesis import given, settings
from hypothesis import strategies as st

from bluejacket.foundation.rpmmd import compiled
from bluejacket.foundation.rpmmd.compiled import compile_primary
from bluejacket.foundation.rpmmd.parts import load_into
from bluejacket.foundation.rpmmd.xml import Malformed

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
