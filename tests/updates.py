"""Feeds with advisories in them."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import zstandard

from bluejacket.package.describe import createrepo
from bluejacket.package.sign import sign_detached
from debs import BUILT
from feeds import SIGNER


def with_updateinfo(feed: Path, into: Path, text: str) -> Path:
    """Give a copy of a feed that has this updateinfo.xml as well, signed anew."""
    shutil.copytree(feed, into)
    repodata = into / "repodata"
    packed = zstandard.ZstdCompressor().compress(text.encode())
    name = f"{hashlib.sha256(packed).hexdigest()}-updateinfo.xml.zst"
    (repodata / name).write_bytes(packed)
    repomd = createrepo().Repomd(str(repodata / "repomd.xml"))
    record = createrepo().RepomdRecord("updateinfo", str(repodata / name))
    record.fill(createrepo().SHA256)
    record.location_href = f"repodata/{name}"
    repomd.set_record(record)
    for file in ("repomd.xml", "repomd.xml.asc"):
        (repodata / file).unlink()  # the copy may be a hard link
    (repodata / "repomd.xml").write_text(repomd.xml_dump())
    signature = sign_detached(repomd.xml_dump().encode(), SIGNER, BUILT)
    (repodata / "repomd.xml.asc").write_text(signature)
    return into
