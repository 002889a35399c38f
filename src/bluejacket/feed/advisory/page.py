"""Advisories as people read them: a page for each, and one that lists and searches all.

The pages stand alone: no framework, nothing loaded from elsewhere, and a content security policy that lets
nothing run but the script they were written with. Every `data-field` is what `advisory verify` reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from bluejacket.definition import Release
from bluejacket.feed.advisory.csaf import csaf_path
from bluejacket.feed.advisory.look import SCRIPT, STYLE, policy
from bluejacket.feed.advisory.model import Advisory, Kind, Reference, Severity
from bluejacket.feed.advisory.names import (
    brings_fix,
    has_osv,
    has_vex,
    stamp,
    stem_of,
    tells_fix,
    web_address,
)

_KINDS = {Kind.SECURITY: "security", Kind.BUGFIX: "bug fix", Kind.ENHANCEMENT: "enhancement"}
_LISTED = 4  # CVEs in a row of the list; a kernel's update has hundreds
_COLUMNS = ("Advisory", "Severity", "Components", "CVEs", "Title", "Issued")


def index_page(advisories: Sequence[Advisory], release: Release) -> str:
    """Give the page that lists `advisories`, in their order, and searches them in the browser."""
    name = escape(release.pretty_name)
    body = (
        f"<header>\n<h1>Advisories of {name}</h1>\n"
        '<p class="lead">Also as '
        '<a href="osv/all.zip">OSV</a>, as <a href="csaf/index.html">CSAF 2.0</a>, and in the feed itself: '
        "<code>dnf advisory list</code>.</p>\n</header>\n<main>\n"
        f"{_form()}"
        f'<p class="count" role="status">{len(advisories)} advisories</p>\n'
        f'<table role="table">\n<caption>The newest first.</caption>\n{_head(_COLUMNS)}'
        f'<tbody role="rowgroup">\n{"".join(map(_row, advisories))}</tbody>\n</table>\n</main>\n'
    )
    return _html(f"Advisories of {release.pretty_name}", body, release, SCRIPT)


def advisory_page(advisory: Advisory, release: Release) -> str:
    """Give the page of one advisory."""
    parts = [
        f'<header>\n<p><a href="index.html">All advisories of {escape(release.pretty_name)}</a></p>\n'
        f"<h1>{_field('id', advisory.id, 'span')}: {_field('title', advisory.title, 'span')}</h1>\n"
        "</header>\n<main>\n",
        _summary(advisory),
        f'<h2>Description</h2>\n<p class="text" data-field="description">'
        f"{escape(advisory.description)}</p>\n",
        _cves(advisory),
        _not_affected(advisory),
        _fixed(advisory),
        _references(advisory.references),
        _formats(advisory),
        "</main>\n",
    ]
    return _html(f"{advisory.id}: {advisory.title}", "".join(parts), release)


def _html(title: str, body: str, release: Release, script: str = "") -> str:
    who = release.distribution
    running = f"<script>{script}</script>\n" if script else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(script))}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        # without one a browser asks the server for an icon
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}"
        f'<footer>{escape(who.vendor)}: <a href="{escape(who.home)}">home</a>, '
        f'<a href="{escape(who.bug_url)}">report a fault</a></footer>\n{running}</body>\n</html>\n'
    )


def _form() -> str:
    severities = "".join(f'<option value="{one}">{one}</option>' for one in Severity)
    kinds = "".join(f'<option value="{kind}">{name}</option>' for kind, name in _KINDS.items())
    return (
        '<form role="search" hidden>\n'
        '<label class="wide">CVE, package or word'
        '<input type="search" name="q" autocomplete="off" spellcheck="false"></label>\n'
        f'<label>Severity<select name="severity"><option value="">any</option>{severities}</select></label>\n'
        f'<label>Kind<select name="kind"><option value="">any</option>{kinds}</select></label>\n</form>\n'
    )


def _head(columns: Iterable[str]) -> str:
    # The roles keep it a table where the style shows cards.
    cells = "".join(f'<th scope="col" role="columnheader">{column}</th>' for column in columns)
    return f'<thead role="rowgroup"><tr role="row">{cells}</tr></thead>\n'


def _row(advisory: Advisory) -> str:
    cves = all_cves(advisory)
    listed = [escape(cve) for cve in cves[:_LISTED]]
    if len(cves) > _LISTED:
        listed.append(f"{len(cves) - _LISTED} more")
    issued = stamp(advisory.issued)
    page = f"{stem_of(advisory.id)}.html"
    return (
        f'<tr role="row" data-id="{escape(advisory.id)}" data-severity="{advisory.severity}" '
        f'data-kind="{advisory.kind}" data-find="{escape(_words(advisory))}">'
        f'<th scope="row" role="rowheader"><a href="{page}">{escape(advisory.id)}</a>'
        f"{_withdrawn(advisory)}</th>"
        f'<td role="cell" data-label="Severity">{_severity(advisory)}</td>'
        f'<td role="cell" data-label="Components" data-field="sources">'
        f"{escape(' '.join(advisory.sources))}</td>"
        f"{_cell_of(listed)}"
        f'<td role="cell" data-field="title">{escape(advisory.title)}</td>'
        f'<td role="cell" data-label="Issued">'
        f'<time data-field="issued" datetime="{issued}">{issued[:10]}</time></td></tr>\n'
    )


def _cell_of(cves: Sequence[str]) -> str:
    if not cves:
        return '<td role="cell"></td>'  # a card has no line for them
    # a browser may break the line at the spaces between
    items = " ".join(f"<li>{cve}</li>" for cve in cves)
    return f'<td role="cell" data-label="CVEs"><ul>{items}</ul></td>'


def _withdrawn(advisory: Advisory) -> str:
    if advisory.withdrawn is None:
        return ""
    return f' <time data-field="withdrawn" datetime="{stamp(advisory.withdrawn)}">withdrawn</time>'


def _words(advisory: Advisory) -> str:
    """Give all that a search may look for, each word once."""
    packages = sorted({one.name for one in advisory.fixed})
    listed = [advisory.id, *all_cves(advisory), *advisory.sources, *packages]
    words = [*listed, advisory.kind, advisory.severity, *advisory.title.split()]
    words += [] if advisory.withdrawn is None else ["withdrawn"]
    return " ".join(dict.fromkeys(words))


def all_cves(advisory: Advisory) -> list[str]:
    """Give the CVEs that an advisory fixes or judges, sorted."""
    return sorted({*advisory.cves, *(one.cve for one in advisory.not_affected)})


def _severity(advisory: Advisory) -> str:
    return (
        f'<span class="severity {advisory.severity}" data-field="severity">{escape(advisory.severity)}</span>'
    )


def _summary(advisory: Advisory) -> str:
    source = f" ({_field('severity_source', advisory.severity_source, 'span')})"
    rows = [
        ("Kind", f'<span data-field="kind" data-value="{advisory.kind}">{_KINDS[advisory.kind]}</span>'),
        ("Severity", _severity(advisory) + (source if advisory.severity_source else "")),
        ("Components", _field("sources", " ".join(advisory.sources), "span")),
        ("Issued", _time("issued", advisory.issued)),
        ("Updated", _time("updated", advisory.updated)),
    ]
    if advisory.withdrawn is not None:
        because = _field("withdrawn_because", advisory.withdrawn_because, "span")
        rows.append(("Withdrawn", f"{_time('withdrawn', advisory.withdrawn)}: {because}"))
    if advisory.reboot_suggested:
        rows.append(("After the update", _field("reboot", "restart the machine", "span")))
    if advisory.relogin_suggested:
        rows.append(("After the update", _field("relogin", "log in again", "span")))
    if brings_fix(advisory):
        rows.append(("Install it", f"<code>dnf upgrade --advisories={escape(advisory.id)}</code>"))
    return "<dl>\n" + "".join(f"<dt>{name}</dt><dd>{value}</dd>\n" for name, value in rows) + "</dl>\n"


def _time(field: str, seconds: int) -> str:
    when = stamp(seconds)
    return f'<time data-field="{field}" datetime="{when}">{when[:10]} {when[11:16]} UTC</time>'


def _field(name: str, text: str, tag: str) -> str:
    return f'<{tag} data-field="{name}">{escape(text)}</{tag}>'


def _cves(advisory: Advisory) -> str:
    items = "".join(f"<li>{_field('cve', cve, 'code')}</li>\n" for cve in advisory.cves)
    return f'<h2>Fixes</h2>\n<ul class="files">\n{items}</ul>\n' if items else ""


def _not_affected(advisory: Advisory) -> str:
    rows = "".join(
        f'<tr role="row" data-field="not_affected"><th scope="row" role="rowheader">{escape(one.cve)}</th>'
        f'<td role="cell" data-label="Component">{escape(one.source)}</td>'
        f'<td role="cell" data-label="Because">{escape(one.justification)}</td>'
        f'<td role="cell">{escape(one.note)}</td></tr>\n'
        for one in advisory.not_affected
    )
    head = _head(("CVE", "Component", "Because", "Note"))
    return f"<h2>Not affected</h2>\n{_table(head, rows)}" if rows else ""


def _fixed(advisory: Advisory) -> str:
    rows = "".join(
        f'<tr role="row" data-field="fixed"><th scope="row" role="rowheader">{escape(one.nevra)}</th>'
        f'<td role="cell" data-label="Component">{escape(f"{one.source} {one.source_evr}")}</td>'
        f'<td role="cell" data-label="SHA-256"><code>{escape(one.sha256)}</code></td></tr>\n'
        for one in advisory.fixed
    )
    head = _head(("Package", "Component", "SHA-256 of the package"))
    title = "Packages with the fix" if tells_fix(advisory) else "Packages"
    return f"<h2>{title}</h2>\n{_table(head, rows)}" if rows else ""


def _table(head: str, rows: str) -> str:
    return f'<table role="table">\n{head}<tbody role="rowgroup">\n{rows}</tbody>\n</table>\n'


def _references(references: Sequence[Reference]) -> str:
    items = "".join(f"<li>{_link(one)}</li>\n" for one in references)
    return f'<h2>References</h2>\n<ul class="files">\n{items}</ul>\n' if items else ""


def _link(reference: Reference) -> str:
    text = escape(reference.title or reference.id or reference.url)
    url = web_address(reference.url)
    return f'<a data-field="reference" rel="noreferrer" href="{escape(url)}">{text}</a>' if url else text


def _formats(advisory: Advisory) -> str:
    links = []
    if has_osv(advisory):
        links.append(f'<a href="osv/{stem_of(advisory.id)}.json">OSV</a>')
    if has_vex(advisory):
        links.append(f'<a href="csaf/{csaf_path(advisory)}">CSAF 2.0 (VEX)</a>')
    return f"<h2>For programs</h2>\n<p>{', '.join(links)}</p>\n" if links else ""
