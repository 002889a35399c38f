"""What was last accepted of a repository, so that no mirror can take us back.

A metalink keeps the hashes of older repomd.xml for days, a mirror may be stale or frozen, and a
thief of the network can replay both: newer is proven by nothing but what was seen before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.foundation.rpmmd.repomd import Repomd
from bluejacket.store import replace_text


class Rollback(OutsideError):
    """A mirror or metalink offers something older than what was accepted before."""


class Accepted(NamedTuple):
    """One accepted state: the metalink's timestamp (0 without one), the repomd.xml, its data.

    `bases` are the mirrors that it came from; `data` the store's hash by kind of data.
    """

    timestamp: int = 0
    revision: str = ""
    newest: int = 0
    repomd: str = ""
    bases: tuple[str, ...] = ()
    data: Mapping[str, str] = MappingProxyType({})


def record_of(indexes: Path, name: str) -> Path:
    """Give the file below the folder `indexes` that remembers the repository `name`."""
    return indexes / f"rpmmd-{name}.json"


def read_accepted(file: Path) -> Accepted:
    """Give what was accepted last; an empty record if nothing was. Raises OutsideError."""
    try:
        told = json.loads(file.read_text("utf-8"))
        told["bases"] = tuple(told["bases"])
        return Accepted(**told)
    except FileNotFoundError:
        return Accepted()
    except (ValueError, TypeError, KeyError) as error:
        raise OutsideError(
            Fault(
                f"the record of what was accepted last is damaged: {error}",
                "remove the file; an older state of the repository would then not be noticed once",
                Place(file),
            )
        ) from None


def write_accepted(file: Path, accepted: Accepted) -> None:
    """Remember `accepted`, atomically."""
    replace_text(file, json.dumps(accepted._asdict() | {"data": dict(accepted.data)}, indent=1))


def refuse_older_metalink(last: Accepted, timestamp: int, name: str, file: Path) -> None:
    """Raise Rollback if the metalink's main repomd.xml is older than the last one accepted."""
    if timestamp < last.timestamp:
        raise _rollback(name, f"timestamp {timestamp}", f"{last.timestamp}", file)


def refuse_older_repomd(last: Accepted, repomd: Repomd, name: str, file: Path) -> None:
    """Raise Rollback if `repomd` is older: by revision where that is a number, else by its data."""
    if repomd.revision.isdecimal() and last.revision.isdecimal():
        if int(repomd.revision) < int(last.revision):
            raise _rollback(name, f"revision {repomd.revision}", last.revision, file)
        if int(repomd.revision) > int(last.revision):
            return
    if repomd.newest < last.newest:
        raise _rollback(name, f"data of {repomd.newest}", f"{last.newest}", file)


def _rollback(name: str, offered: str, last: str, file: Path) -> Rollback:
    return Rollback(
        Fault(
            f"{name} offers {offered}, older than the {last} accepted before",
            f"try again later; if the repository really went back, remove {file}",
        )
    )
