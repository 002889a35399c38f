"""The package feeds that machines see: each release's, below one host's address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bluejacket.feed.serve import Site


@dataclass(frozen=True, slots=True)
class Feeds:
    """Several sites as one: `sites` are told apart by the path before them, such as `4/main`."""

    sites: Mapping[str, Site]

    def find(self, path: str, address: str) -> Path | bytes:
        """Give the file of the site whose path comes before; see `bluejacket.feed.serve.Site`."""
        for before, site in self.sites.items():
            if path.startswith(f"{before}/"):
                return site.find(path[len(before) + 1 :], f"{address}{before}/" if address else "")
        raise FileNotFoundError(path)


def place(address: str) -> tuple[str, str]:
    """Give the host and the path, without slashes around it, of a feed's address in an image."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.path.strip("/")
