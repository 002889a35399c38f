"""From a lock to a signed feed: the whole way, each part a step of the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from bluejacket.definition import Release
from bluejacket.errors import Fault, OutsideError
from bluejacket.feed.built import Built, boot_key_of, signer_of
from bluejacket.foundation.lock import Lock, lock_file
from bluejacket.store import State, Step, code_of
from bluejacket.store.files import replace_link
from bluejacket.store.steps import canonical
from bluejacket.tools import Sandbox

if TYPE_CHECKING:
    from concurrent.futures import Executor

_CODE = (
    "bluejacket.definition",
    "bluejacket.foundation",
    "bluejacket.package",
    "bluejacket.feed.build",
    "bluejacket.feed.built",
    "bluejacket.feed.closure",
    "bluejacket.feed.compose",
    "bluejacket.feed.folder",
    "bluejacket.feed.former",
    "bluejacket.feed.make",
    "bluejacket.feed.shard",
    "bluejacket.feed.shards",
)
_SUMMARY = "built.json"


def build_feed(
    state: State, release: Release, lock: Lock, box: Sandbox, tools: str, executor: Executor | None = None
) -> Built:
    """Give the release's feed, with only those parts made anew whose inputs have changed.

    `tools` is the key of the tools tree of `box`. Raises UserError for definitions that fit no more,
    OutsideError and ToolFailed for what failed outside.
    """
    signer, boot_key = signer_of(state, release), boot_key_of(state, release)
    whole = Step(
        "build",
        code_of(*_CODE),
        canonical(dict(_sources(release))),
        (tools, signer.identity, boot_key.identity, _digest(lock_file(release))),
    )
    if (built := _known(state, whole)) is None:
        from bluejacket.feed.make import make_feed  # what converts and builds is large
        from bluejacket.package.own import Workshop

        shop = Workshop(state.store, box, tools, signer, lock.epoch, boot_key)
        built = make_feed(state, release, lock, shop, executor)
        state.store.obtain(whole, lambda into: _summarise(built, into))
    replace_link(state.feed_link(release.distribution.id, release.version), built.folder)
    for text in built.unreviewed:
        state.report.detail(f"not reviewed: {text}")
    return built


def _summarise(built: Built, into: Path) -> None:
    table = asdict(built) | {"folder": built.folder.name}
    (into / _SUMMARY).write_text(json.dumps(table))


def _known(state: State, whole: Step) -> Built | None:
    """Give what an earlier build left, if all of it is still there and whole."""
    summary = state.store.step(whole)
    if summary is None:
        return None
    table = json.loads((summary / _SUMMARY).read_text("utf-8"))
    folder = state.store.step_of_key(table["key"])
    if folder is None or state.store.step_of_key(table["index"]) is None:
        return None
    lists = {name: tuple(table[name]) for name in ("unreviewed", "tolerated")}
    return Built(**table | lists | {"folder": folder})


def _sources(release: Release) -> Iterator[tuple[str, str]]:
    """Give every file of the definitions that a feed can depend on, with its digest."""
    for file in sorted(release.folder.rglob("*")):
        name = file.relative_to(release.folder).as_posix()
        if file.is_file() and name.partition("/")[0] not in ("locks", "images", "advisories"):
            yield name, _digest(file) + oct(file.stat().st_mode & 0o111)


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise OutsideError(Fault(f"{file} cannot be read: {error.strerror}")) from error
