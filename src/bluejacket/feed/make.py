"""Making a feed: packages converted and built, and metadata about them."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from bluejacket.definition import Release
from bluejacket.feed.built import Built, signer_of
from bluejacket.feed.closure import refuse_open_ends
from bluejacket.feed.compose import compose_index
from bluejacket.feed.folder import lay_out
from bluejacket.foundation.lock import Lock
from bluejacket.foundation.locked import fetch_locked
from bluejacket.package.imported import import_packages
from bluejacket.package.own import Workshop, build_for_boot, build_plain
from bluejacket.package.review import Unreviewed, unreviewed
from bluejacket.store import State


def make_feed(
    state: State, release: Release, lock: Lock, shop: Workshop, executor: Executor | None = None
) -> Built:
    """Give a release's feed, from parts that are kept and parts that are made now.

    Raises UserError for definitions that fit no more, OutsideError and ToolFailed for what failed outside.
    """
    packages = [locked.package for locked in lock.packages]
    with ThreadPoolExecutor(1) as beside:
        # rpmbuild and the policy's compiler keep one core busy while packages are converted on the others
        own = beside.submit(lambda: build_plain(shop, release, _materials(state, release, lock)))
        files = fetch_locked(state, release, lock.packages, "Downloading packages")
        imported = import_packages(state.store, release, packages, files, shop.signer, state.report, executor)
        booted = build_for_boot(shop, release, imported)
        mine = [*own.result(), *booted]
    everything = [*imported, *mine]
    refuse_open_ends(everything)
    index = compose_index(state.store, release.feed, everything, shop.signer, lock.epoch).parent.name
    folder = lay_out(state.store, index, everything)
    return Built(
        release=release.version,
        folder=folder,
        key=folder.parent.name,
        index=index,
        epoch=lock.epoch,
        packages=len(everything),
        size=sum(made.rpm.stat().st_size for made in everything),
        unreviewed=tuple(str(one) for one in unreviewed(everything, release.reviews)),
        tolerated=lock.tolerated,
    )


def _materials(state: State, release: Release, lock: Lock) -> dict[str, Path]:
    """Give the packages that own ones are built from, by name."""
    if not lock.materials:
        return {}
    files = fetch_locked(state, release, lock.materials, "Downloading what own packages are built from")
    return {locked.package.name: files[locked.package.sha256] for locked in lock.materials}


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
