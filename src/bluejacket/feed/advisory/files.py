"""All files below `advisories/`: what is written and where, the same bytes for the same advisories."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bluejacket.definition import Release
from bluejacket.feed.advisory import provider
from bluejacket.feed.advisory.csaf import csaf_path, vex
from bluejacket.feed.advisory.model import Advisory
from bluejacket.feed.advisory.names import FOLDER, has_osv, has_vex, stem_of, writable
from bluejacket.feed.advisory.osv import osv
from bluejacket.feed.advisory.page import advisory_page, index_page
from bluejacket.package.keys import KEY_TIME, Signer
from bluejacket.package.sign import sign_detached


def write_advisories(
    folder: Path, advisories: Sequence[Advisory], release: Release, signer: Signer | None = None
) -> None:
    """Write `advisories/` into `folder`, which is a store step's or otherwise renamed when it is whole.

    With a signer every CSAF document gets a signature beside it.
    """
    for name, data in advisory_files(advisories, release, signer).items():
        file = folder / FOLDER / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o644)  # whatever the umask
    for below in (folder / FOLDER, *(path for path in (folder / FOLDER).rglob("*") if path.is_dir())):
        below.chmod(0o755)


def advisory_files(
    advisories: Sequence[Advisory], release: Release, signer: Signer | None = None
) -> dict[str, bytes]:
    """Give the content of every file below `advisories/`, by its path."""
    told = sorted(map(_writable, advisories), key=lambda one: (one.issued, one.id), reverse=True)
    files = {f"{stem_of(one.id)}.html": advisory_page(one, release).encode() for one in told}
    files["index.html"] = index_page(told, release).encode()
    files |= _under("osv/", _osv_files([one for one in told if has_osv(one)], release))
    files |= _under("csaf/", _csaf_files([one for one in told if has_vex(one)], release, signer))
    return dict(sorted(files.items()))


def _writable(advisory: Advisory) -> Advisory:
    return replace(
        advisory,
        title=writable(advisory.title),
        description=writable(advisory.description),
        severity_source=writable(advisory.severity_source),
        withdrawn_because=writable(advisory.withdrawn_because),
        references=tuple(
            replace(one, id=writable(one.id), title=writable(one.title)) for one in advisory.references
        ),
        not_affected=tuple(replace(one, note=writable(one.note)) for one in advisory.not_affected),
    )


def _under(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {folder + name: data for name, data in files.items()}


def _json(table: Mapping[str, object]) -> bytes:
    """Give JSON with a line for each key of the outermost object, sorted (CSAF 2.0 §5.3).

    With indents it would be more readable, and take Python's own encoder, which is ten times slower.
    """
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, sort_keys=True, ensure_ascii=False)}"
        for key, value in sorted(table.items())
    ]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _osv_files(advisories: Sequence[Advisory], release: Release) -> dict[str, bytes]:
    """Give a file an advisory, and all of them in one archive, as scanners without a network want it."""
    files = {f"{stem_of(one.id)}.json": _json(osv(one, release)) for one in advisories}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:  # the same bytes with any zlib
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return files | {"all.zip": packed.getvalue()}


def _csaf_files(advisories: Sequence[Advisory], release: Release, signer: Signer | None) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for advisory in advisories:
        path, document = csaf_path(advisory), _json(vex(advisory, release))
        files[path] = document
        files |= _under(path, provider.digests(path.rpartition("/")[2], document))
        if signer:
            when = max(advisory.updated, KEY_TIME)
            files[f"{path}.asc"] = sign_detached(document, signer, when).encode("ascii")
    if signer:
        files[provider.KEY] = signer.certificate().encode("ascii")
    files["index.txt"] = provider.index(advisories).encode()
    files["changes.csv"] = provider.changes(advisories).encode()
    updated = max((max(one.issued, one.updated) for one in advisories), default=0)
    files["provider-metadata.json"] = _json(provider.provider_metadata(release, updated, signer))
    return files | {name: text.encode() for name, text in provider.listings(files).items()}
