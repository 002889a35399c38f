"""From a lock to a signed feed: the whole way, each part a step of the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from bluejacket.definition import Release
from bluejacket.errors import Fault, OutsideError
from bluejacket.feed.closure import refuse_open_ends
from bluejacket.feed.compose import compose_feed
from bluejacket.foundation.lock import Lock, lock_file
from bluejacket.foundation.locking import fetch_locked
from bluejacket.package.imported import import_packages
from bluejacket.package.keys import FileSigner
from bluejacket.package.own import Workshop, build_plain, build_ukis
from bluejacket.package.review import Unreviewed, unreviewed
from bluejacket.store import State, Step, code_of
from bluejacket.store.files import replace_link
from bluejacket.store.steps import canonical
from bluejacket.tools import Sandbox

_CODE = ("bluejacket.definition", "bluejacket.foundation", "bluejacket.package", "bluejacket.feed")
_SUMMARY = "built.json"


@dataclass(frozen=True, slots=True)
class Built:
    """A feed that is there: its folder and step, and what a report says of it. `size` is in bytes."""

    release: str
    folder: Path
    key: str
    epoch: int
    packages: int
    size: int
    unreviewed: tuple[str, ...]
    tolerated: tuple[str, ...]


def signer_of(state: State, release: Release) -> FileSigner:
    """Give the key that signs a distribution's packages and feeds, made on first use."""
    who = release.distribution
    return FileSigner.obtain(state.keys, f"{who.name} (packages)", who.id)


def build_feed(
    state: State, release: Release, lock: Lock, box: Sandbox, tools: str, executor: Executor | None = None
) -> Built:
    """Give the release's feed, with only those parts made anew whose inputs have changed.

    `tools` is the key of the tools tree of `box`. Raises UserError for definitions that fit no more,
    OutsideError and ToolFailed for what failed outside.
    """
    signer = signer_of(state, release)
    whole = Step(
        "build",
        code_of(*_CODE),
        canonical(dict(_sources(release))),
        (tools, signer.fingerprint, _digest(lock_file(release))),
    )
    if (built := _known(state, whole)) is None:
        built = _build(state, release, lock, Workshop(state.store, box, tools, signer, lock.epoch), executor)
        state.store.obtain(whole, lambda into: _summarise(built, into))
    replace_link(state.feed_link(release.distribution.id, release.version), built.folder)
    for text in built.unreviewed:
        state.report.detail(f"not reviewed: {text}")
    return built


def _build(state: State, release: Release, lock: Lock, shop: Workshop, executor: Executor | None) -> Built:
    packages = [locked.package for locked in lock.packages]
    with ThreadPoolExecutor(1) as beside:
        # rpmbuild and the policy's compiler keep one core busy while packages are converted on the others
        own = beside.submit(build_plain, shop, release)
        files = fetch_locked(state, release, lock.packages, "Downloading packages")
        imported = import_packages(state.store, release, packages, files, shop.signer, state.report, executor)
        ukis = build_ukis(shop, release, imported)
        mine = [*own.result(), *ukis]
    everything = [*imported, *mine]
    refuse_open_ends(everything)
    folder = compose_feed(state.store, release.feed, everything, shop.signer, lock.epoch)
    return Built(
        release=release.version,
        folder=folder,
        key=folder.parent.name,
        epoch=lock.epoch,
        packages=len(everything),
        size=sum(made.rpm.stat().st_size for made in everything),
        unreviewed=tuple(str(one) for one in unreviewed(everything, release.reviews)),
        tolerated=lock.tolerated,
    )


def open_reviews(state: State, release: Release, lock: Lock) -> list[Unreviewed]:
    """Give the maintainer scripts of a release's packages that a person still has to judge.

    The packages are imported as far as they are not there; raises what that raises.
    """
    files = fetch_locked(state, release, lock.packages, "Downloading packages")
    packages = [locked.package for locked in lock.packages]
    signer = signer_of(state, release)
    return unreviewed(
        import_packages(state.store, release, packages, files, signer, state.report), release.reviews
    )


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
    if folder is None:
        return None
    lists = {name: tuple(table[name]) for name in ("unreviewed", "tolerated")}
    return Built(**table | lists | {"folder": folder})


def _sources(release: Release) -> Iterator[tuple[str, str]]:
    """Give every file of the definitions that a feed can depend on, with its digest."""
    for file in sorted(release.folder.rglob("*")):
        name = file.relative_to(release.folder).as_posix()
        if file.is_file() and name.partition("/")[0] not in ("locks", "images"):
            yield name, _digest(file) + oct(file.stat().st_mode & 0o111)


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise OutsideError(Fault(f"{file} cannot be read: {error.strerror}")) from error
