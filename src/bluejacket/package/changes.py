"""An overlay, applied to the paths of a package: a change that fits nothing is a mistake, and told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from bluejacket.definition.overlay import Access, AddedFile, Edit, Overlay
from bluejacket.errors import Fault, Place, UserError
from bluejacket.foundation.debian.deb import Entry, Kind

Entries = dict[str, Entry]
FaultAt = Callable[[str, str, str], Fault]
"""Gives a fault from a dotted key of the overlay, what is wrong, and the way out."""


@lru_cache(maxsize=512)
def glob(pattern: str) -> re.Pattern[str]:
    """Compile a shell pattern of guest paths: `*` and `?` do not cross a `/`, `**` does."""
    out = ""
    for piece in re.findall(r"\*\*|\*|\?|\[[^\]]+\]|.", pattern, re.S):
        match piece:
            case "**":
                out += ".*"
            case "*":
                out += "[^/]*"
            case "?":
                out += "[^/]"
            case _ if piece.startswith("[") and len(piece) > 2:
                out += "[" + piece[1:-1].replace("\\", "\\\\").replace("!", "^", piece[1] == "!") + "]"
            case _:
                out += re.escape(piece)
    return re.compile(out, re.S)


def remove(entries: Entries, patterns: Iterable[str]) -> list[str]:
    """Drop what `patterns` match, and all below a folder that they match; gives the idle patterns."""
    idle = []
    for pattern in patterns:
        matches = glob(pattern).fullmatch
        doomed = {path for path in entries if matches(path)}
        if not doomed:
            idle.append(pattern)
            continue
        for path in list(entries):
            if path in doomed or any(parent in doomed for parent in parents(path)):
                del entries[path]
    return idle


def parents(path: str) -> Iterable[str]:
    """Give the folders above `path`, nearest first, without the root."""
    at = path.rfind("/")
    while at > 0:
        path = path[:at]
        yield path
        at = path.rfind("/")


def no_place(name: str, file: Path | str | None = None) -> FaultAt:
    """Give faults that name the overlay's file (or only the package) and the key."""

    def fault(key: str, what: str, way_out: str) -> Fault:
        return Fault(what, way_out, Place(file or f"overlay of {name}", None, f"overlay.{key}"))

    return fault


def change_entries(entries: Entries, overlay: Overlay, sources: Path | None, fault: FaultAt) -> None:
    """Apply an overlay's changes of paths. `sources` is the definitions' folder.

    Raises UserError with every change that fits nothing, each with the key that asks for it.
    """
    faults = [
        fault(
            "remove",
            f"{pattern} matches no file of {overlay.package}",
            "upstream may have moved or dropped it",
        )
        for pattern in remove(entries, overlay.remove)
    ]
    for folder in overlay.folders:
        _put(entries, Entry(folder.path, Kind.FOLDER, int(folder.mode, 8), folder.owner, folder.group))
    for at, file in enumerate(overlay.files):
        content = _content(file, sources)
        if content is None:
            what = f"the source {file.source} is not below the definitions' folder"
            faults.append(fault(f"file.{at}.source", what, "add the file, or give content"))
            continue
        entry = Entry(file.path, Kind.FILE, int(file.mode, 8), file.owner, file.group, content)
        entry.config = file.config
        _put(entries, entry)
    for link in overlay.links:
        _put(entries, Entry(link.path, Kind.LINK, 0o777, target=link.target))
    for at, edit in enumerate(overlay.edits):
        faults += _edit(entries, edit, f"edit.{at}", overlay.package, fault)
    for at, access in enumerate(overlay.access):
        faults += _access(entries, access, f"mode.{at}", overlay.package, fault)
    for path in overlay.config:
        found = entries.get(path)
        if found is None or found.kind is not Kind.FILE:
            faults.append(fault("config", f"{overlay.package} has no file {path}", "see its list of files"))
        else:
            found.config = True
    if faults:
        raise UserError(*faults)


def _put(entries: Entries, entry: Entry) -> None:
    before = entries.get(entry.path)
    if before and before.kind is Kind.FOLDER and entry.kind is not Kind.FOLDER:
        remove(entries, [re.sub(r"([*?\[])", r"[\1]", entry.path)])
    entries[entry.path] = entry


def _content(file: AddedFile, sources: Path | None) -> bytes | None:
    if file.content is not None:
        return file.content.encode("utf-8")
    if sources is None or file.source is None or not (sources / file.source).is_file():
        return None
    return (sources / file.source).read_bytes()


def _edit(entries: Entries, edit: Edit, key: str, package: str, fault: FaultAt) -> list[Fault]:
    entry = entries.get(edit.path)
    if entry is None or entry.kind is not Kind.FILE:
        return [fault(f"{key}.path", f"{package} has no file {edit.path}", "see its list of files")]
    found = entry.content.count(edit.find.encode("utf-8"))
    if found != 1:
        what = f"{edit.find!r} occurs {found} times in {edit.path}, not once"
        return [
            fault(f"{key}.find", what, "upstream's file may have changed; give more of the text around it")
        ]
    entries[edit.path] = replace(
        entry, content=entry.content.replace(edit.find.encode("utf-8"), edit.replace.encode("utf-8")), twin=""
    )
    return []


def _access(entries: Entries, access: Access, key: str, package: str, fault: FaultAt) -> list[Fault]:
    entry = entries.get(access.path)
    if entry is None or entry.kind is Kind.LINK:
        return [
            fault(f"{key}.path", f"{package} has no file or folder {access.path}", "see its list of files")
        ]
    if access.capabilities and entry.kind is not Kind.FILE:
        return [fault(f"{key}.capabilities", f"{access.path} is no file", "only files have capabilities")]
    # Hard links are one inode: all of its names change together.
    same = [e for e in entries.values() if e is entry or (entry.twin and e.twin == entry.twin)]
    for one in same:
        one.mode = int(access.mode, 8) if access.mode else one.mode
        one.owner = access.owner or one.owner
        one.group = access.group or one.group
        one.capabilities = access.capabilities or one.capabilities
    return []
