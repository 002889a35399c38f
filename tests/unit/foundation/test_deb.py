"""A Debian package is read within bounds, and one that asks for more than that is refused."""

from __future__ import annotations

import lzma
import tarfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.errors import OutsideError
from bluejacket.foundation.debian.deb import Kind, read_deb
from debarchive import ar
from debs import BUILT, Member, Thing, folder, link, tar, twin

CONTROL = tar([Member("/control", b"Package: thing\nVersion: 1\n")], "gz")


def deb(
    tmp_path: Path, members: list[Member], name: str = "data.tar.xz", packed: bytes | None = None
) -> Path:
    data = tar(members, "xz") if packed is None else packed
    file = tmp_path / "thing.deb"
    file.write_bytes(ar([("debian-binary", b"2.0\n"), ("control.tar.gz", CONTROL), (name, data)]))
    return file


def test_entries_are_as_the_archive_has_them(tmp_path: Path) -> None:
    thing = Thing(
        members=[
            folder("/"),
            folder("/usr", 0o755),
            Member("/usr/a", b"content", 0o4711, "daemon", "games", when=BUILT - 5),
            twin("/usr/b", "/usr/a"),
            link("/usr/c", "../etc/c"),
            Member("/dev/thing", kind=tarfile.CHRTYPE, mode=0o600),
        ],
        conffiles=["/etc/x"],
        scripts={"preinst": "#!/bin/sh\n", "md5sums": "not a script"},
        documented=False,
    )
    read = read_deb(thing.write(tmp_path)[0])
    assert list(read.entries) == ["/usr", "/usr/a", "/usr/b", "/usr/c", "/dev/thing"]
    a, b = read.entries["/usr/a"], read.entries["/usr/b"]
    assert (a.kind, a.mode, a.owner, a.group, a.content) == (Kind.FILE, 0o4711, "daemon", "games", b"content")
    assert (b.content, b.mode, b.twin, a.twin) == (b"content", 0o4711, "/usr/a", "/usr/a")
    assert read.entries["/usr/c"].target == "../etc/c"
    assert read.entries["/dev/thing"].kind is Kind.CHARACTER
    assert [script.name for script in read.scripts] == ["preinst"]
    assert read.conffiles == ("/etc/x",)
    assert read.built == BUILT


@pytest.mark.parametrize("compression", ["xz", "zst", "gz", "bz2", ""])
def test_every_compression_of_deb5_is_read(tmp_path: Path, compression: str) -> None:
    plain = tar([Member("/a", b"x" * 100_000)], "")
    packed = {
        "zst": lambda: zstandard.ZstdCompressor().compress(plain),
        "xz": lambda: lzma.compress(plain),
        "": lambda: plain,
    }.get(compression, lambda: tar([Member("/a", b"x" * 100_000)], compression))()
    file = deb(tmp_path, [], f"data.tar.{compression}".rstrip("."), packed)
    assert read_deb(file).entries["/a"].content == b"x" * 100_000


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ([Member("../etc/passwd")], "leaves the root"),
        ([Member("/usr/../../etc/passwd")], "leaves the root"),
        ([Member("/usr/a\nb")], "control characters"),
        ([link("/usr/lib", "/etc"), Member("/usr/lib/passwd")], "below /usr/lib, which is a link"),
        ([Member("/a"), Member("/a/b")], "below /a, which is a file"),
        ([twin("/a", "/b")], "which is no file before it"),
        ([Member("/a"), Member("/a")], "twice"),
        ([Member("/a", owner="", uid=42)], "number 42 without a name"),
        ([Member("/a", kind=b"Z")], "unknown type"),
    ],
)
def test_a_package_that_wants_too_much_is_refused(tmp_path: Path, members: list[Member], what: str) -> None:
    with pytest.raises(OutsideError, match=what):
        read_deb(deb(tmp_path, members))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "mark of an ar archive"),
        (b"!<arch>\n", "debian-binary is not its first"),
        (ar([("debian-binary", b"3.0\n")]), "format other than 2"),
        (ar([("debian-binary", b"2.0\n")]), "lacks control.tar"),
        (ar([("debian-binary", b"2.0\n"), ("control.tar.gz", CONTROL)]), "lacks data.tar"),
        (ar([("debian-binary", b"2.0\n"), ("control.tar.lz4", b"")]), "compression is unknown"),
        (ar([("debian-binary", b"2.0\n"), ("control.tar.gz", b"rubbish")]), "cannot|can be read"),
    ],
)
def test_what_is_no_package_is_refused(tmp_path: Path, data: bytes, what: str) -> None:
    file = tmp_path / "thing.deb"
    file.write_bytes(data)
    with pytest.raises(OutsideError, match=what):
        read_deb(file)


WHOLE = Thing(members=[Member("/usr/a", bytes(range(256)) * 64)]).bytes()


@given(cut=st.integers(0, len(WHOLE) - 1))
def test_a_package_cut_off_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    file = tmp_path_factory.mktemp("cut") / "thing.deb"
    file.write_bytes(WHOLE[:cut])
    with pytest.raises(OutsideError):
        read_deb(file)


@given(at=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    """Nothing but OutsideError: the archive's own hash is what finds every change."""
    file = tmp_path_factory.mktemp("flip") / "thing.deb"
    data = bytearray(WHOLE)
    data[at] ^= 1 << bit
    file.write_bytes(data)
    try:
        read = read_deb(file)
    except OutsideError:
        return
    assert all(path.startswith("/") and ".." not in path.split("/") for path in read.entries)
