"""Composing a feed: packages side by side, metadata about them, and a signature over all of it."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import os
import re
from collections.abc import Sequence
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import zstandard

from bluejacket.definition.feed import Feed
from bluejacket.errors import Fault, OutsideError
from bluejacket.package.describe import createrepo, description_of, location_of
from bluejacket.package.imported import Made
from bluejacket.package.keys import KEY_TIME, Signer
from bluejacket.package.sign import sign_detached
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical

KEY_FILE = "repomd.xml.key"
_RPM = 'xmlns:rpm="http://linux.duke.edu/metadata/rpm"'
_COMMON = "http://linux.duke.edu/metadata"
_ROOTS = {
    "primary": ("metadata", f'xmlns="{_COMMON}/common" {_RPM}'),
    "filelists": ("filelists", f'xmlns="{_COMMON}/filelists"'),
    "other": ("otherdata", f'xmlns="{_COMMON}/other"'),
}
_SUFFIXES = {"zstd": ".zst", "gzip": ".gz", "xz": ".xz"}
_CODE = ("bluejacket.feed.compose", "bluejacket.package.openpgp_write", "bluejacket.package.sign")
_CHANGE = re.compile(r"  <changelog .*?</changelog>\n", re.S)


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
    packages = sorted(packages, key=lambda made: made.rpm.name)
    _refuse_twins(packages)
    step = Step(
        "feed",
        code_of(*_CODE),
        canonical([feed.compression, feed.changelogs, epoch, version("createrepo-c"), version("zstandard")]),
        (signer.fingerprint, *(made.key for made in packages)),
    )
    return store.obtain(step, lambda into: write_feed(into, packages, feed, signer, epoch))


def _refuse_twins(packages: Sequence[Made]) -> None:
    for one, other in pairwise(packages):
        if one.rpm.name == other.rpm.name:
            raise OutsideError(Fault(f"two packages of the feed are called {one.rpm.name}"))


def write_feed(into: Path, packages: Sequence[Made], feed: Feed, signer: Signer, epoch: int) -> None:
    """Write the feed's files into the empty folder `into`; `packages` are in the order of their names."""
    described = []
    for made in packages:
        target = into / location_of(made.rpm.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(made.rpm, target)
        described.append(json.loads(description_of(made.rpm).read_text("utf-8")))
    repodata = into / "repodata"
    repodata.mkdir()
    repomd = createrepo().Repomd()
    repomd.set_revision(str(epoch))
    for kind in _ROOTS:
        pieces = [xml[kind].rstrip("\n") + "\n" for xml in described]
        if kind == "other":
            pieces = [newest(piece, feed.changelogs) for piece in pieces]
        repomd.set_record(_record(repodata, kind, pieces, feed.compression, epoch))
    text = repomd.xml_dump()
    _write(repodata / "repomd.xml", text.encode("utf-8"))
    signature = sign_detached(text.encode("utf-8"), signer, max(epoch, KEY_TIME))
    _write(repodata / "repomd.xml.asc", signature.encode("ascii"))
    _write(repodata / KEY_FILE, signer.certificate().encode("ascii"))
    for folder in (into, *(p for p in into.rglob("*") if p.is_dir())):
        folder.chmod(0o755)  # whatever the umask


def newest(other: str, count: int) -> str:
    """Give a package's element of other.xml with its newest `count` changes; they stand oldest first."""
    found = list(_CHANGE.finditer(other))
    if len(found) <= count:
        return other
    kept = "".join(change[0] for change in found[len(found) - count :])
    return other[: found[0].start()] + kept + other[found[-1].end() :]


def _record(repodata: Path, kind: str, pieces: Sequence[str], compression: str, epoch: int) -> Any:
    """Write one metadata file; gives what repomd.xml says of it."""
    element, names = _ROOTS[kind]
    plain = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{element} {names} packages="{len(pieces)}">\n'
        + "".join(pieces)
        + f"</{element}>\n"
    ).encode()
    packed = _packed(plain, compression)
    digest = hashlib.sha256(packed).hexdigest()
    name = f"{digest}-{kind}.xml{_SUFFIXES[compression]}"
    _write(repodata / name, packed)
    record = createrepo().RepomdRecord(kind, str(repodata / name))
    record.location_href = f"repodata/{name}"
    record.checksum, record.checksum_type = digest, "sha256"
    record.checksum_open, record.checksum_open_type = hashlib.sha256(plain).hexdigest(), "sha256"
    record.size, record.size_open = len(packed), len(plain)
    record.timestamp = epoch
    return record


def _packed(data: bytes, compression: str) -> bytes:
    match compression:
        case "zstd":
            return zstandard.ZstdCompressor(level=10, write_content_size=True).compress(data)
        case "gzip":
            return gzip.compress(data, 9, mtime=0)
        case _:
            return lzma.compress(data, preset=6)


def _write(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    file.chmod(0o644)
