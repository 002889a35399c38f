"""Which maintainer scripts would have run code that nobody has judged yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bluejacket.definition.overlay import Review
from bluejacket.package.made import Made
from bluejacket.package.scripts import ScriptNote


@dataclass(frozen=True, slots=True)
class Unreviewed:
    """A script with custom code and no review of its digest; `changed` if an older one was reviewed."""

    package: str
    version: str
    note: ScriptNote
    changed: bool

    def __str__(self) -> str:
        what = "has changed since its review" if self.changed else "has no review"
        lines = self.note.custom.count("\n") + 1
        return f"{self.package} {self.version}: {self.note.name} {what} ({lines} lines of its own)"

    def table(self) -> str:
        """Give the table that a review file would have, with the verdict left to write."""
        return (
            f'[[review]]\npackage = "{self.package}"\nscript = "{self.note.name}"\n'
            f'sha256 = "{self.note.sha256}"\nverdict = ""\n'
        )


def unreviewed(packages: Iterable[Made], reviews: Iterable[Review]) -> list[Unreviewed]:
    """Give the scripts of `packages` that a person still has to judge, by package.

    They do not stop a build: no script ever runs. They stop a promotion to the stable channel.
    """
    judged = {(review.package, str(review.script), review.sha256) for review in reviews}
    known = {(package, script) for package, script, _ in judged}
    return sorted(_open(packages, judged, known), key=lambda one: (one.package, one.note.name))


def _open(
    packages: Iterable[Made], judged: set[tuple[str, str, str]], known: set[tuple[str, str]]
) -> Iterator[Unreviewed]:
    for made in packages:
        for note in made.notes.scripts if made.notes else ():
            if note.needs_review and (made.name, note.name, note.sha256) not in judged:
                version = made.notes.version if made.notes else ""
                yield Unreviewed(made.name, version, note, (made.name, note.name) in known)


def enabled_units(packages: Iterable[Made]) -> dict[str, str]:
    """Give the systemd units that upstream enables at installation, each with its package."""
    return {unit: made.name for made in packages if made.notes for unit in made.notes.enable}
