"""Debian's order against dpkg itself, and RPM's against what rpm-rs compares."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluejacket.foundation.debian.version import debian_key, rpm_key, to_evr

PIECE = st.text("0123456789abzAZ.+~", min_size=1, max_size=6)
VERSIONS = st.builds(
    lambda epoch, first, rest, revision: f"{epoch}{first}{rest}{revision}",
    st.sampled_from(["", "0:", "1:", "12:"]),
    st.sampled_from("0123456789"),
    PIECE,
    st.one_of(st.just(""), PIECE.map("-{}".format), st.just("-1-2")),
)


def dpkg_says(left: str, right: str) -> str:
    for operator in ("lt", "eq"):
        if subprocess.run(["dpkg", "--compare-versions", left, operator, right]).returncode == 0:
            return operator
    return "gt"


def ours(left: str, right: str) -> str:
    a, b = debian_key(left), debian_key(right)
    return "lt" if a < b else "eq" if a == b else "gt"


@settings(max_examples=150, deadline=None)
@given(VERSIONS, VERSIONS)
def test_order_is_that_of_dpkg(left: str, right: str) -> None:
    assert ours(left, right) == dpkg_says(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1.0", "1.0~"),
        ("1.0", "1.0-0"),
        ("1.", "1.0"),
        ("1.0~~", "1.0~"),
        ("1a", "1a0"),
        ("4.4.0~", "4.4.0-1"),
    ],
)
def test_corners_are_those_of_dpkg(left: str, right: str) -> None:
    assert ours(left, right) == dpkg_says(left, right)
    assert ours(right, left) == dpkg_says(right, left)


@pytest.mark.parametrize(
    ("version", "evr"),
    [
        ("1.0-1", "1.0-1"),
        ("1.0", "1.0-0"),
        ("0:1.0-1", "1.0-1"),
        ("2:1.0-rc1-3+b1", "2:1.0.rc1-3+b1"),
        ("1:2:3-1", "1:2.3-1"),
        ("1.0~rc1-1~exp1", "1.0~rc1-1~exp1"),
    ],
)
def test_evr_keeps_epoch_and_has_a_release(version: str, evr: str) -> None:
    assert to_evr(version) == evr


@settings(max_examples=200)
@given(VERSIONS)
def test_every_version_becomes_a_key(version: str) -> None:
    evr = to_evr(version)
    assert evr.count("-") == 1
    assert rpm_key(evr) == rpm_key(evr)
