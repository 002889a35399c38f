"""Changes to files, counted and repeatable: each is a name and the changed bytes."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from typing import NamedTuple


class Change(NamedTuple):
    """One changed file."""

    name: str
    data: bytes


def changes(data: bytes, where: tuple[int, int], count: int, name: str) -> Iterator[Change]:
    """Give `count` different changes of `data` that begin within `where` (offsets from, to)."""
    chance = random.Random(f"{name} {len(data)}")
    start, end = where
    seen = {data}
    kinds = (_flip, _flip, _flip, _overwrite, _swap, _drop, _insert, _cut, _zero)
    while count:
        kind = chance.choice(kinds)
        changed = kind(chance, data, start, end)
        if changed in seen:
            continue
        seen.add(changed)
        count -= 1
        yield Change(f"{name}-{kind.__name__.strip('_')}-{count}", changed)


def _flip(chance: random.Random, data: bytes, start: int, end: int) -> bytes:
    at = chance.randrange(start, end)
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _overwrite(chance: random.Random, data: bytes, start: int, end: int) -> bytes:
    at = chance.randrange(start, end)
    other = chance.randbytes(chance.randint(1, 16))[: end - at]
    return data[:at] + other + data[at + len(other) :]


def _swap(chance: random.Random, data: bytes, start: int, end: int) -> bytes:
    one, other = sorted(chance.choices(range(start, end), k=2))
    changed = bytearray(data)
    changed[one], changed[other] = changed[other], changed[one]
    return bytes(changed)


def _drop(chance: random.Random, data: bytes, start: int, end: int) -> bytes:
    at = chance.randrange(start, end)
    return data[:at] + data[at + chance.randint(1, 8) :]


def _insert(chance: random.Random, data: bytes, start: int, end: int) -> bytes:
    at = chance.randrange(start, end)
    return data[:at] + chance.randbytes(chance.randint(1, 8)) + data[at:]


def _cut(chance: random.Random, data: bytes, start: int, end: int) -> bytes:
    return data[: chance.randrange(start, end)]


def _zero(chance: random.Random, data: bytes, start: int, end: int) -> bytes:
    at = chance.randrange(start, end)
    size = min(chance.randint(1, 64), end - at)
    return data[:at] + bytes(size) + data[at + size :]


LEAD = 96  # bytes, rpm-format(7)
_INTRO = struct.Struct(">3sB4sII")


def sections(rpm: bytes) -> dict[str, tuple[int, int]]:
    """Give where lead, signature header, header and payload of a package begin and end."""
    signature = LEAD + _header_size(rpm, LEAD)
    header = signature + -signature % 8  # the signature header is padded to 8 bytes
    payload = header + _header_size(rpm, header)
    return {
        "lead": (0, LEAD),
        "signature": (LEAD, header),
        "header": (header, payload),
        "payload": (payload, len(rpm)),
    }


def _header_size(rpm: bytes, at: int) -> int:
    magic, _, _, count, size = _INTRO.unpack_from(rpm, at)
    if magic != b"\x8e\xad\xe8":
        raise ValueError("no header there")
    return _INTRO.size + 16 * count + size


def content(rpm: bytes) -> bytes | None:
    """Give header and payload, which are all that is installed; None where no program could find them."""
    try:
        return rpm[sections(rpm)["header"][0] :]
    except (struct.error, ValueError):
        return None
