"""What changed between two states of a feed, source package by source package, in its changelog's words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bluejacket.errors import OutsideError
from bluejacket.feed.advisory.facts import Change, Facts
from bluejacket.feed.advisory.mentions import fixed_cves
from bluejacket.feed.advisory.model import Fixed
from bluejacket.foundation.debian.version import rpm_key, to_evr

_VERSION = re.compile(r"[-\s](?P<version>(?:\d+:)?[0-9][A-Za-z0-9.+~^:_-]*)$")
# A backport of V to an older archive is called V~bpo12+1 or V~deb12u1 and has all that V has.
_BACKPORT = re.compile(r"~(?:bpo|deb)\d+[^-]*$")


@dataclass(frozen=True, slots=True)
class Update:
    """One source package that is newer than before: which of its packages, and what its changelog adds.

    `sources` are it and those that are made of it. `packages` are those that the former state did not
    have; `cves` are sorted.
    """

    source: str
    sources: tuple[str, ...]
    before: str
    after: str
    packages: tuple[Fixed, ...]
    changes: tuple[Change, ...]
    cves: tuple[str, ...]


def updates(
    before: Sequence[Facts], after: Sequence[Facts], roots: Mapping[str, str] | None = None
) -> tuple[Update, ...]:
    """Give the source packages of both states whose version has risen, by name.

    A source that only one of them has is no update, and neither is one that fell; a new name of a source
    is one where it has packages of the same names. `roots` gives, for a
    source that is a form of another (signed, or repacked), that other: both are one update.
    """
    touched = _touched(before, after)
    old, new = _by_source(before, touched), _by_source(after, touched)
    old |= _renamed(old, new)
    roots = roots or {}
    families: dict[str, list[Update]] = defaultdict(list)
    for source in sorted(old.keys() & new.keys()):
        if old[source] == new[source]:
            continue
        if (update := _update(source, old[source], new[source])) is not None:
            families[roots.get(source, source)].append(update)
    return tuple(_family(root, members) for root, members in sorted(families.items()))


def _touched(before: Sequence[Facts], after: Sequence[Facts]) -> set[str]:
    """Give the sources with a package that is not the very same object in both: few of thousands."""
    same = {id(one) for one in before} & {id(one) for one in after}
    return {one.package.source for one in (*before, *after) if id(one) not in same}


def _by_source(facts: Iterable[Facts], sources: Collection[str]) -> dict[str, list[Facts]]:
    grouped: dict[str, list[Facts]] = defaultdict(list)
    for one in facts:
        if one.package.source in sources:
            grouped[one.package.source].append(one)
    return dict(grouped)


def _renamed(
    old: Mapping[str, Sequence[Facts]], new: Mapping[str, Sequence[Facts]]
) -> dict[str, list[Facts]]:
    """Give, for the sources that are new, the former packages that bear the names of theirs."""
    by_name = {one.package.name: one for facts in old.values() for one in facts}
    found = {
        source: [by_name[one.package.name] for one in facts if one.package.name in by_name]
        for source, facts in new.items()
        if source not in old
    }
    return {source: facts for source, facts in found.items() if facts}


def _update(source: str, old: Sequence[Facts], new: Sequence[Facts]) -> Update | None:
    before = max((one.package.source_evr for one in old), key=rpm_key)
    after = max((one.package.source_evr for one in new), key=rpm_key)
    if rpm_key(after) <= rpm_key(before):
        return None
    there = {one.package.nevra for one in old}
    fresh = [
        one
        for one in new
        if rpm_key(one.package.source_evr) > rpm_key(before) and one.package.nevra not in there
    ]
    packages = [one.package.alone for one in fresh]
    changes = _joined(new_changes(one.changes, before) for one in fresh)
    cves = cves_fixed_in(changes, packages)
    return Update(source, (source,), before, after, tuple(packages), changes, tuple(sorted(cves)))


def cves_fixed_in(changes: Iterable[Change], packages: Iterable[Fixed]) -> frozenset[str]:
    """Give the CVEs that changelog entries of these packages say they fix."""
    architectures = {p.arch for p in packages} - {"noarch"}
    architecture = architectures.pop() if len(architectures) == 1 else "noarch"
    return frozenset(cve for c in changes for cve in fixed_cves(c.text, c.when, architecture))


def _family(root: str, members: Sequence[Update]) -> Update:
    """Give several updates as one, named after the root where it is among them."""
    told = next((one for one in members if one.source == root), members[0])
    packages = sorted((p for one in members for p in one.packages), key=lambda p: (p.name, rpm_key(p.evr)))
    return Update(
        source=told.source,
        sources=tuple(one.source for one in members),
        before=told.before,
        after=told.after,
        packages=tuple(packages),
        changes=_joined(one.changes for one in (told, *members)),
        cves=tuple(sorted({cve for one in members for cve in one.cves})),
    )


def _joined(lists: Iterable[Sequence[Change]]) -> tuple[Change, ...]:
    """Join the changelogs of a source's packages: one of them may have none, or a shorter one."""
    found: dict[Change, None] = {}
    for changes in sorted(lists, key=len, reverse=True):
        known = {change.author for change in found}
        found |= dict.fromkeys(change for change in changes if change.author not in known)
    return tuple(found)


def new_changes(changes: Sequence[Change], before: str) -> tuple[Change, ...]:
    """Give the entries that a package has and one of the source version `before` had not.

    These are the entries above that of `before`. Where there is no such entry (`before` comes from
    another branch), those of newer versions down to the first that is not; then a backport counts as what
    it is made of. An entry that names no version says nothing.
    """
    versions = [version_of(change.author) for change in changes]
    if before in versions:
        return tuple(c for c, v in zip(changes, versions, strict=True) if v)[: _place(versions, before)]
    floor, found = rpm_key(_BACKPORT.sub("", before)), []
    for change, version in zip(changes, versions, strict=True):
        if version is None:
            continue
        if rpm_key(_with_epoch(version, before)) <= floor:
            break
        found.append(change)
    return tuple(found)


def _place(versions: Sequence[str | None], before: str) -> int:
    return [version for version in versions if version].index(before)


def version_of(author: str) -> str | None:
    """Give the version in `Somebody <mail> - 1:2.3-4` as an epoch:version-release, or None."""
    found = _VERSION.search(author.rstrip())
    if found is None:
        return None
    try:
        evr = to_evr(found["version"])
        rpm_key(evr)
    except (ValueError, OutsideError):
        return None
    return evr


def _with_epoch(version: str, before: str) -> str:
    """RPM's changelogs leave the epoch out as often as not; Debian's never do."""
    epoch, colon, _ = before.partition(":")
    return f"{epoch}:{version}" if colon and ":" not in version else version
