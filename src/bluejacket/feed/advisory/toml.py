"""A drafted advisory as a file of the definitions, for a maintainer to read, correct and keep."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from bluejacket.definition.table import URL
from bluejacket.errors import Fault, Place, UserError
from bluejacket.feed.advisory.drafts import Draft
from bluejacket.feed.advisory.model import Reference
from bluejacket.feed.advisory.names import web_address, writable
from bluejacket.store.files import disk_faults, sync_folder


def file_of(draft: Draft, folder: Path) -> Path:
    """Give the place of a draft's file below the definitions' `advisories/`."""
    return folder / f"{draft.advisory.id.replace(':', '-')}.toml"


def as_toml(draft: Draft, release: str) -> str:
    """Give the text of the file that writes an advisory of one release, by its version."""
    advisory = draft.advisory
    lines = [
        "[advisory]",
        f"id = {_text(advisory.id)}",
        f"kind = {_text(advisory.kind.value)}",
        f"component = {_text(draft.component)}",
        f"fixed_in = {_text(draft.fixed_in)}",
    ]
    if advisory.cves:
        lines += ["cves = [", *(f"    {_text(cve)}," for cve in advisory.cves), "]"]
    lines.append(f"title = {_text(advisory.title)}")
    if advisory.description:
        lines.append(f"description = {_long_text(advisory.description)}")
    if advisory.severity_source:
        lines.append(f"severity = {_text(advisory.severity.value)}")
        lines.append(f"severity_source = {_text(advisory.severity_source)}")
    lines.append(f"releases = [{_text(release)}]")
    for reference in advisory.references:
        # Each CVE has its own without being listed; what no browser may follow is left out.
        if reference.kind != "cve" and re.fullmatch(URL, web_address(reference.url)):
            lines += _reference(reference)
    return "\n".join(lines) + "\n"


def write_drafts(drafts: Sequence[Draft], release: str, folder: Path) -> list[Path]:
    """Write each draft into its file in `folder`; gives the files.

    No file is ever overwritten: raises UserError, before anything is written, for one that is there.
    """
    files = [file_of(draft, folder) for draft in drafts]
    faults = [Fault("is there already", "move it away", Place(file)) for file in files if file.exists()]
    if faults:
        raise UserError(*faults)
    with disk_faults(folder):
        folder.mkdir(exist_ok=True)
        for draft, file in zip(drafts, files, strict=True):
            _write_new(file, as_toml(draft, release))
        sync_folder(folder)
    return files


def _write_new(file: Path, text: str) -> None:
    """Write a file that is there whole or not at all, and takes no other's place."""
    part = file.with_name(f".{file.name}.part-{os.getpid()}")
    try:
        with part.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(part, file)
        except FileExistsError:
            raise UserError(Fault("is there already", "move it away", Place(file))) from None
    finally:
        part.unlink(missing_ok=True)


def _reference(reference: Reference) -> list[str]:
    lines = ["", "[[advisory.reference]]"]
    lines += [f"kind = {_text(reference.kind)}", f"id = {_text(reference.id)}"]
    lines += [f"url = {_text(reference.url)}"]
    return [*lines, f"title = {_text(reference.title)}"] if reference.title else lines


def _text(text: str) -> str:
    """Give a basic string (TOML 1.0): JSON's escapes are among TOML's."""
    return json.dumps(writable(text), ensure_ascii=False)


def _long_text(text: str) -> str:
    """Give a string of several lines; a newline right after the opening quotes is not part of it."""
    if "\n" not in text:
        return _text(text)
    lines = [_text(line)[1:-1] for line in writable(text).split("\n")]
    return '"""\n' + "\n".join(lines) + '"""'
