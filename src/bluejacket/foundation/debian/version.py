"""Debian versions: their order (deb-version(7)), and what they become as RPM versions."""

from __future__ import annotations

import re
from functools import lru_cache

from rpm_rs import Evr as RpmEvr

from bluejacket.foundation.metadata import Evr

_PART = re.compile(r"([^0-9]*)([0-9]*)")
_END = 0
Key = tuple[int, ...]


@lru_cache(maxsize=1 << 18)
def debian_key(version: str) -> tuple[int, Key, Key]:
    """Give a key that sorts as `dpkg --compare-versions` does (deb-version(7), "Sorting algorithm")."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch or 0), _part_key(upstream), _part_key(revision)


def _part_key(text: str) -> Key:
    key: list[int] = []
    for letters, digits in _PART.findall(text or "0"):
        if not letters and not digits:
            break
        key += map(_order, letters)
        key += (_END, int(digits or 0))
    key.append(_END)
    return tuple(key)


def _order(letter: str) -> int:
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256


@lru_cache(maxsize=1 << 18)
def to_evr(version: str) -> str:
    """Give the RPM epoch:version-release of a Debian version.

    The epoch is kept and there is always a release: a native package's is 0. RPM's version knows
    neither `-` nor `:`, so further ones in the upstream part become `.` (rpm-version(7)).
    """
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, "0"
    plain = upstream.replace("-", ".").replace(":", ".")
    return str(Evr(epoch.lstrip("0") or "0", plain, revision or "0"))


@lru_cache(maxsize=1 << 18)
def rpm_key(evr: str) -> bytes:
    """Give a key that sorts as RPM compares epoch:version-release (rpm-version(7))."""
    return bytes(RpmEvr.parse(evr).sortkey())
