"""Writing rpm-md's primary.xml (createrepo_c's format) from package metadata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from bluejacket.foundation.metadata import FLAGS, Evr, Package, Relation

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" '
    'xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{count}">\n'
)


class Primary:
    """An open primary.xml."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._entries: dict[tuple[str, bool], str] = {}

    def add(self, package: Package) -> None:
        """Write one package."""
        evr = Evr.parse(package.evr)
        self._stream.write(
            f'<package type="rpm"><name>{escape(package.name)}</name><arch>{package.arch}</arch>'
            f'<version epoch="{evr.epoch}" ver="{evr.version}" rel="{evr.release}"/>'
            f'<checksum type="sha256" pkgid="YES">{package.sha256}</checksum>'
            f"<summary>{escape(package.summary)}</summary><description/><packager/>"
            f'<url>{escape(package.url)}</url><time file="0" build="0"/>'
            f'<size package="{package.size}" installed="{package.installed_size}" archive="0"/>'
            f"<location href={quoteattr(package.location)}/><format><rpm:license/><rpm:vendor/>"
            f"<rpm:group>{escape(package.section)}</rpm:group><rpm:buildhost/>"
            f"<rpm:sourcerpm>{escape(package.source)}-{escape(package.source_version)}.src</rpm:sourcerpm>"
            f"{self._list('provides', package.provides)}"
            f"{self._list('requires', package.requires, package.requires_pre)}"
            f"{self._list('conflicts', package.conflicts)}{self._list('obsoletes', package.obsoletes)}"
            f"{self._list('recommends', package.recommends)}{self._list('suggests', package.suggests)}"
            "</format></package>\n"
        )

    def _list(self, kind: str, relations: Sequence[str], pre: Sequence[str] = ()) -> str:
        if not relations and not pre:
            return ""
        entries = "".join([self._entry(r, True) for r in pre] + [self._entry(r, False) for r in relations])
        return f"<rpm:{kind}>{entries}</rpm:{kind}>"

    def _entry(self, text: str, pre: bool) -> str:
        known = self._entries.get((text, pre))
        if known is None:
            known = self._entries[text, pre] = _entry(Relation.parse(text), pre)
        return known


def _entry(relation: Relation, pre: bool) -> str:
    attributes = f"name={quoteattr(relation.name)}"
    if relation.op:
        evr = Evr.parse(relation.evr)
        attributes += f' flags="{FLAGS[relation.op]}" epoch="{evr.epoch}" ver="{evr.version}"'
        if evr.release:
            attributes += f' rel="{evr.release}"'
    if pre:
        attributes += ' pre="1"'
    return f"<rpm:entry {attributes}/>"


@contextmanager
def write_primary(file: Path, count: int) -> Iterator[Primary]:
    """Open `file` for `count` packages."""
    with file.open("w", encoding="utf-8", buffering=1 << 20) as stream:
        stream.write(_HEAD.format(count=count))
        yield Primary(stream)
        stream.write("</metadata>\n")
