"""updateinfo.xml: advisories, as Bodhi and updateinfo's other writers make them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from bluejacket.errors import Fault
from bluejacket.foundation.rpmmd.xml import Malformed, child, children, local, parse_xml, text_of

# Bodhi's references are Bugzilla's alone: CVE ids must be read from titles.
_CVE = re.compile(r"\bCVE-\d{4}-\d{4,}\b")


@dataclass(frozen=True, slots=True)
class Reference:
    """What an advisory points at. `kind` is bugzilla, cve, self or other."""

    kind: str
    id: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """A package that an advisory brings; `filename` has no folder, `epoch` is "0" when unset."""

    name: str
    epoch: str
    version: str
    release: str
    arch: str
    source: str
    filename: str
    reboot_suggested: bool
    relogin_suggested: bool

    @property
    def nevra(self) -> str:
        """Name, epoch (unless 0), version, release and architecture, as DNF prints them."""
        epoch = f"{self.epoch}:" if self.epoch != "0" else ""
        return f"{self.name}-{epoch}{self.version}-{self.release}.{self.arch}"


@dataclass(frozen=True, slots=True)
class Advisory:
    """One advisory. `kind` is security, bugfix, enhancement, newpackage or unspecified."""

    id: str
    kind: str
    severity: str
    status: str
    title: str
    summary: str
    description: str
    issued: str
    updated: str
    release: str
    rights: str
    references: tuple[Reference, ...]
    packages: tuple[Fixed, ...]

    @property
    def cves(self) -> tuple[str, ...]:
        """The CVE ids that it names anywhere, in order."""
        texts = [self.title, self.description]
        for reference in self.references:
            texts += [reference.id, reference.title, reference.url]
        return tuple(sorted({cve for text in texts for cve in _CVE.findall(text)}))


def parse_updateinfo(data: bytes, name: str) -> tuple[Advisory, ...]:
    """Read an updateinfo.xml. Raises Malformed."""
    root = parse_xml(data, name)
    if local(root.tag) != "updates":
        raise Malformed(Fault(f"{name} is no updateinfo.xml but <{local(root.tag)}>"))
    return tuple(_advisory(element, name) for element in children(root, "update"))


def _advisory(element: Element, name: str) -> Advisory:
    number = text_of(element, "id")
    if not number:
        raise Malformed(Fault(f"{name} holds an advisory without an id"))
    return Advisory(
        id=number,
        kind=element.get("type", "unspecified"),
        severity=text_of(element, "severity", "None") or "None",
        status=element.get("status", ""),
        title=text_of(element, "title"),
        summary=text_of(element, "summary"),
        description=text_of(element, "description"),
        issued=_date(element, "issued"),
        updated=_date(element, "updated"),
        release=text_of(element, "release"),
        rights=text_of(element, "rights"),
        references=tuple(_references(element)),
        packages=tuple(_packages(element)),
    )


def _date(element: Element, name: str) -> str:
    found = child(element, name)
    return found.get("date", "") if found is not None else ""


def _references(element: Element) -> list[Reference]:
    listed = child(element, "references")
    return [
        Reference(ref.get("type", "other"), ref.get("id", ""), ref.get("title", ""), ref.get("href", ""))
        for ref in (() if listed is None else children(listed, "reference"))
    ]


def _packages(element: Element) -> list[Fixed]:
    listed = child(element, "pkglist")
    collections = () if listed is None else children(listed, "collection")
    return [_fixed(package) for collection in collections for package in children(collection, "package")]


def _fixed(package: Element) -> Fixed:
    return Fixed(
        name=package.get("name", ""),
        epoch=package.get("epoch") or "0",
        version=package.get("version", ""),
        release=package.get("release", ""),
        arch=package.get("arch", ""),
        source=package.get("src", ""),
        filename=text_of(package, "filename"),
        reboot_suggested=_flag(package, "reboot_suggested"),
        relogin_suggested=_flag(package, "relogin_suggested"),
    )


def _flag(package: Element, name: str) -> bool:
    """Bodhi writes <reboot_suggested>True</…>; others an empty element, which means yes as well."""
    found = child(package, name)
    return found is not None and (found.text or "True").strip().lower() in ("true", "1")
