"""What is installed: from an image's manifest, or from a bill of materials in SPDX's JSON form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from bluejacket.errors import Fault, Place, UserError
from bluejacket.inquiry.judge import Subject

SOURCE_RPM = re.compile(r"(?P<name>.+)-(?P<evr>[^-]+-[^-]+)\.(?:no)?src\.rpm")
_PURL = re.compile(r"pkg:rpm/(?P<space>[^/@?]+)/(?P<name>[^/@?]+)@(?P<evr>[^?#]+)\?(?P<more>[^#]+)")
_LARGEST = 256 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Inventory:
    """The packages of one image. `release` is empty where the paper does not say it."""

    name: str
    uri: str  # of the paper that lists them, relative
    packages: tuple[Subject, ...]
    release: str = ""


def installed_of(row: Mapping[str, Any]) -> tuple[Subject, str]:
    """Give a row of a manifest as a package, and its SHA-256. Raises KeyError, TypeError."""
    found = SOURCE_RPM.fullmatch(row["source"] or "")
    source, source_evr = (found["name"], found["evr"]) if found else ("", "")
    return Subject(row["name"], row["evr"], row["arch"], source, source_evr), row["sha256"]


def read_inventory(file: Path, name: str = "", uri: str = "") -> Inventory:
    """Read a manifest (`packages.json`) or an SPDX 2 document. Raises UserError for anything else."""
    place = Place(file)
    try:
        if file.stat().st_size > _LARGEST:
            raise UserError(Fault("is too large for a list of packages", place=place))
        table = json.loads(file.read_text("utf-8"))
        title, link = name or file.stem.partition(".")[0], uri or file.name
        if isinstance(table, list):
            return Inventory(title, link, tuple(installed_of(row)[0] for row in table))
        if str(table["spdxVersion"]).startswith("SPDX-2."):
            return Inventory(name or table["name"], link, tuple(_of_spdx(table)), _release_of(table))
        raise ValueError(f"{table['spdxVersion']} is not understood")
    except OSError as error:
        raise UserError(Fault(f"cannot be read: {error.strerror}", place=place)) from error
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        what = f"is no list of packages: {error}"
        way_out = "give an image's packages.json, or a bill of materials in SPDX 2 as JSON"
        raise UserError(Fault(what, way_out, place)) from error


def _of_spdx(table: Mapping[str, Any]) -> Iterator[Subject]:
    """Give the packages that have an rpm package URL (purl-spec, type rpm); an image itself has none."""
    for package in table["packages"]:
        for reference in package.get("externalRefs", ()):
            found = _PURL.fullmatch(reference["referenceLocator"])
            if reference["referenceType"] == "purl" and found:
                more = parse_qs(found["more"])
                evr = unquote(found["evr"])
                if "epoch" in more and ":" not in evr:
                    evr = f"{more['epoch'][0]}:{evr}"
                yield Subject(unquote(found["name"]), evr, more["arch"][0])


def _release_of(table: Mapping[str, Any]) -> str:
    image: Mapping[str, Any] = next(
        (p for p in table["packages"] if p.get("primaryPackagePurpose") == "OPERATING-SYSTEM"), {}
    )
    return str(image.get("versionInfo", ""))
