"""What CSAF 2.0 §7.1 asks of a provider beside the documents, as far as static files give it."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence

from bluejacket.definition import Release
from bluejacket.feed.advisory.csaf import csaf_path, publisher
from bluejacket.feed.advisory.model import Advisory
from bluejacket.feed.advisory.names import address_of, stamp
from bluejacket.package.keys import Signer

KEY = "openpgp/advisories.asc"


def provider_metadata(release: Release, updated: int, signer: Signer | None) -> dict[str, object]:
    """Give the content of provider-metadata.json (§7.1.7); `updated` is in seconds since 1970.

    A trusted provider (§7.2.3) is one that signs.
    """
    base: dict[str, object] = {
        "canonical_url": address_of(release, "csaf/provider-metadata.json"),
        "distributions": [{"directory_url": address_of(release, "csaf")}],
        "last_updated": stamp(updated),
        "list_on_CSAF_aggregators": True,
        "metadata_version": "2.0",
        "mirror_on_CSAF_aggregators": True,
        "publisher": publisher(release.distribution),
        "role": "csaf_trusted_provider" if signer else "csaf_provider",
    }
    if signer:
        key = {"fingerprint": signer.fingerprint, "url": address_of(release, f"csaf/{KEY}")}
        base["public_openpgp_keys"] = [key]
    return base


def index(advisories: Sequence[Advisory]) -> str:
    """Give index.txt (§7.1.12): every document's path, the newest year first."""
    return "".join(f"{path}\n" for path in sorted(map(csaf_path, advisories), reverse=True))


def changes(advisories: Sequence[Advisory]) -> str:
    """Give changes.csv (§7.1.13): every document's path and time, the latest first."""
    rows = sorted(((max(one.issued, one.updated), csaf_path(one)) for one in advisories), reverse=True)
    return "".join(f'"{path}","{stamp(when)}"\n' for when, path in rows)


def digests(name: str, document: bytes) -> dict[str, bytes]:
    """Give the hash files of a document (§7.1.18), by what is appended to its name."""
    return {
        f".{kind}": f"{hashlib.new(kind, document).hexdigest()}  {name}\n".encode()
        for kind in ("sha256", "sha512")
    }


def listings(files: Mapping[str, bytes]) -> dict[str, str]:
    """Give an index.html for each folder of `files` (§7.1.14): a store of objects lists none by itself."""
    inside: dict[str, set[str]] = {}
    for path in files:
        parts = path.split("/")
        for depth in range(len(parts)):
            folder = "".join(f"{part}/" for part in parts[:depth])
            inside.setdefault(folder, set()).add(parts[depth] + ("/" if depth + 1 < len(parts) else ""))
    return {f"{folder}index.html": _listing(folder, sorted(names)) for folder, names in inside.items()}


def _listing(folder: str, names: Sequence[str]) -> str:
    title = html.escape(f"csaf/{folder}")
    items = "".join(f'<li><a href="{_target(name)}">{html.escape(name)}</a></li>\n' for name in names)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<ul>\n{items}</ul>\n</main>\n"
        "</body>\n</html>\n"
    )


def _target(name: str) -> str:
    # opened from a disk, a folder has no index
    return html.escape(f"{name}index.html" if name.endswith("/") else name)
