"""Composing a feed: packages side by side, metadata about them, and a signature over all of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import zstandard

from bluejacket.definition.feed import Feed
from bluejacket.errors import Fault, OutsideError
from bluejacket.feed.garbage import uncollected
from bluejacket.feed.shards import Written, write_metadata
from bluejacket.forks import beside
from bluejacket.package.describe import createrepo, location_of
from bluejacket.package.keys import KEY_TIME, Signer
from bluejacket.package.made import Made
from bluejacket.package.sign import sign_detached
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical

KEY_FILE = "repomd.xml.key"
_CODE = (
    "bluejacket.feed.compose",
    "bluejacket.feed.former",
    "bluejacket.feed.shard",
    "bluejacket.feed.shards",
    "bluejacket.package.openpgp_write",
    "bluejacket.package.sign",
)


@uncollected()
def compose_feed(
    store: Store,
    feed: Feed,
    packages: Sequence[Made],
    signer: Signer,
    epoch: int,
) -> Path:
    """Give the folder of a feed with `packages`: repodata/ and packages/, which are hard links.

    `epoch` (seconds since 1970) is the revision and the time of the signature. The same packages,
    key and epoch give the same bytes. Raises OutsideError for two packages of the same file name.
    """
    named = sorted(((made.rpm.name, made) for made in packages), key=itemgetter(0))
    _refuse_twins([name for name, _ in named])
    packages = [made for _, made in named]
    step = Step(
        "feed",
        code_of(*_CODE),
        canonical([feed.compression, feed.changelogs, epoch, createrepo().VERSION, zstandard.__version__]),
        (signer.identity, *(made.key for made in packages)),
    )
    return store.obtain(step, lambda into: write_feed(store, into, packages, feed, signer, epoch))


def _refuse_twins(names: Sequence[str]) -> None:
    for one, other in pairwise(names):
        if one == other:
            raise OutsideError(Fault(f"two packages of the feed are called {one}"))


def write_feed(
    store: Store, into: Path, packages: Sequence[Made], feed: Feed, signer: Signer, epoch: int
) -> dict[str, str]:
    """Write the feed's files into the empty folder `into`; `packages` are in the order of their names.

    Gives the SHA-256 of the packages as their metadata has it, by path below `into`.
    """
    repodata = into / "repodata"
    repodata.mkdir()
    with beside(lambda: _link(into, packages)):  # a thread would stand in the way of others
        metadata = write_metadata(store, repodata, packages, feed)
    sign_repodata(repodata, metadata.files, signer, epoch)
    packed = into / "packages"
    for folder in (into, repodata, *((packed, *packed.iterdir()) if packages else ())):
        folder.chmod(0o755)  # whatever the umask
    return {location_of(name): sha256 for name, sha256 in metadata.packages.items()}


def _link(into: Path, packages: Sequence[Made]) -> None:
    """Link the packages to where their metadata say that they lie."""
    places = {str(made.rpm): location_of(made.rpm.name) for made in packages}
    for folder in {place.rpartition("/")[0] for place in places.values()}:
        (into / folder).mkdir(parents=True)
    at = os.open(into, os.O_RDONLY | os.O_DIRECTORY)  # the kernel then walks half the way
    try:
        for rpm, place in places.items():
            os.link(rpm, place, dst_dir_fd=at)
    finally:
        os.close(at)


def sign_repodata(repodata: Path, files: Sequence[Written], signer: Signer, epoch: int) -> bytes:
    """Write repomd.xml for `files` with its signature and key beside them; gives repomd.xml."""
    repomd = createrepo().Repomd()
    repomd.set_revision(str(epoch))
    for written in files:
        repomd.set_record(_record(written, epoch))
    text: str = repomd.xml_dump()
    _write(repodata / "repomd.xml", text.encode("utf-8"))
    signature = sign_detached(text.encode("utf-8"), signer, max(epoch, KEY_TIME))
    _write(repodata / "repomd.xml.asc", signature.encode("ascii"))
    _write(repodata / KEY_FILE, signer.certificate().encode("ascii"))
    return text.encode("utf-8")


def _record(written: Written, epoch: int) -> Any:
    """Give what repomd.xml says of one metadata file."""
    record = createrepo().RepomdRecord(written.kind, str(written.file))
    record.location_href = f"repodata/{written.file.name}"
    record.checksum, record.checksum_type = written.sha256, "sha256"
    record.checksum_open, record.checksum_open_type = written.open_sha256, "sha256"
    record.size, record.size_open = written.size, written.open_size
    record.timestamp = epoch
    return record


def _write(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    file.chmod(0o644)
