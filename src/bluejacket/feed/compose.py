"""Composing a feed's index: metadata about its packages, and a signature over all of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

from bluejacket.definition.feed import Feed
from bluejacket.errors import Fault, OutsideError
from bluejacket.feed.garbage import uncollected
from bluejacket.feed.shards import Written, write_metadata
from bluejacket.package.describe import createrepo
from bluejacket.package.keys import KEY_TIME, Signer
from bluejacket.package.made import Made
from bluejacket.package.sign import sign_detached
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical

KEY_FILE = "repomd.xml.key"
TABLE = "packages.json"  # beside `repodata/`
_CODE = (
    "bluejacket.feed.compose",
    "bluejacket.feed.former",
    "bluejacket.feed.shard",
    "bluejacket.feed.shards",
    "bluejacket.package.openpgp_write",
    "bluejacket.package.sign",
)


@uncollected()
def compose_index(
    store: Store,
    feed: Feed,
    packages: Sequence[Made],
    signer: Signer,
    epoch: int,
) -> Path:
    """Give a folder with what a feed says of `packages`: `repodata/`, and `packages.json` (see `Table`).

    `epoch` (seconds since 1970) is the revision and the time of the signature. The same packages,
    key and epoch give the same bytes. Raises OutsideError for two packages of the same file name.
    """
    named = sorted(((made.filename, made) for made in packages), key=itemgetter(0))
    names, packages = [name for name, _ in named], [made for _, made in named]
    _refuse_twins(names)
    step = Step(
        "index",
        code_of(*_CODE),
        canonical([feed.compression, feed.changelogs, epoch, createrepo().VERSION, zstandard.__version__]),
        (signer.identity, *(made.key for made in packages)),
    )

    def write(into: Path) -> dict[str, str]:
        repodata = into / "repodata"
        repodata.mkdir()
        metadata = write_metadata(store, repodata, packages, feed)
        sign_repodata(repodata, metadata.files, signer, epoch)
        table = (names, [metadata.packages[name] for name in names], [made.key for made in packages])
        _write(into / TABLE, json.dumps(table, separators=(",", ":")).encode("utf-8"))
        for folder in (into, repodata):
            folder.chmod(0o755)  # whatever the umask
        return {f"repodata/{written.file.name}": written.sha256 for written in metadata.files}

    return store.obtain(step, write, synced=False)


class Table(NamedTuple):
    """The packages of an index in the order of their file names: those, SHA-256, the keys of their steps."""

    names: Sequence[str]
    hashes: Sequence[str]
    keys: Sequence[str]

    @classmethod
    def read(cls, store: Store, index: str) -> Table:
        """Read that of the index with this key. Raises OutsideError when the store has none that is whole."""
        folder = store.step_of_key(index)
        if folder is None:
            what = f"the store has no whole index {index[:16]}… of a feed"
            raise OutsideError(Fault(what, "build the feed again"))
        return cls(*json.loads((folder / TABLE).read_text("utf-8")))


def _refuse_twins(names: Sequence[str]) -> None:
    for one, other in pairwise(names):
        if one == other:
            raise OutsideError(Fault(f"two packages of the feed are called {one}"))


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
    record.size, record.size_open = written.size, written.open_size
    record.timestamp = epoch
    return record


def _write(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    file.chmod(0o644)
