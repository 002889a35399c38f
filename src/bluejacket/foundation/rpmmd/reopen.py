"""A repository as it was last accepted, without asking anyone, and without importing what could."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.rpmmd.accepted import read_accepted, record_of
from bluejacket.foundation.rpmmd.repomd import parse_repomd
from bluejacket.foundation.rpmmd.repository import Repository
from bluejacket.foundation.rpmmd.source import Source
from bluejacket.report import SILENT, Report
from bluejacket.store import Store

if TYPE_CHECKING:
    from bluejacket.foundation.fetch import Fetcher


def reopen(
    source: Source, store: Store, indexes: Path, fetcher: Fetcher | None = None, report: Report = SILENT
) -> Repository:
    """Give the repository as it was last accepted, without asking anyone.

    Raises OutsideError if it never was, or the store lost it.
    """
    last = read_accepted(record_of(indexes, source.id))
    kept = store.blob(last.repomd) if last.repomd else None
    if kept is None:
        raise OutsideError(Fault(f"{source.id} was never fetched", "fetch it first"))
    repomd = parse_repomd(kept.read_bytes(), f"{source.id}: repomd.xml")
    held = {kind: sha256 for kind, sha256 in last.data.items() if kind in repomd.data}
    return Repository(source, repomd, last.bases, last.repomd, store, fetcher, report, held)
