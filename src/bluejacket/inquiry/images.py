"""Images that are built, as their papers describe them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.image.build import SUMS
from bluejacket.image.papers import MANIFEST, PROVENANCE, SBOM
from bluejacket.store import State


@dataclass(frozen=True, slots=True)
class Papers:
    """The newest build of one image. `key` is its step's, `feed_key` that of the feed it was made from."""

    distribution: str
    release: str
    name: str
    folder: Path
    key: str
    feed_key: str

    @property
    def where(self) -> str:
        """Distribution, release and name, as the state folder has them."""
        return f"{self.distribution}/{self.release}/{self.name}"

    def manifest(self) -> list[dict[str, Any]]:
        """Give its packages. Raises OutsideError for papers that cannot be read, as all others do."""
        rows = _table(self.folder / MANIFEST)
        if not isinstance(rows, list):
            raise OutsideError(Fault("is no list of packages", place=Place(self.folder / MANIFEST)))
        return rows

    def sbom(self) -> Mapping[str, Any]:
        """Give its bill of materials."""
        return _object(self.folder / SBOM)

    def provenance(self) -> Mapping[str, Any]:
        """Give its in-toto statement."""
        return _object(self.folder / PROVENANCE)

    def sums(self) -> dict[str, str]:
        """Give the SHA-256 of its files by name, as `SHA256SUMS` has them."""
        try:
            lines = (self.folder / SUMS).read_text("utf-8").splitlines()
        except (OSError, UnicodeError) as error:
            raise OutsideError(Fault(f"cannot be read: {error}", place=Place(self.folder / SUMS))) from error
        return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def image_links(state: State) -> Iterator[Path]:
    """Give the links to the newest build of every image of every release, by name."""
    for link in sorted((state.root / "images").glob("*/*/*")):
        if not link.name.startswith(".") and (link / MANIFEST).is_file():
            yield link


def papers_of(state: State, link: Path) -> Papers:
    """Give the papers of the build that one of `image_links` leads to."""
    folder = link.resolve()
    key = folder.parent.name
    feed_key = next(iter(state.store.inputs_of(key)[-1:]), "")
    return Papers(link.parts[-3], link.parts[-2], link.name, folder, key, feed_key)


def built_images(state: State) -> list[Papers]:
    """Give the papers of every image, by name."""
    return [papers_of(state, link) for link in image_links(state)]


def materials_of(statement: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Give kind, name and SHA-256 of all that an image's provenance says it was made from.

    Raises ValueError for a statement of another shape.
    """
    try:
        rows = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
        return [(row["annotations"]["kind"], row["name"], row["digest"]["sha256"]) for row in rows]
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks or garbles {error}") from error


def subjects_of(statement: Mapping[str, Any]) -> dict[str, str]:
    """Give the SHA-256 of each file that an image's provenance is about, by name. Raises ValueError."""
    try:
        return {row["name"]: row["digest"]["sha256"] for row in statement["subject"]}
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks or garbles {error}") from error


def _object(file: Path) -> Mapping[str, Any]:
    table = _table(file)
    if not isinstance(table, dict):
        raise OutsideError(Fault("is no JSON object", place=Place(file)))
    return table


def _table(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OutsideError(Fault(f"cannot be read: {error}", place=Place(file))) from error
