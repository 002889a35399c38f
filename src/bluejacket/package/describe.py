"""A package in the words of the rpm-md format, kept beside it: composing a feed only joins these."""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from bluejacket.errors import Fault, OutsideError, Place

KINDS = ("primary", "filelists", "other")


def location_of(rpm: str) -> str:
    """Give where a package file lies in a feed, below its base address."""
    return f"packages/{rpm[0].lower()}/{rpm}"


def description_of(rpm: Path) -> Path:
    """Give the file that `write_description` writes."""
    return rpm.with_name(rpm.name + ".json")


def write_description(rpm: Path) -> None:
    """Write what `describe` gives beside the package. Raises OutsideError as it does."""
    file = description_of(rpm)
    file.write_text(json.dumps(describe(rpm), ensure_ascii=False), "utf-8")
    file.chmod(0o644)  # whatever the umask


def read_description(rpm: Path) -> dict[str, str]:
    """Give what `write_description` wrote, or `describe` a package that has no description yet."""
    try:
        found: dict[str, str] = json.loads(description_of(rpm).read_text("utf-8"))
    except FileNotFoundError:
        return describe(rpm)
    return found


def describe(rpm: Path) -> dict[str, str]:
    """Give a package's elements of primary.xml, filelists.xml and other.xml by kind.

    All its changelog entries are in; a feed keeps the newest. Raises OutsideError for a file that
    createrepo_c cannot read.
    """
    tool = createrepo()
    try:
        package = tool.package_from_rpm(str(rpm), checksum_type=tool.SHA256, changelog_limit=1000)
        package.location_href = location_of(rpm.name)
        package.time_file = package.time_build  # the file's own time is that of its making
        dumps = (tool.xml_dump_primary, tool.xml_dump_filelists, tool.xml_dump_other)
        return {kind: dump(package) for kind, dump in zip(KINDS, dumps, strict=True)}
    except (tool.CreaterepoCError, OSError) as error:
        raise OutsideError(Fault(f"createrepo_c cannot read it: {error}", "", Place(rpm))) from error


@cache
def createrepo() -> ModuleType:
    """Import createrepo_c, whose own librpm complains on stderr of an rpmrc that its wheel lacks."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import createrepo_c
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
    module: ModuleType = createrepo_c
    return module
