"""Advisories as CSAF 2.0 documents of the VEX profile (OASIS, CSAF 2.0 §4.5): fixed and not affected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bluejacket import __version__
from bluejacket.definition import Distribution, Release
from bluejacket.feed.advisory.model import Advisory, Fixed, NotAffected, Severity
from bluejacket.feed.advisory.names import (
    address_of,
    brings_fix,
    stamp,
    stem_of,
    tells_fix,
    web_address,
    year_of,
)
from bluejacket.package.purl import package_url, release_name, source_url

Table = dict[str, object]
_INITIAL = "1.0.0"


def csaf_path(advisory: Advisory) -> str:
    """Give a document's path below `csaf/`: the year's folder and the name by CSAF 2.0 §5.1 and §7.1.11."""
    return f"{year_of(advisory)}/{stem_of(advisory.id)}.json"


def vex(advisory: Advisory, release: Release) -> Table:
    """Give an advisory as a VEX document; for those of which `names.has_vex` says so."""
    return {
        "document": _document(advisory, release),
        "product_tree": _product_tree(advisory, release),
        "vulnerabilities": [_vulnerability(advisory, release, cve) for cve in _vulnerabilities(advisory)],
    }


def publisher(who: Distribution) -> Table:
    """Give who answers for the documents (CSAF 2.0 §3.2.1.8)."""
    return {
        "category": "vendor",
        "contact_details": who.support_url or who.bug_url,
        "issuing_authority": f"{who.vendor} answers for the packages of {who.name}.",
        "name": who.vendor,
        "namespace": who.home,
    }


def _document(advisory: Advisory, release: Release) -> Table:
    document: Table = {
        "category": "csaf_vex",
        "csaf_version": "2.0",
        "distribution": {
            "text": "Distribute freely.",
            "tlp": {"label": "WHITE", "url": "https://www.first.org/tlp/"},
        },
        "lang": "en",
        "notes": _notes(advisory),
        "publisher": publisher(release.distribution),
        "references": _references(advisory, release),
        "title": advisory.title or advisory.id,
        "tracking": _tracking(advisory),
    }
    if advisory.severity is not Severity.UNKNOWN:
        document["aggregate_severity"] = {"text": advisory.severity.value}
    return document


def _notes(advisory: Advisory) -> list[Table]:
    text = advisory.description or f"{advisory.title or advisory.id}. Nothing more is said of it."
    title = "Description" if advisory.description else "Title"
    notes: list[Table] = [{"category": "summary", "text": text, "title": title}]
    if advisory.severity_source:
        text = f"The severity is as {advisory.severity_source} has it."
        notes.append({"category": "general", "text": text, "title": "Source of the severity"})
    if advisory.withdrawn is not None:
        # As CSAF 2.1 calls it, which has a category of documents for it.
        reason = {"text": advisory.withdrawn_because, "title": "Reasoning for Withdrawal"}
        notes.append({"category": "general", **reason})
    return notes


def _references(advisory: Advisory, release: Release) -> list[Table]:
    mine = [
        ("The canonical address of this document", f"csaf/{csaf_path(advisory)}"),
        ("The same advisory as a page", f"{stem_of(advisory.id)}.html"),
    ]
    own: list[Table] = [
        {"category": "self", "summary": summary, "url": address_of(release, path)} for summary, path in mine
    ]
    return own + [
        {"category": "external", "summary": reference.title or reference.id or reference.kind, "url": url}
        for reference in advisory.references
        if (url := web_address(reference.url))
    ]


def _tracking(advisory: Advisory) -> Table:
    revisions = [(advisory.issued, _INITIAL, "First issued.")]
    revisions += [(when, amended_version(when), "Amended.") for when in advisory.revisions]
    withdrawn = f"Withdrawn: {advisory.withdrawn_because}"
    history = [
        {"date": stamp(when), "number": number, "summary": withdrawn if when == advisory.withdrawn else what}
        for when, number, what in revisions
    ]
    return {
        "current_release_date": history[-1]["date"],
        "generator": {
            "date": history[-1]["date"],
            "engine": {"name": "bluejacket", "version": __version__},
        },
        "id": advisory.id,
        "initial_release_date": history[0]["date"],
        "revision_history": history,
        "status": "final",
        "version": history[-1]["number"],
    }


def amended_version(when: int) -> str:
    """Give the version of a document amended at a time (seconds since 1970), as 1.<day>.<second of the day>.

    It grows with every amendment, without a count that would have to be kept.
    """
    day, clock = stamp(when)[:10].replace("-", ""), when % 86400
    return f"1.{day}.{clock}"


def _product_tree(advisory: Advisory, release: Release) -> Table:
    who = release.distribution
    system: Table = {"name": release.pretty_name, "product_id": release_name(release)}
    if who.cpe_vendor:
        cpe = f"cpe:/o:{who.cpe_vendor}:{who.id}:{release.version}"  # as os-release has it
        system["product_identification_helper"] = {"cpe": cpe}
    branches: list[Table] = [
        _branch("product_name", who.name, branches=[_branch("product_version", release.version, system)])
    ]
    branches += [
        _branch("architecture", arch, branches=[_package_branch(release, f) for f in packages])
        for arch, packages in _by_architecture(_fixed(advisory))
    ]
    sources = sorted({one.source for one in advisory.not_affected})
    branches += [_branch("product_name", source, _source(release, source)) for source in sources]
    names = [*(fixed.nevra for fixed in _fixed(advisory)), *(_source_id(s) for s in sources)]
    return {
        "branches": [_branch("vendor", who.vendor, branches=branches)],
        "relationships": [_component(release, name) for name in names],
    }


def _branch(category: str, name: str, product: Table | None = None, branches: object = None) -> Table:
    inner: Table = {"product": product} if product else {"branches": branches}
    return {"category": category, "name": name, **inner}


def _by_architecture(packages: Sequence[Fixed]) -> Iterator[tuple[str, list[Fixed]]]:
    for arch in sorted({one.arch for one in packages}):
        yield arch, [one for one in packages if one.arch == arch]


def _fixed(advisory: Advisory) -> list[Fixed]:
    """Give the packages that fix something, each once."""
    packages = advisory.fixed if tells_fix(advisory) else ()
    return list({one.nevra: one for one in packages}.values())


def _package_branch(release: Release, fixed: Fixed) -> Table:
    product: Table = {
        "name": fixed.nevra,
        "product_id": fixed.nevra,
        "product_identification_helper": {
            "hashes": [
                {
                    "file_hashes": [{"algorithm": "sha256", "value": fixed.sha256}],
                    "filename": fixed.filename,
                }
            ],
            "purl": package_url(release, fixed.name, fixed.evr, fixed.arch),
        },
    }
    return _branch("product_version", fixed.nevra, product)


def _source_id(source: str) -> str:
    return f"{source}.src"


def _source(release: Release, source: str) -> Table:
    return {
        "name": source,
        "product_id": _source_id(source),
        "product_identification_helper": {"purl": source_url(release, source)},
    }


def _component(release: Release, name: str) -> Table:
    return {
        "category": "default_component_of",
        "full_product_name": {
            "name": f"{name} as a component of {release.pretty_name}",
            "product_id": _in_release(release, name),
        },
        "product_reference": name,
        "relates_to_product_reference": release_name(release),
    }


def _in_release(release: Release, name: str) -> str:
    return f"{release_name(release)}:{name}"


def _vulnerabilities(advisory: Advisory) -> list[str]:
    """Give the CVEs that an advisory speaks of; an empty string for a fix that has none."""
    named = sorted({*advisory.cves, *(one.cve for one in advisory.not_affected)})
    return ["", *named] if tells_fix(advisory) and not advisory.cves else named


def _vulnerability(advisory: Advisory, release: Release, cve: str) -> Table:
    spared = [one for one in advisory.not_affected if one.cve == cve]
    is_fixed = cve in advisory.cves or not cve
    fixed = [_in_release(release, one.nevra) for one in _fixed(advisory)] if is_fixed else []
    vulnerability: Table = {"notes": _vulnerability_notes(advisory, cve, spared)}
    if cve:
        vulnerability["cve"] = cve
    else:
        vulnerability["ids"] = [{"system_name": f"{release.distribution.name} advisory", "text": advisory.id}]
    status: Table = {}
    if fixed:
        status["fixed"] = fixed
        if brings_fix(advisory):
            vulnerability["remediations"] = [_remediation(advisory, release, fixed)]
    if spared:
        sources = sorted({one.source for one in spared})
        status["known_not_affected"] = [_in_release(release, _source_id(source)) for source in sources]
        vulnerability["flags"] = [
            {"label": one.justification, "product_ids": [_in_release(release, _source_id(one.source))]}
            for one in sorted(spared)
        ]
    return vulnerability | {"product_status": status}


def _vulnerability_notes(advisory: Advisory, cve: str, spared: Sequence[NotAffected]) -> list[Table]:
    notes: list[Table] = [
        {"category": "details", "text": f"{one.source}: {one.note}", "title": "Why it is not affected"}
        for one in sorted(spared)
        if one.note
    ]
    text = f"{cve or 'A vulnerability without a CVE'}: {advisory.title or advisory.id}"
    return [{"category": "description", "text": text, "title": "Vulnerability"}, *notes]


def _remediation(advisory: Advisory, release: Release, fixed: Sequence[str]) -> Table:
    restart = (
        {"category": "system", "details": "Restart the machine after the update."}
        if advisory.reboot_suggested
        else {"category": "none"}
    )
    return {
        "category": "vendor_fix",
        "date": stamp(advisory.issued),
        "details": f"Install the update: dnf upgrade --advisories={advisory.id}",
        "product_ids": list(fixed),
        "restart_required": restart,
        "url": address_of(release, f"{stem_of(advisory.id)}.html"),
    }
