"""Facts of packages made by hand, for advisories."""

from __future__ import annotations

from hashlib import sha256

from bluejacket.feed.advisory.facts import Change, Facts
from bluejacket.feed.advisory.model import Fixed
from bluejacket.foundation.metadata import Evr


def facts(
    name: str,
    evr: str,
    *,
    source: str = "",
    source_evr: str = "",
    changes: tuple[Change, ...] = (),
    arch: str = "x86_64",
) -> Facts:
    """Give the facts of a package of no file; its source has its name and version unless told."""
    whole = Evr.parse(evr)
    file = f"{name}-{whole.version}-{whole.release}.{arch}.rpm"
    digest = sha256(file.encode()).hexdigest()
    package = Fixed(
        name, int(whole.epoch), whole.version, whole.release, arch,
        source or name, source_evr or evr, file, digest,
    )  # fmt: skip
    return Facts(package, changes)


def fixing(name: str, evr: str, *cves: str, source: str = "") -> Facts:
    """Give a package whose newest changelog entry fixes `cves`."""
    text = "\n".join(f"- Fix {cve}" for cve in cves) or "- Something else"
    told = Change(f"A Person <a@example.org> - {evr}", text, 1_790_000_000)
    return facts(name, evr, source=source, changes=(told,))
