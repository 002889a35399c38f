"""The VHD footer against the specification's words, and against a reader that is not ours."""

from __future__ import annotations

import struct
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.errors import OutsideError
from bluejacket.image.vhd import FOOTER, MIB, footer, geometry

IDENTITY = UUID("12345678-1234-8234-9234-123456789abc")


def test_footer_has_the_fields_where_the_specification_puts_them() -> None:
    made = footer(1030 * MIB, 946_684_800 + 77, IDENTITY)
    assert len(made) == FOOTER
    assert made[0:8] == b"conectix"
    assert struct.unpack(">IIQI", made[8:28]) == (2, 0x10000, 2**64 - 1, 77)
    assert struct.unpack(">QQ", made[40:56]) == (1030 * MIB, 1030 * MIB)
    assert struct.unpack(">I", made[60:64]) == (2,)  # a fixed disk
    assert made[68:84] == IDENTITY.bytes
    assert set(made[84:]) == {0}


def test_the_checksum_is_that_of_the_rest() -> None:
    made = footer(64 * MIB, 10**9, IDENTITY)
    rest = made[:64] + bytes(4) + made[68:]
    assert struct.unpack(">I", made[64:68])[0] == ~sum(rest) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        # worked by hand from the appendix: 17, then 31, then 63 sectors a track, and 255 beyond 32 GB
        (64 * MIB, (963, 8, 17)),
        (1030 * MIB, (2092, 16, 63)),
        (127 * 1024 * MIB, (65278, 16, 255)),
    ],
    ids=["64 MiB", "1030 MiB", "127 GiB"],
)
def test_geometry_of_known_sizes(size: int, expected: tuple[int, int, int]) -> None:
    assert geometry(size) == expected


@given(st.integers(min_value=3, max_value=2 * 1024 * 1024))
def test_geometry_fits_its_fields_and_never_claims_more_than_there_is(mib: int) -> None:
    cylinders, heads, track = geometry(mib * MIB)
    assert 0 < cylinders <= 0xFFFF
    assert 4 <= heads <= 16
    assert track in (17, 31, 63, 255)
    assert cylinders * heads * track * 512 <= mib * MIB


def test_a_size_that_azure_refuses_is_refused() -> None:
    with pytest.raises(OutsideError, match="no multiple of 1 MiB"):
        footer(64 * MIB + 512, 10**9, IDENTITY)
