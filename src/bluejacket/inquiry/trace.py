"""Where something is: upstream version, component, package, snapshot, channel, image, in both directions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from bluejacket.definition.explain import nearest
from bluejacket.definition.table import ADVISORY_ID, CVE
from bluejacket.errors import Fault, UserError
from bluejacket.feed.snapshot import ID
from bluejacket.inquiry.answer import (
    Answer,
    Standing,
    TracedAdvisory,
    TracedImage,
    TracedPackage,
    TracedSnapshot,
)
from bluejacket.inquiry.judge import Judge, Subject
from bluejacket.inquiry.lookup import Found, Life, Lookup

_SHA256 = re.compile("[0-9a-f]{64}")
_VULNERABLE, _FIXED = Standing.VULNERABLE, Standing.FIXED


def trace(lookup: Lookup, asked: str, release: str | None = None, *, packages: bool = False) -> Answer:
    """Answer where `asked` is; `release` leaves out all others.

    `asked` is a CVE, an advisory's id, a package (name, NEVRA or file name), a component, a snapshot's id
    (`4/20261125.1` where several releases have it), an image's name (or `4/vm`) or the SHA-256 of a
    package file, of upstream's, of an image's file or of a snapshot's repomd.xml. `packages` lists all those
    of a snapshot or an image. Raises UserError for what is nowhere.
    """
    answer = _recognise(lookup, asked, packages)
    if answer is None:
        near = nearest(asked, {*lookup.similar(asked), *(image.name for image in lookup.images.values())})
        raise UserError(Fault(f"no snapshot and no image knows {asked}", near))
    return answer if release is None else _only(answer, release)


def _recognise(lookup: Lookup, asked: str, packages: bool) -> Answer | None:
    if re.fullmatch(CVE, asked.upper()):
        return _of_advisories(lookup, "cve", asked.upper(), _naming_cve(lookup, asked.upper()))
    if re.fullmatch(ADVISORY_ID, asked.upper()):
        return _of_advisories(lookup, "advisory", asked.upper(), lookup.advisories("id = ?", asked.upper()))
    if _SHA256.fullmatch(asked.lower()):
        return _of_hash(lookup, asked.lower(), packages)
    release, _, name = asked.rpartition("/")
    if ID.fullmatch(name):
        chosen = [n for n, one in lookup.snapshots.items() if one.id == name and _in(one.release, release)]
        return _of_snapshots(lookup, asked, chosen, packages)
    chosen = [n for n, one in lookup.images.items() if one.name == name and _in(one.release, release)]
    if chosen:
        return _of_images(lookup, asked, chosen, packages)
    return _of_packages(lookup, asked)


def _in(release: str, wanted: str) -> bool:
    return not wanted or wanted.rpartition("/")[2] == release


def _naming_cve(lookup: Lookup, cve: str) -> dict[int, TracedAdvisory]:
    condition = (
        "no IN (SELECT advisory FROM cve WHERE cve = ? UNION SELECT advisory FROM spared WHERE cve = ?)"
    )
    return lookup.advisories(condition, cve, cve)


def _of_advisories(lookup: Lookup, kind: str, asked: str, found: dict[int, TracedAdvisory]) -> Answer | None:
    if not found:
        return None
    packages: list[TracedPackage] = []
    snapshots: list[TracedSnapshot] = []
    images: list[TracedImage] = []
    # of a CVE, one that only says that it does not reach a component fixes nothing
    fixing = {n: one for n, one in found.items() if kind == "advisory" or asked in one.cves}
    for life, fixes in lookup.fixes(fixing, asked if kind == "cve" else "").items():
        judge = Judge(fixes, partial(lookup.is_gone, life))
        judged = _judged(lookup, judge, life)
        packages += (lookup.traced(one, standing, life) for one, standing in judged)
        snapshots += _snapshots_of(lookup, life, judged)
        images += _images_by(lookup, life, judge)
    return Answer(kind, asked, tuple(found.values()), tuple(packages), tuple(snapshots), tuple(images))


def _judged(lookup: Lookup, judge: Judge, life: Life) -> list[tuple[Found, Standing]]:
    """Give the packages of a release that fixes are about, and how each stands."""
    found: dict[str, Found] = {}
    for column, names in (("name", judge.names), ("source", judge.sources)):
        for name in names:
            for one in lookup.packages(f"{column} = ?", name):
                found[f"{one.sha256} {one.component}"] = one
    pairs = ((one, judge.standing(one.subject)) for one in found.values() if _held_in(lookup, one, life))
    concerned = [(one, standing) for one, standing in pairs if standing]
    return sorted(concerned, key=lambda pair: (pair[0].subject.name, lookup.age(pair[0])))


def _held_in(lookup: Lookup, one: Found, life: Life) -> bool:
    return any((s.distribution, s.release) == life for s in map(lookup.snapshots.__getitem__, one.held))


def _snapshots_of(
    lookup: Lookup, life: Life, judged: Iterable[tuple[Found, Standing]]
) -> Iterable[TracedSnapshot]:
    """Give all snapshots of a release: one vulnerable package makes a vulnerable snapshot."""
    standings: dict[int, set[Standing]] = {}
    for one, standing in judged:
        for number in one.held:
            standings.setdefault(number, set()).add(standing)
    for number, snapshot in lookup.snapshots.items():
        if (snapshot.distribution, snapshot.release) == life:
            yield replace(snapshot, standing=_worst(standings.get(number, set())))


def _worst(standings: set[Standing]) -> Standing:
    for standing in (_VULNERABLE, _FIXED):
        if standing in standings:
            return standing
    return Standing.ABSENT


def _images_by(lookup: Lookup, life: Life, judge: Judge) -> Iterable[TracedImage]:
    inside: dict[int, list[Subject]] = {}
    for one in lookup.installed_of(judge.names, judge.sources):
        inside.setdefault(one.image, []).append(one.subject)
    for number, image in lookup.images.items():
        if (image.distribution, image.release) != life:
            continue
        judged = [(subject, judge.standing(subject)) for subject in inside.get(number, ())]
        lacks = {fix.advisory for subject, _ in judged for fix in judge.lacking(subject)}
        yield replace(
            image,
            standing=_worst({standing for _, standing in judged}),
            concerned=tuple(sorted(subject.nevra for subject, standing in judged if standing)),
            lacks=tuple(sorted(lacks)),
        )


def _of_hash(lookup: Lookup, digest: str, packages: bool) -> Answer | None:
    if images := lookup.images_with_file(digest):
        return _of_images(lookup, digest, images, packages)
    if snapshots := lookup.numbers("SELECT no FROM snapshot WHERE repomd_sha256 = ?", digest):
        return _of_snapshots(lookup, digest, snapshots, packages)
    for kind, column in (("package", "sha256"), ("upstream", "upstream_sha256")):
        if found := lookup.packages(f"{column} = ?", digest):
            return _concerning(lookup, kind, digest, found)
    return _merely_installed(lookup, digest, "sha256 = ?")


def _of_packages(lookup: Lookup, asked: str) -> Answer | None:
    for kind, column in (
        ("package", "name"), ("package", "nevra"), ("package", "filename"), ("component", "component"),
        ("component", "source"),
    ):  # fmt: skip
        if found := lookup.packages(f"{column} = ?", asked):
            return _concerning(lookup, kind, asked, found)
    return _merely_installed(lookup, asked, "name = ?") or _merely_installed(lookup, asked, "nevra = ?")


def _merely_installed(lookup: Lookup, asked: str, condition: str) -> Answer | None:
    """Answer for a package of an image whose feed was never made a snapshot."""
    rows = lookup.installed(condition, asked)
    if not rows:
        return None
    found = [Found(r.subject, r.sha256, "", 0, "", None, ()) for r in rows]
    return _concerning(lookup, "package", asked, list({one.sha256: one for one in found}.values()))


def _concerning(lookup: Lookup, kind: str, asked: str, found: list[Found]) -> Answer:
    """Answer for packages: who holds them, and what advisories say of them."""
    names = sorted({one.subject.name for one in found})
    advisories = lookup.naming(names)
    lives: dict[Life, None] = {}
    for one in found:
        for snapshot in map(lookup.snapshots.__getitem__, one.held):
            lives[snapshot.distribution, snapshot.release] = None
        for image in map(lookup.images.__getitem__, lookup.holders(one.sha256)):
            lives[image.distribution, image.release] = None
    fixes = lookup.fixes(advisories)
    packages: list[TracedPackage] = []
    for life in lives:
        judge = Judge(fixes.get(life, ()), partial(lookup.is_gone, life))
        rows = (lookup.traced(one, judge.standing(one.subject), life) for one in found)
        packages += (one for one in rows if one.snapshots or one.images)
    held = {where for one in packages for where in one.snapshots}
    inside = {where for one in packages for where in one.images}
    nevras = {one.nevra for one in packages}
    images = (
        replace(image, concerned=tuple(sorted(nevras & set(lookup.nevras_of(number)))))
        for number, image in lookup.images.items()
        if image.where in inside
    )
    return Answer(
        kind,
        asked,
        tuple(one for one in advisories.values() if (one.distribution, one.release) in lives),
        tuple(sorted(packages, key=lambda one: (one.nevra.rsplit("-", 2)[0], one.snapshots))),
        tuple(one for one in lookup.snapshots.values() if one.where in held),
        tuple(images),
    )


def _of_snapshots(lookup: Lookup, asked: str, numbers: list[int], packages: bool) -> Answer | None:
    """Answer for a snapshot: the advisories that came with it, and the images made from its feed."""
    if not numbers:
        return None
    snapshots = [lookup.snapshots[number] for number in numbers]
    advisories: dict[int, TracedAdvisory] = {}
    listed: list[TracedPackage] = []
    for number, one in zip(numbers, snapshots, strict=True):
        life = (one.distribution, one.release)
        advisories |= lookup.advisories("first = ? AND distribution = ? AND release = ?", one.id, *life)
        if packages:
            listed += (lookup.traced(p, Standing.UNKNOWN, life) for p in lookup.packages_of(number))
    wanted = {where for one in snapshots for where in one.images}
    images = tuple(image for image in lookup.images.values() if image.where in wanted)
    return Answer("snapshot", asked, tuple(advisories.values()), tuple(listed), tuple(snapshots), images)


def _of_images(lookup: Lookup, asked: str, numbers: list[int], packages: bool) -> Answer:
    """Answer for an image: the snapshots of the same feed, and the advisories whose fixes it lacks."""
    images: list[TracedImage] = []
    lacked: dict[int, TracedAdvisory] = {}
    listed: dict[str, TracedPackage] = {}
    for number in numbers:
        image = lookup.images[number]
        life = (image.distribution, image.release)
        judge = Judge(lookup.fixes_about(number, life), partial(lookup.is_gone, life))
        if packages:
            inside = lookup.installed("image = ?", number)
        else:  # what no fix is about need not even be read
            inside = [one for one in lookup.installed_of(judge.names, judge.sources) if one.image == number]
        lacking = [(one, judge.lacking(one.subject)) for one in inside]
        lacks = {fix.advisory for _, fixes in lacking for fix in fixes}
        for name in lacks:
            lacked |= lookup.advisories("id = ? AND distribution = ? AND release = ?", name, *life)
        concerned = sorted(one.subject.nevra for one, fixes in lacking if fixes)
        images.append(replace(image, lacks=tuple(sorted(lacks)), concerned=tuple(concerned)))
        if packages:
            for one, fixes in lacking:
                found = lookup.packages("sha256 = ?", one.sha256)
                rows = found or [Found(one.subject, one.sha256, "", 0, "", None, ())]
                standing = _VULNERABLE if fixes else judge.standing(one.subject)
                listed[one.sha256] = lookup.traced(rows[0], standing, life)
    wanted = {where for one in images for where in one.snapshots}
    snapshots = tuple(one for one in lookup.snapshots.values() if one.where in wanted)
    return Answer(
        "image",
        asked,
        tuple(sorted(lacked.values(), key=lambda one: one.id)),
        tuple(listed.values()),
        snapshots,
        tuple(images),
    )


def _only(answer: Answer, release: str) -> Answer:
    """Leave out what belongs to other releases."""

    def of(place: str) -> bool:
        return place.split("/")[1] == release

    packages = (
        replace(
            one,
            snapshots=tuple(filter(of, one.snapshots)),
            channels=tuple(filter(of, one.channels)),
            images=tuple(filter(of, one.images)),
        )
        for one in answer.packages
    )
    return replace(
        answer,
        advisories=tuple(one for one in answer.advisories if one.release == release),
        packages=tuple(one for one in packages if one.snapshots or one.images),
        snapshots=tuple(one for one in answer.snapshots if one.release == release),
        images=tuple(one for one in answer.images if one.release == release),
    )
