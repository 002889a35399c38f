"""The advisories of a new state of a feed: the former ones, what changelogs say, what maintainers say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from bluejacket.definition import Advisory as Said
from bluejacket.definition import Release
from bluejacket.feed.advisory.amend import (
    as_said,
    cve_reference,
    evr_of,
    not_reached,
    refuse_clash,
    said_in,
    written,
)
from bluejacket.feed.advisory.facts import Facts
from bluejacket.feed.advisory.foreign import judgement, rating
from bluejacket.feed.advisory.history import Update, cves_fixed_in, new_changes, updates
from bluejacket.feed.advisory.mentions import told_of
from bluejacket.feed.advisory.model import Advisory, Kind
from bluejacket.feed.advisory.numbers import Numbers
from bluejacket.foundation.debian.version import rpm_key
from bluejacket.foundation.rpmmd.updateinfo import Advisory as Foreign

_LONGEST = 4000  # letters of a description; all CVEs are named beside it


def issue(
    release: Release,
    former: Sequence[Advisory],
    before: Sequence[Facts],
    after: Sequence[Facts],
    now: int,
    *,
    seen: int | None = None,
    taken: Collection[str] = (),
    foreign: Sequence[Foreign] = (),
) -> tuple[Advisory, ...]:
    """Give all advisories of a feed that holds `after`, oldest first; ids are never given twice.

    `former` are those of the state before it, which held `before` (whose changelogs are not read): they
    stay, changed only by what the definitions say. New ones come from the definitions and from the
    changelogs, one for each source package that fixes CVEs. `seen` (seconds since 1970) is when this state
    of the foundation was first seen, and dates new ones; by default `now`, which dates changes. `taken` are
    ids that other releases have given; `foreign` are the foundation's own advisories, where it has some,
    whose severities and CVEs are taken over.
    Raises UserError for a number in the definitions that stands for something else already.
    """
    said, roots = said_in(release), roots_of(release, after)
    found = {advisory.id: advisory for advisory in former}
    first = now if seen is None else min(seen, now)
    for one in said:
        if one.id is None:
            continue
        if one.id in found:
            refuse_clash(one, found[one.id])
        elif new := written(one, after, first, roots, release.distribution.reboot_after):
            found[one.id] = new
    numbers = Numbers(
        release.distribution.advisories_begin,
        {*found, *taken, *(a.id for a in release.advisories if a.id is not None)},
    )
    for update in news(release, before, after, foreign):
        number = numbers.next(Kind.SECURITY, first)
        found[number] = drafted(release, update, Kind.SECURITY, number, first, foreign)
    there = {advisory.id for advisory in former}
    told = (as_said(one, said, now if one.id in there else one.updated) for one in found.values())
    return tuple(sorted(told, key=_order))


def news(
    release: Release, before: Sequence[Facts], after: Sequence[Facts], foreign: Sequence[Foreign] = ()
) -> tuple[Update, ...]:
    """Give the updates that fix CVEs of which nothing is written, each with these CVEs alone.

    A security advisory of the definitions tells of everything up to the version that it names: what its
    author left out is not told after all.
    """
    said = said_in(release)
    spared = not_reached(said)
    found = []
    for update in all_updates(release, before, after):
        cves = {*update.cves, *judgement(foreign, update).cves}
        if written := [one for one in said if _tells_of(one, update)]:
            newest = max((evr_of(one) for one in written), key=rpm_key)
            newer = new_changes(update.changes, newest)
            cves &= cves_fixed_in(newer, update.packages)
        cves = {cve for cve in cves if not any((source, cve) in spared for source in update.sources)}
        if cves:
            found.append(replace(update, cves=tuple(sorted(cves))))
    return tuple(found)


def left_out(
    release: Release, before: Sequence[Facts], after: Sequence[Facts]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Give the ids of written advisories, each with the CVEs of its update of which nobody tells."""
    said = said_in(release)
    spared, found = not_reached(said), []
    new = {update.source: set(update.cves) for update in news(release, before, after)}
    for update in all_updates(release, before, after):
        written = [one for one in said if _tells_of(one, update)]
        told = {cve for one in written for cve in one.cves} | new.get(update.source, set())
        told |= {cve for source, cve in spared if source in update.sources}
        if written and (silent := set(update.cves) - told):
            found.append((written[0].id or "", tuple(sorted(silent))))
    return tuple(found)


def all_updates(release: Release, before: Sequence[Facts], after: Sequence[Facts]) -> tuple[Update, ...]:
    """Give every source package that has risen; what is made of another one counts as that one."""
    return updates(before, after, roots_of(release, after))


def roots_of(release: Release, after: Sequence[Facts]) -> dict[str, str]:
    """Give the source of which another is made: a signed form, upstream's or ours, or our kernel image."""
    roots = {c.name: c.form_of for c in release.components if c.form_of is not None}
    sources = {one.package.name: one.package.source for one in after}
    for component in release.components:
        origin = component.kernel or component.signs
        if origin in sources:
            source = sources[origin]
            roots[component.name] = roots.get(source, source)
    return roots


def _tells_of(said: Said, update: Update) -> bool:
    """Whether a security advisory of the definitions tells of this very update, or of a part of it."""
    if said.id is None or said.fixed_in is None or said.kind is not Kind.SECURITY:
        return False
    fix = rpm_key(evr_of(said))
    return said.component in update.sources and rpm_key(update.before) < fix <= rpm_key(update.after)


def drafted(
    release: Release, update: Update, kind: Kind, number: str, now: int, foreign: Sequence[Foreign] = ()
) -> Advisory:
    """Give the advisory about one update, before anybody has read it."""
    judged = judgement(foreign, update)
    rated = judged if judged.source else rating(update)
    return Advisory(
        id=number,
        kind=kind,
        severity=rated.severity,
        severity_source=rated.source,
        title=_title(update, kind),
        description=_description(update),
        issued=now,
        updated=now,
        cves=update.cves,
        fixed=tuple(sorted(update.packages)),
        references=(*map(cve_reference, update.cves), *judged.references),
        reboot_suggested=not set(update.sources).isdisjoint(release.distribution.reboot_after),
    )


def _title(update: Update, kind: Kind) -> str:
    what = f"{update.source} {update.after}"
    match len(update.cves):
        case 0:
            return f"{what} enhancement update" if kind is Kind.ENHANCEMENT else f"{what} bug fix update"
        case 1 | 2 | 3:
            return f"{what} fixes {' and '.join(update.cves)}"
        case count:
            return f"{what} fixes {count} vulnerabilities"


def _description(update: Update) -> str:
    """Give the words of the changelog, each item once: what names a CVE of the advisory, else all of it."""
    told: dict[str, None] = {}
    for change in update.changes:
        lines = told_of(change.text, update.cves) if update.cves else change.text.splitlines()
        if new := [line for line in lines if line not in told]:
            told |= dict.fromkeys([change.author, *new])
    text = "\n".join(told)
    if len(text) <= _LONGEST:
        return text
    return (
        text[:_LONGEST].rpartition("\n")[0] + f"\n[...] The rest stands in the changelog of {update.source}."
    )


def _order(advisory: Advisory) -> tuple[int, str]:
    return advisory.issued, advisory.id
