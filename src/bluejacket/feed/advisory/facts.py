"""What advisories need to know of a package, as its own header says it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError, fromstring  # of our own descriptions

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.feed.advisory.model import Fixed
from bluejacket.foundation.debian.version import to_evr
from bluejacket.foundation.metadata import Evr, Package
from bluejacket.package.describe import description_of
from bluejacket.package.made import Made

_NAMES = {
    "c": "http://linux.duke.edu/metadata/common",
    "r": "http://linux.duke.edu/metadata/rpm",
    "o": "http://linux.duke.edu/metadata/other",
}
_SOURCE_RPM = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<release>[^-]+)\.(?:no)?src\.rpm")
# What `package.convert` adds to the description: the source's own version, whose epoch no SOURCERPM has.
_ORIGIN = re.compile(
    r"^Origin: [^,\n]+, (?P<name>\S+) (?P<version>\S+)(?: from source (?P<source>\S+) (?P<other>\S+))?,"
    r" SHA-256 [0-9a-f]{64}$",
    re.M,
)


class Change(NamedTuple):
    """One changelog entry: author and version as the header has them, text, time (seconds since 1970)."""

    author: str
    text: str
    when: int


class Facts(NamedTuple):
    """One binary package, as an advisory would name it; `changes` are its changelog, newest first.

    Of a package that is only compared with (an older one) the changes are not asked for.
    """

    package: Fixed
    changes: tuple[Change, ...] = ()


def facts_of(made: Made, *, changes: bool = True) -> Facts:
    """Give the facts of a package of ours, from what createrepo_c read in its header.

    Raises OutsideError for a package whose description beside it is damaged.
    """
    file = description_of(made.rpm)
    try:
        described = json.loads(file.read_text("utf-8"))
        primary = fromstring(_rooted(described["primary"], "c"))[0]  # noqa: S314
        other = fromstring(_rooted(described["other"], "o"))[0] if changes else None  # noqa: S314
        return Facts(_package(primary, made.rpm.name), tuple(_changes(other)))
    except (OSError, ValueError, KeyError, IndexError, ParseError) as error:
        what = f"is no description of a package: {error}"
        raise OutsideError(
            Fault(what, "`bluejacket store verify` finds what is damaged", Place(file))
        ) from error


def facts_of_all(packages: Sequence[Made], *, changes: bool = True) -> tuple[Facts, ...]:
    """Give the facts of several packages, in their order. Raises what `facts_of` raises."""
    return tuple(facts_of(made, changes=changes) for made in packages)


def former_facts(packages: Iterable[Package]) -> tuple[Facts, ...]:
    """Give the facts of packages that a lock pins: enough to compare with, without downloading them.

    They have no changes; their hash is that of the upstream's file.
    """
    return tuple(map(_former, packages))


def _former(package: Package) -> Facts:
    evr = Evr.parse(package.evr)
    return Facts(
        Fixed(
            name=package.name,
            epoch=int(evr.epoch),
            version=evr.version,
            release=evr.release,
            arch=package.arch,
            source=package.source,
            source_evr=to_evr(package.source_version),
            filename=package.location.rpartition("/")[2],
            sha256=package.sha256,
        )
    )


def _rooted(xml: str, space: str) -> str:
    """Put an element into a root with the names that createrepo_c leaves to the whole file."""
    return f'<root xmlns="{_NAMES[space]}" xmlns:rpm="{_NAMES["r"]}">{xml}</root>'


def _package(primary: Element, filename: str) -> Fixed:
    version = primary.find("c:version", _NAMES)
    if version is None:
        raise ValueError("it has no version")
    name, epoch = _text(primary, "c:name"), int(version.get("epoch") or 0)
    evr = f"{version.get('ver')}-{version.get('rel')}"
    source, source_evr = _source(primary, name, f"{epoch}:{evr}" if epoch else evr)
    return Fixed(
        name=name,
        epoch=epoch,
        version=version.attrib["ver"],
        release=version.attrib["rel"],
        arch=_text(primary, "c:arch"),
        source=source,
        source_evr=source_evr,
        filename=filename,
        sha256=_text(primary, "c:checksum"),
    )


def _source(primary: Element, name: str, evr: str) -> tuple[str, str]:
    """Give the source's name and version; SOURCERPM has no epoch, which is then the package's own."""
    if found := _ORIGIN.search(_text(primary, "c:description")):
        return found["source"] or found["name"], to_evr(found["other"] or found["version"])
    found = _SOURCE_RPM.fullmatch(_text(primary, "c:format/r:sourcerpm"))
    if found is None:
        return name, evr
    epoch, colon, _ = evr.rpartition(":")
    return found["name"], f"{epoch}{colon}{found['version']}-{found['release']}"


def _text(element: Element, path: str) -> str:
    found = element.find(path, _NAMES)
    return (found.text or "") if found is not None else ""


def _changes(other: Element | None) -> Iterator[Change]:
    """Give the entries newest first; createrepo_c writes them oldest first."""
    listed = [] if other is None else other.findall("o:changelog", _NAMES)
    for entry in reversed(listed):
        yield Change(entry.get("author", ""), entry.text or "", int(entry.get("date") or 0))
