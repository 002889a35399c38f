"""What the formats call things: files, addresses, times."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import quote

from bluejacket.definition import Release
from bluejacket.feed.advisory.model import Advisory, Kind

FOLDER = "advisories"
_WEB = re.compile(r"https?://[!#-&(-;=?-\[\]_a-z~]+")  # RFC 3986 §2: no other character occurs in one
# Characters that XML and HTML cannot hold, and halves of a surrogate pair, which UTF-8 cannot.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def stamp(seconds: int) -> str:
    """Give a time in seconds since 1970 as RFC 3339 has it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stem_of(identifier: str) -> str:
    """Give the name that an advisory's files have before the dot (CSAF 2.0 §5.1).

    All formats share it: a colon is no good character of a file name, nor of a relative address.
    """
    return re.sub(r"[^+\-a-z0-9]+", "_", identifier.lower())


def year_of(advisory: Advisory) -> str:
    """Give the year in which an advisory was issued: the folder of its CSAF document (CSAF 2.0 §7.1.11)."""
    return stamp(advisory.issued)[:4]


def address_of(release: Release, path: str = "") -> str:
    """Give the address of a file below `advisories/` of the release's feed."""
    return f"{release.feed.address_of(release.version).rstrip('/')}/{FOLDER}/{quote(path)}"


def web_address(url: str) -> str:
    """Give `url` if a browser may be sent there, else an empty string: no `javascript:`, no `file:`."""
    return url if _WEB.fullmatch(url) else ""


def writable(text: str) -> str:
    """Give `text` without the characters that some format cannot hold."""
    return _UNWRITABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def has_osv(advisory: Advisory) -> bool:
    """Say whether an advisory is told in OSV: that knows vulnerabilities of packages, and nothing else."""
    return advisory.kind is Kind.SECURITY and tells_fix(advisory)


def has_vex(advisory: Advisory) -> bool:
    """Say whether an advisory is told in CSAF: it fixes a vulnerability, or rules one out."""
    return has_osv(advisory) or bool(advisory.not_affected)


def brings_fix(advisory: Advisory) -> bool:
    """Say whether an advisory tells machines of a fix: not any more when it is withdrawn."""
    return advisory.withdrawn is None and tells_fix(advisory)


def tells_fix(advisory: Advisory) -> bool:
    """Say whether packages fix something: not where all CVEs have turned out not to reach them."""
    return bool(advisory.fixed) and (bool(advisory.cves) or not advisory.not_affected)
