"""From a source to a Repository: verified metadata that is never older than the last.

A mirror may have a new repomd.xml and old data, or the other way round: whatever one mirror
lacks is asked of the next, under the same hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bluejacket.errors import BluejacketError, Fault, OutsideError, UserError
from bluejacket.foundation.fetch import DiskFull, Fetcher, NotThere, Wanted
from bluejacket.foundation.rpmmd.accepted import (
    Accepted,
    Rollback,
    read_accepted,
    record_of,
    refuse_older_metalink,
    refuse_older_repomd,
    write_accepted,
)
from bluejacket.foundation.rpmmd.metalink import (
    REPOMD,
    Described,
    base_of,
    parse_metalink,
    parse_mirrorlist,
)
from bluejacket.foundation.rpmmd.repomd import Repomd, parse_repomd
from bluejacket.foundation.rpmmd.repository import Repository, data_wanted
from bluejacket.foundation.rpmmd.source import Source
from bluejacket.report import SILENT, Report
from bluejacket.store import Store, locked

_METALINK_BYTES = 4 << 20
_REPOMD_BYTES = 4 << 20
_SIGNATURE_BYTES = 1 << 20
_AT_ONCE = ("primary", "modules")  # what loading always needs


class _Index(NamedTuple):
    """A verified repomd.xml. `content` as it came, `bases` the mirrors in order."""

    content: bytes
    repomd: Repomd
    bases: tuple[str, ...]
    timestamp: int = 0


def refresh(
    source: Source, fetcher: Fetcher, store: Store, indexes: Path, report: Report = SILENT
) -> Repository:
    """Fetch what `source` now has, verified, and remember it below the folder `indexes`.

    Raises Rollback for something older than the last time, BadSignature, Malformed, NotThere,
    OutsideError, and UserError for a source that nothing could vouch for.
    """
    _demand_trust(source)
    file = record_of(indexes, source.id)
    with locked(indexes / f".lock-rpmmd-{source.id}"):
        try:
            return _once(source, fetcher, store, file, report)
        except NotThere as error:
            report.detail(f"{source.id}: {error}; perhaps it changed meanwhile, asking again")
            return _once(source, fetcher, store, file, report)


def _once(source: Source, fetcher: Fetcher, store: Store, file: Path, report: Report) -> Repository:
    last = read_accepted(file)
    find = _by_metalink if source.metalink else _by_bases
    index = find(source, fetcher, last, file, report)
    repository = _with_data(source, index, fetcher, store, report)
    write_accepted(file, _accepted(index, repository))
    return repository


def _demand_trust(source: Source) -> None:
    local = bool(source.baseurls) and all(url.startswith("file://") for url in source.baseurls)
    if source.metadata_signed or not local:
        _ = source.keys
    if not (source.metalink or source.metadata_signed or local):
        raise UserError(
            Fault(
                f"{source.id}: nothing vouches for its repomd.xml",
                "give a metalink, or demand a signature (metadata_signed = true)",
            )
        )


def _by_metalink(source: Source, fetcher: Fetcher, last: Accepted, file: Path, report: Report) -> _Index:
    name = f"the metalink of {source.id}"
    if source.metalink.startswith("http://"):
        report.warn(f"{name} comes without TLS: only the packages' signatures vouch for them")
    metalink = parse_metalink(fetcher.get_small([source.metalink], _METALINK_BYTES), name)
    refuse_older_metalink(last, metalink.main.timestamp, name, file)
    refusals: list[BluejacketError] = []
    for described in metalink.acceptable(not_before=last.timestamp):
        try:
            index = _described(source, described, metalink.bases, fetcher)
            refuse_older_repomd(last, index.repomd, source.id, file)
        except DiskFull:
            raise
        except OutsideError as error:
            refusals.append(error)
            continue
        if described is not metalink.main:
            report.warn(
                f"{source.id}: no mirror has the newest state yet; taking that of {described.timestamp}"
            )
        return index
    raise _refusal(refusals)


def _described(source: Source, described: Described, bases: tuple[str, ...], fetcher: Fetcher) -> _Index:
    """Get the repomd.xml that a metalink describes, from any mirror."""
    name = f"repomd.xml of {source.id}"
    urls = tuple(base + REPOMD for base in bases)
    path = fetcher.fetch(Wanted(name, urls, described.size, described.sha256, described.sha512))
    content = path.read_bytes()
    if source.metadata_signed:
        _verify_somewhere(source, content, bases, fetcher)
    return _Index(content, parse_repomd(content, name), bases, described.timestamp)


def _verify_somewhere(source: Source, content: bytes, bases: Sequence[str], fetcher: Fetcher) -> None:
    """A mirror that is behind has the signature of another repomd.xml: ask the next."""
    refusals: list[BluejacketError] = []
    for base in bases:
        try:
            signature = fetcher.get_small([base + REPOMD + ".asc"], _SIGNATURE_BYTES)
            _verify(source, content, signature)
        except OutsideError as error:
            refusals.append(error)
        else:
            return
    raise _refusal(refusals)


def _verify(source: Source, content: bytes, signature: bytes) -> None:
    from bluejacket.foundation.openpgp import verify_detached  # here, as Fedora signs no repomd.xml

    verify_detached(content, signature, source.keys, f"repomd.xml of {source.id}")


def _bases(source: Source, fetcher: Fetcher) -> tuple[str, ...]:
    if source.mirrorlist:
        content = fetcher.get_small([source.mirrorlist], _METALINK_BYTES)
        return parse_mirrorlist(content, f"the mirror list of {source.id}")
    return tuple(base_of(url) for url in source.baseurls)


def _by_bases(source: Source, fetcher: Fetcher, last: Accepted, file: Path, report: Report) -> _Index:
    """Take the first mirror whose repomd.xml is signed and not older than the last one."""
    bases = _bases(source, fetcher)
    refusals: list[BluejacketError] = []
    for base in bases:
        name = f"repomd.xml of {source.id}"
        try:
            content = fetcher.get_small([base + REPOMD], _REPOMD_BYTES)
            if source.metadata_signed:
                signature = fetcher.get_small([base + REPOMD + ".asc"], _SIGNATURE_BYTES)
                _verify(source, content, signature)
            repomd = parse_repomd(content, name)
            refuse_older_repomd(last, repomd, f"{source.id} at {base}", file)
        except OutsideError as error:
            report.detail(str(error))
            refusals.append(error)
        else:
            return _Index(content, repomd, (base, *(other for other in bases if other != base)))
    raise _refusal(refusals)


def _refusal(refusals: Sequence[BluejacketError]) -> BluejacketError:
    """Give all refusals as one; of their own kind if they are all of one kind."""
    if len(refusals) == 1:
        return refusals[0]
    faults = [fault for refusal in refusals for fault in refusal.faults]
    if any(isinstance(refusal, Rollback) for refusal in refusals):
        return Rollback(*faults)
    kinds = {type(refusal) for refusal in refusals}
    return (kinds.pop() if len(kinds) == 1 else OutsideError)(*faults)


def _with_data(source: Source, index: _Index, fetcher: Fetcher, store: Store, report: Report) -> Repository:
    with store.part() as part:
        part.write(index.content)
        part.commit(part.sha256)
    repository = Repository(source, index.repomd, index.bases, part.sha256, store, fetcher, report)
    wanted = {
        kind: data_wanted(index.repomd.data[kind], index.bases, source.id)
        for kind in _AT_ONCE
        if kind in index.repomd.data
    }
    paths = fetcher.fetch_all(list(wanted.values()), f"Metadata of {source.id}")
    repository.held.update({kind: paths[want.hash].name for kind, want in wanted.items()})
    return repository


def _accepted(index: _Index, repository: Repository) -> Accepted:
    return Accepted(
        timestamp=index.timestamp,
        revision=index.repomd.revision,
        newest=index.repomd.newest,
        repomd=repository.sha256,
        bases=index.bases,
        data=dict(repository.held),
    )
