"""What maintainers say in the definitions, brought to advisories: written ones, and changes of others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time

from bluejacket.definition import Advisory as Said
from bluejacket.definition import Release
from bluejacket.errors import Fault, Place, UserError
from bluejacket.feed.advisory.facts import Facts
from bluejacket.feed.advisory.model import Advisory, NotAffected, Reference, Severity
from bluejacket.foundation.debian.version import rpm_key, to_evr


def said_in(release: Release) -> tuple[Said, ...]:
    """Give what the definitions say of advisories in one release."""
    return tuple(a for a in release.advisories if not a.releases or release.version in a.releases)


def not_reached(said: Iterable[Said]) -> frozenset[tuple[str, str]]:
    """Give the pairs of component and CVE of which someone says that the one does not reach the other."""
    return frozenset((a.component, one.cve) for a in said if a.component for one in a.not_affected)


def written(
    said: Said, after: Sequence[Facts], now: int, roots: Mapping[str, str], reboot_after: Collection[str]
) -> Advisory | None:
    """Give the advisory that the definitions write, or None while `after` has no version with the fix.

    `roots` gives the source that another is a form of: that one's version decides. `reboot_after` are the
    sources whose update wants a reboot. An advisory that only says what is not affected is given as soon
    as `after` has the component.
    """
    packages = [facts.package for facts in after]
    own = [p for p in packages if p.source == said.component]
    family = [p for p in packages if roots.get(p.source, p.source) == said.component and p not in own]
    if said.fixed_in:
        own = [p for p in own if rpm_key(p.source_evr) >= rpm_key(evr_of(said))]
    chosen = [p for p in (*own, *family) if not said.packages or p.name in said.packages]
    if not own or not chosen:
        return None
    advisory = bare(said, now)
    if said.fixed_in is None:
        return advisory
    reboot = any(p.source in reboot_after for p in chosen)
    return replace(
        advisory,
        fixed=tuple(sorted(one.alone for one in chosen)),
        reboot_suggested=_first(said.reboot_suggested, reboot),
    )


def bare(said: Said, now: int) -> Advisory:
    """Give the advisory that the definitions write, as far as it does not depend on packages."""
    assert said.id is not None, "checked by the definitions"
    assert said.kind is not None, "checked by the definitions"
    assert said.title is not None, "checked by the definitions"
    issued = seconds(said.issued) if said.issued else now
    words = Advisory(
        id=said.id,
        kind=said.kind,
        severity=Severity.UNKNOWN,
        title=said.title,
        description=said.description or said.title,
        issued=issued,
        updated=issued,
    )
    return as_said(words, [said], issued)


def evr_of(said: Said) -> str:
    """Give the source version with the fix, as an epoch:version-release."""
    assert said.fixed_in is not None, "asked only where it is there"
    return to_evr(said.fixed_in)


def chooses(said: Said, advisory: Advisory) -> bool:
    """Whether `said` is about this advisory: by its id, or by its component and one of its CVEs."""
    if said.id is not None or said.amends is not None:
        return advisory.id in (said.id, said.amends)
    named = {*said.cves, *(one.cve for one in said.not_affected)}
    known = {*advisory.cves, *(one.cve for one in advisory.not_affected)}
    return said.component in advisory.sources and not named.isdisjoint(known)


def as_said(advisory: Advisory, said: Iterable[Said], now: int) -> Advisory:
    """Give an advisory as the definitions have it, what writes it first. Doing it again changes nothing.

    `updated` becomes the day that a file names, if that is later, else `now` if anything changed; that time
    joins those of its amendments, and is when it was withdrawn if it is only now.
    """
    about = sorted((one for one in said if chooses(one, advisory)), key=lambda one: one.id is None)
    changed = advisory
    for one in about:
        changed = amended(changed, one)
    named = max((seconds(one.updated) for one in about if one.updated), default=0)
    if named <= advisory.updated:
        named = advisory.updated if changed == advisory else max(now, advisory.updated)
    updated = max(named, changed.issued)
    times = (*advisory.revisions, updated) if updated != advisory.updated else advisory.revisions
    withdrawn = changed.withdrawn
    if changed.withdrawn_because and withdrawn is None:
        withdrawn = updated
    times = tuple(when for when in times if when > changed.issued)
    return replace(changed, updated=updated, amended=times, withdrawn=withdrawn)


def amended(advisory: Advisory, said: Said) -> Advisory:
    """Give an advisory with what one file says; what that leaves out stays, `updated` too.

    A file with an id writes it: then there are no other CVEs, references and statements than its own.
    """
    spared = tuple(
        NotAffected(one.cve, said.component or "", one.justification.value, one.note)
        for one in said.not_affected
    )
    own = tuple(Reference(r.kind, r.id or r.url, r.url, r.title) for r in said.references)
    if said.id is None:
        cves = {*advisory.cves, *(said.cves if said.amends else ())}
        references, statements = (*advisory.references, *own), advisory.not_affected
    else:
        cves, references, statements = set(said.cves), own, ()
    cves -= {one.cve for one in spared}
    return replace(
        advisory,
        title=said.title or advisory.title,
        description=said.description or advisory.description,
        severity=advisory.severity if said.severity is None else said.severity,
        severity_source=advisory.severity_source if said.severity is None else said.severity_source or "",
        cves=tuple(sorted(cves)),
        references=_references(cves, references),
        not_affected=tuple(sorted({*_others(statements, spared), *spared})),
        issued=seconds(said.issued) if said.issued else advisory.issued,
        reboot_suggested=_first(said.reboot_suggested, advisory.reboot_suggested),
        relogin_suggested=_first(said.relogin_suggested, advisory.relogin_suggested),
        withdrawn_because=said.withdrawn or advisory.withdrawn_because,
    )


def _others(there: Iterable[NotAffected], new: Iterable[NotAffected]) -> list[NotAffected]:
    """Give the statements that none of the new ones takes the place of."""
    taken = {(one.cve, one.source) for one in new}
    return [one for one in there if (one.cve, one.source) not in taken]


def _references(cves: Iterable[str], there: Iterable[Reference]) -> tuple[Reference, ...]:
    """Give one reference for each CVE, and all others, each once."""
    others = [one for one in there if one.kind != "cve"]
    return tuple(dict.fromkeys((*map(cve_reference, sorted(cves)), *others)))


def _first(said: bool | None, otherwise: bool) -> bool:
    return otherwise if said is None else said


def cve_reference(cve: str) -> Reference:
    """Give where a CVE's record is."""
    return Reference("cve", cve, f"https://www.cve.org/CVERecord?id={cve}", cve)


def refuse_clash(said: Said, there: Advisory) -> None:
    """Raise UserError if the number of `said` was given to something else already."""
    same = said.kind is there.kind and (said.component in there.sources or not there.sources)
    if not same:
        what = f"the number {said.id} belongs to an advisory about {', '.join(there.sources) or 'nothing'}"
        raise UserError(Fault(what, "`bluejacket advisory draft` gives free ones", Place("advisories/")))


def seconds(day: date) -> int:
    """Give the beginning of a day in UTC, in seconds since 1970."""
    return int(datetime.combine(day, time(), UTC).timestamp())
