"""The documents read so far, by kind and name."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from bluejacket.definition.document import Document
from bluejacket.definition.kinds import Kind


class Shelf:
    """Documents by kind and by the file's name. A broken file counts as there, so that it is told once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._documents: dict[str, dict[str, Document]] = defaultdict(dict)
        self._broken: dict[str, set[str]] = defaultdict(set)

    def put(self, document: Document) -> None:
        """Add a good document."""
        self._documents[document.kind.name][document.stem] = document

    def put_broken(self, kind: Kind, stem: str) -> None:
        """Note a file whose faults are told already."""
        self._broken[kind.name].add(stem)

    def all(self, kind: str) -> list[Document]:
        """Give the good documents of a kind, by name."""
        return [document for _, document in sorted(self._documents[kind].items())]

    def get(self, kind: str, stem: str) -> Document | None:
        """Give one good document."""
        return self._documents[kind].get(stem)

    def names(self, kind: str) -> set[str]:
        """Give the names of a kind, of broken files too."""
        return set(self._documents[kind]) | self._broken[kind]
