"""What changed between two snapshots: packages, advisories, bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bluejacket.feed.advisory.record import from_json
from bluejacket.feed.snapshot import ADVISORIES, Shipped, Snapshot
from bluejacket.foundation.debian.version import rpm_key


@dataclass(frozen=True, slots=True)
class Changed:
    """A package that both have: `how` is "newer", "older", or "rebuilt" (same version, other file)."""

    name: str
    arch: str
    before: str
    after: str
    how: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What `after` has that `before` has not, and the other way round.

    Sizes are bytes; `fetched` are those of the packages that a mirror of `before` lacks.
    """

    before: str
    after: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Changed, ...]
    advisories: tuple[str, ...]
    withdrawn: tuple[str, ...]
    amended: tuple[str, ...]
    size_before: int
    size_after: int
    fetched: int

    @property
    def empty(self) -> bool:
        """Whether there is no difference in packages and advisories."""
        parts = (self.added, self.removed, self.changed, self.advisories, self.withdrawn, self.amended)
        return not any(parts)


def difference(before: Snapshot, after: Snapshot) -> Difference:
    """Compare two snapshots. Raises OutsideError for advisories that cannot be read."""
    old, new = _by_name(before.packages), _by_name(after.packages)
    changed, added, removed = [], [], []
    for key in sorted(old.keys() | new.keys()):
        gone = [p for p in old.get(key, []) if p.sha256 not in {q.sha256 for q in new.get(key, [])}]
        come = [p for p in new.get(key, []) if p.sha256 not in {q.sha256 for q in old.get(key, [])}]
        for one, other in zip(gone, come, strict=False):
            changed.append(Changed(one.name, one.arch, one.evr, other.evr, _how(one, other)))
        removed += [p.nevra for p in gone[len(come) :]]
        added += [p.nevra for p in come[len(gone) :]]
    there, here = (
        {one.id: one for one in from_json((side.folder / ADVISORIES).read_text("utf-8"))}
        for side in (before, after)
    )
    both = here.keys() & there.keys()
    withdrawn = there.keys() - here.keys()
    withdrawn |= {key for key in both if here[key].withdrawn is not None and there[key].withdrawn is None}
    known = {package.sha256 for package in before.packages}
    return Difference(
        before=before.id,
        after=after.id,
        added=tuple(added),
        removed=tuple(removed),
        changed=tuple(changed),
        advisories=tuple(sorted(here.keys() - there.keys())),
        withdrawn=tuple(sorted(withdrawn)),
        amended=tuple(sorted(key for key in both if here[key] != there[key] and key not in withdrawn)),
        size_before=before.size,
        size_after=after.size,
        fetched=sum(package.size for package in after.packages if package.sha256 not in known),
    )


def _by_name(packages: Iterable[Shipped]) -> dict[tuple[str, str], list[Shipped]]:
    grouped: dict[tuple[str, str], list[Shipped]] = {}
    for package in sorted(packages, key=lambda package: rpm_key(package.evr)):
        grouped.setdefault((package.name, package.arch), []).append(package)
    return grouped


def _how(before: Shipped, after: Shipped) -> str:
    old, new = rpm_key(before.evr), rpm_key(after.evr)
    return "rebuilt" if old == new else "newer" if old < new else "older"
