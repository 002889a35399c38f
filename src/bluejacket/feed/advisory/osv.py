"""Advisories as OSV has them (ossf.github.io/osv-schema, version 1.7.5).

A package is named by its *source*: so the specification defines the ecosystems of Azure Linux, AlmaLinux
and Rocky Linux, and every binary package's SOURCERPM leads there. The binary packages, whose versions may
differ from the source's (`1.0.8-6+b2` of `1.0.8-6`), stand in `ecosystem_specific.binaries`, as SUSE's do.
"""

from __future__ import annotations

from collections.abc import Iterable

from bluejacket.definition import Release
from bluejacket.feed.advisory.model import Advisory, Fixed
from bluejacket.feed.advisory.names import address_of, stamp, stem_of, web_address
from bluejacket.package.purl import source_url

SCHEMA_VERSION = "1.7.5"
_REFERENCES = {"self": "ADVISORY", "vendor": "ADVISORY", "bugzilla": "REPORT", "cve": "REPORT"}


def osv(advisory: Advisory, release: Release) -> dict[str, object]:
    """Give an advisory as an OSV object; for those of which `names.has_osv` says so."""
    table: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "id": advisory.id,
        "modified": stamp(advisory.updated),
        "published": stamp(advisory.issued),
        "upstream": list(advisory.cves),
        "summary": advisory.title,
        "details": advisory.description,
        "affected": [
            _affected(release, source, evr, [f for f in advisory.fixed if (f.source, f.source_evr) == key])
            for key in sorted({(f.source, f.source_evr) for f in advisory.fixed})
            for source, evr in [key]
        ],
        "references": _references(advisory, release),
        "database_specific": _specific(advisory),
    }
    return table if advisory.withdrawn is None else table | {"withdrawn": stamp(advisory.withdrawn)}


def ecosystem(release: Release) -> str:
    """Give the ecosystem's name with the release: `Bluejacket:4`."""
    return f"{release.distribution.vendor}:{release.version}"


def _specific(advisory: Advisory) -> dict[str, str]:
    # A word, not a CVSS vector: `severity` has no room for one.
    told = {"severity": advisory.severity.value, "severity_source": advisory.severity_source}
    return told if advisory.withdrawn is None else told | {"withdrawn_because": advisory.withdrawn_because}


def _affected(release: Release, source: str, evr: str, binaries: Iterable[Fixed]) -> dict[str, object]:
    return {
        "package": {
            "ecosystem": ecosystem(release),
            "name": source,
            "purl": source_url(release, source),
        },
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": evr}]}],
        "ecosystem_specific": {"binaries": [{binary.name: binary.evr for binary in binaries}]},
        "database_specific": {"sha256": {binary.filename: binary.sha256 for binary in binaries}},
    }


def _references(advisory: Advisory, release: Release) -> list[dict[str, str]]:
    page = address_of(release, f"{stem_of(advisory.id)}.html")
    return [{"type": "ADVISORY", "url": page}] + [
        {"type": _REFERENCES.get(reference.kind, "WEB"), "url": reference.url}
        for reference in advisory.references
        if web_address(reference.url)
    ]
