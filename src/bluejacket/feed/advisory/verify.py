"""Proves that advisories agree: every format with the record, the record with the packages and the images."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from bluejacket.feed.advisory.contents import feed_faults, image_faults
from bluejacket.feed.advisory.held import Holding, holding, locations
from bluejacket.feed.advisory.names import FOLDER, stem_of
from bluejacket.feed.advisory.reading import (
    Disagreement,
    Said,
    compare,
    read_csaf,
    read_index,
    read_osv,
    read_page,
    read_record,
    read_updateinfo,
    reading,
)
from bluejacket.foundation.openpgp import BadSignature, Keyring, verify_detached
from bluejacket.package.describe import createrepo

Manifest = Sequence[Mapping[str, Any]]
_RULE = "rule"  # what a file is held against that no other file says


def verify_advisories(
    folder: Path,
    images: Mapping[str, Manifest] | None = None,
    *,
    written: Collection[str] = (),
    certificate: str | None = None,
) -> list[Disagreement]:
    """Give every disagreement about the advisories of the snapshot in `folder`; none means that all agree.

    `folder` holds advisories.json, advisories/ and repodata/, and the packages if their whole changelogs
    are to be asked. `images` are the package manifests of images made from this snapshot, by name.
    `written` are the ids that maintainers wrote, of which no changelog need know. With an armoured
    `certificate` each CSAF document has to be signed by it.
    """
    found: list[Disagreement] = []
    record: list[Said] = []
    with reading("advisories.json", found):
        record = read_record(folder)
    if found:
        return found
    found += _record_faults(record)
    truth = {said.id: said for said in record}
    for check in (_updateinfo, _osv, _csaf, _pages):
        found += check(folder, truth)
    if certificate:
        found += _signatures(folder, certificate)
    held: Holding | None = None
    with reading("repodata", found):
        held = holding(folder)
    if held is not None:
        found += feed_faults(held, record, written)
        for name, manifest in (images or {}).items():
            found += image_faults(f"image {name}", manifest, held, record)
    return found


def _record_faults(record: Sequence[Said]) -> Iterator[Disagreement]:
    seen: dict[str, str] = {}
    for said in record:
        stem = stem_of(said.id)
        if stem in seen:
            yield Disagreement(said.file, said.id, "id", "is used twice", f"also {seen[stem]}", said.file)
        seen[stem] = said.id


def _updateinfo(folder: Path, truth: Mapping[str, Said]) -> list[Disagreement]:
    found: list[Disagreement] = []
    said: list[Said] = []
    with reading("repodata/repomd.xml", found):
        try:
            file = locations(folder).get("updateinfo")
        except createrepo().CreaterepoCError as error:
            raise OSError(str(error)) from error
        if file:
            with reading(f"repodata/{file.name}", found):
                said = read_updateinfo(file, f"repodata/{file.name}")
    wanted = {key for key, one in truth.items() if one.brings_fix}
    return found or _agreed("repodata/updateinfo.xml", said, truth, wanted)


def _osv(folder: Path, truth: Mapping[str, Said]) -> list[Disagreement]:
    found: list[Disagreement] = []
    below = folder / FOLDER / "osv"
    files = {file.name: file.read_bytes() for file in sorted(below.glob("*.json"))}
    said = _each({f"{FOLDER}/osv/{name}": data for name, data in files.items()}, read_osv, found)
    found += _agreed(
        f"{FOLDER}/osv", said, truth, {key for key, one in truth.items() if _is_security_fix(one)}
    )
    found += _misnamed(said, lambda one: f"{FOLDER}/osv/{stem_of(one.id)}.json")
    with reading(f"{FOLDER}/osv/all.zip", found):
        found += _archive(below / "all.zip", files)
    return found


def _archive(file: Path, files: Mapping[str, bytes]) -> Iterator[Disagreement]:
    try:
        with zipfile.ZipFile(BytesIO(file.read_bytes())) as archive:
            packed = {name: archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile as error:
        raise OSError(str(error)) from error
    for name in sorted(packed.keys() | files.keys()):
        if packed.get(name) != files.get(name):
            yield Disagreement(
                f"{FOLDER}/osv/all.zip", "", name, _there(name in packed), _there(name in files), "osv/"
            )


def _there(is_there: bool) -> str:
    return "has it in its own words" if is_there else "has it not"


def _csaf(folder: Path, truth: Mapping[str, Said]) -> list[Disagreement]:
    found: list[Disagreement] = []
    below = folder / FOLDER / "csaf"
    files = {file.relative_to(below).as_posix(): file.read_bytes() for file in sorted(below.glob("*/*.json"))}
    said = _each({f"{FOLDER}/csaf/{name}": data for name, data in files.items()}, read_csaf, found)
    wanted = {key for key, one in truth.items() if _is_security_fix(one) or one.fields["not_affected"]}
    expected = {key: one if one.tells_fix else _without_packages(one) for key, one in truth.items()}
    found += _agreed(f"{FOLDER}/csaf", said, expected, wanted)
    found += _misnamed(
        said, lambda one: f"{FOLDER}/csaf/{str(one.fields['issued'])[:4]}/{stem_of(one.id)}.json"
    )
    with reading(f"{FOLDER}/csaf/index.txt", found):
        listed = (below / "index.txt").read_text("utf-8").splitlines()
        found += _listed("index.txt", listed, files)
    with reading(f"{FOLDER}/csaf/changes.csv", found):
        rows = (below / "changes.csv").read_text("utf-8").splitlines()
        times = {one.file.removeprefix(f"{FOLDER}/csaf/"): one.fields["updated"] for one in said}
        found += _listed("changes.csv", rows, [f'"{name}","{when}"' for name, when in times.items()])
    for name, data in files.items():
        for kind in ("sha256", "sha512"):
            with reading(f"{FOLDER}/csaf/{name}.{kind}", found):
                found += _digest(below / f"{name}.{kind}", kind, data, f"{FOLDER}/csaf/{name}")
    return found


def _without_packages(said: Said) -> Said:
    nothing: frozenset[str] = frozenset()
    return replace(said, fields={**said.fields, "fixed": nothing, "files": nothing})


def _listed(name: str, lines: Sequence[str], expected: Iterable[str]) -> Iterator[Disagreement]:
    here, there = set(lines), set(expected)
    for line in sorted(here ^ there):
        has, lacks = f"has {line}", f"has no {line}"
        words = (has, lacks) if line in here else (lacks, has)
        yield Disagreement(f"{FOLDER}/csaf/{name}", "", "documents", *words, f"{FOLDER}/csaf")


def _digest(file: Path, kind: str, data: bytes, document: str) -> Iterator[Disagreement]:
    here, there = file.read_text("ascii").split()[0], hashlib.new(kind, data).hexdigest()
    if here != there:
        yield Disagreement(f"{document}.{kind}", "", kind, here, there, document)


def _pages(folder: Path, truth: Mapping[str, Said]) -> list[Disagreement]:
    found: list[Disagreement] = []
    below = folder / FOLDER
    files = {file.name: file.read_bytes() for file in sorted(below.glob("*.html"))}
    listed: list[Said] = []
    index = f"{FOLDER}/index.html"
    with reading(index, found):
        listed = read_index(files.pop("index.html", b""), index)
    said = _each({f"{FOLDER}/{name}": data for name, data in files.items()}, read_page, found)
    found += _agreed(index, listed, truth, set(truth))
    found += _agreed(FOLDER, said, truth, set(truth))
    return found + list(_misnamed(said, lambda one: f"{FOLDER}/{stem_of(one.id)}.html"))


def _is_security_fix(said: Said) -> bool:
    return said.fields["kind"] == "security" and said.tells_fix


def _each(
    files: Mapping[str, bytes], reader: Callable[[bytes, str], Said], found: list[Disagreement]
) -> list[Said]:
    said = []
    for name, data in files.items():
        with reading(name, found):
            said.append(reader(data, name))
    return said


def _agreed(
    where: str, said: Sequence[Said], truth: Mapping[str, Said], wanted: Collection[str]
) -> list[Disagreement]:
    """Compare what a format says with the record, and which advisories it has with those it should have."""
    found = []
    for one in said:
        if one.id not in truth:
            found.append(Disagreement(one.file, one.id, "id", "is told here", "has no such advisory"))
        elif one.id not in wanted:
            found.append(Disagreement(one.file, one.id, "id", "is told here", "is not told in this format"))
        else:
            found += compare(one, truth[one.id])
    for key in sorted(set(wanted) - {one.id for one in said}):
        found.append(
            Disagreement(where, key, "id", "is missing", f"is a {truth[key].fields['kind']} advisory")
        )
    return found


def _misnamed(said: Sequence[Said], name_of: Callable[[Said], str]) -> Iterator[Disagreement]:
    for one in said:
        if one.file != name_of(one):
            yield Disagreement(one.file, one.id, "file name", one.file, name_of(one), _RULE)


def _signatures(folder: Path, certificate: str) -> Iterator[Disagreement]:
    keyring = Keyring.parse(certificate.encode("ascii"), "the feed's key")
    for file in sorted((folder / FOLDER / "csaf").glob("*/*.json")):
        signature = Path(f"{file}.asc")
        name = signature.relative_to(folder).as_posix()
        try:
            verify_detached(file.read_bytes(), signature.read_bytes(), keyring, name)
        except (BadSignature, OSError) as error:
            yield Disagreement(name, "", "signature", str(error), "signed by the feed's key", _RULE)
