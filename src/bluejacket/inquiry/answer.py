"""What a question is answered with. Places are written `distribution/release/id`, as in the state folder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bluejacket.feed.snapshot import Upstream

Where = tuple[str, str, str]  # distribution, release, and the id of a snapshot or the name of an image


class Standing(StrEnum):
    """How something stands to the faults that were asked for, or to all that are known."""

    FIXED = "fixed"
    VULNERABLE = "vulnerable"
    ABSENT = "absent"  # nothing concerned is in it
    UNKNOWN = ""  # no advisory says anything


class Outcome(StrEnum):
    """What a check came to."""

    OK = "ok"
    FAILED = "failed"
    NOT_POSSIBLE = "not possible"


@dataclass(frozen=True, slots=True)
class Check:
    """One check along the way, and the reason for its outcome."""

    what: str
    outcome: Outcome
    because: str


@dataclass(frozen=True, slots=True)
class TracedPackage:
    """A package file. `component` is empty for what only completes a closure; snapshots go by age."""

    nevra: str
    sha256: str
    filename: str
    size: int
    component: str
    source: str
    source_evr: str
    upstream: Upstream | None
    standing: Standing
    snapshots: tuple[str, ...]
    channels: tuple[str, ...]
    images: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spared:
    """A CVE that does not reach a component, and why."""

    cve: str
    source: str
    justification: str
    note: str


@dataclass(frozen=True, slots=True)
class TracedAdvisory:
    """An advisory as its newest snapshot has it, and its first snapshot; times in seconds since 1970.

    What is `withdrawn` fixes nothing any more.
    """

    id: str
    distribution: str
    release: str
    kind: str
    severity: str
    title: str
    issued: int
    updated: int
    withdrawn: int | None
    first: str
    cves: tuple[str, ...]
    fixed: tuple[str, ...]
    not_affected: tuple[Spared, ...]


@dataclass(frozen=True, slots=True)
class TracedSnapshot:
    """A snapshot: `packages` is their number, `size` their bytes, `created` in seconds since 1970."""

    distribution: str
    release: str
    id: str
    created: int
    parent: str
    feed_key: str
    repomd_sha256: str
    packages: int
    size: int
    standing: Standing
    channels: tuple[str, ...]
    images: tuple[str, ...]  # made from the same built feed

    @property
    def where(self) -> str:
        """Its place."""
        return f"{self.distribution}/{self.release}/{self.id}"


@dataclass(frozen=True, slots=True)
class TracedImage:
    """The newest build of an image. `concerned` are those of its packages that the question is about."""

    distribution: str
    release: str
    name: str
    folder: str
    key: str
    packages: int
    standing: Standing
    concerned: tuple[str, ...]
    lacks: tuple[str, ...]  # advisories whose fixes are not in it
    snapshots: tuple[str, ...]  # of the same built feed

    @property
    def where(self) -> str:
        """Its place."""
        return f"{self.distribution}/{self.release}/{self.name}"


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is connected with the subject, in both directions."""

    kind: str  # cve, advisory, package, upstream, component, snapshot or image
    subject: str
    advisories: tuple[TracedAdvisory, ...] = ()
    packages: tuple[TracedPackage, ...] = ()
    snapshots: tuple[TracedSnapshot, ...] = ()
    images: tuple[TracedImage, ...] = ()
