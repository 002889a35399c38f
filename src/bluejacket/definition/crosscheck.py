"""Faults that show only when files are read together: absent names, files, duplicates, cycles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple, Protocol

from bluejacket.definition.component import Component
from bluejacket.definition.document import Document
from bluejacket.definition.explain import nearest, shown
from bluejacket.definition.foundation import DebianFoundation
from bluejacket.definition.kinds import (
    AdvisoryFile,
    DistributionFile,
    FoundationFile,
    GroupFile,
    ImageFile,
    OverlayFile,
    ReviewFile,
)
from bluejacket.definition.lines import Key
from bluejacket.definition.overlay import AddedFile
from bluejacket.definition.release import Origin
from bluejacket.definition.shelf import Shelf
from bluejacket.errors import Fault

_DECIDE = "decide for one"

Seen = dict[object, tuple[Document, Key]]
"""Where each value stood first."""


class HasPath(Protocol):
    """An entry of an overlay or image that takes a path."""

    @property
    def path(self) -> str:
        """Where it lies."""


class Listed(NamedTuple):
    """A component where a group lists it, with its options inherited."""

    document: Document
    key: Key
    component: Component
    origins: tuple[Origin, ...]


def same_release(releases: Sequence[str], version: str) -> bool:
    """Whether something that holds in `releases` (none means all) holds in `version`."""
    return not releases or version in releases


def known(shelf: Shelf, document: Document, kind: str, key: Key, name: str) -> Iterator[Fault]:
    """Tell a name that no file of `kind` bears."""
    names = shelf.names(kind)
    if name not in names:
        yield document.fault(key, f"there is no {kind} {shown(name)}", nearest(name, names))


def twice(
    document: Document,
    what: str,
    values: Iterable[tuple[Key, object]],
    seen: Seen,
) -> Iterator[Fault]:
    """Tell each value that was seen before, and where; add the others to `seen`."""
    for key, value in values:
        if value in seen:
            earlier = seen[value][0].place(*seen[value][1])
            yield document.fault(key, f"{what} stands in {earlier.file}:{earlier.line} already", "keep one")
        else:
            seen[value] = (document, key)


def check_foundation(shelf: Shelf, document: Document) -> Iterator[Fault]:
    """Keyrings must be there, suites and repositories differ."""
    assert isinstance(document.content, FoundationFile)
    foundation = document.content.foundation
    if isinstance(foundation, DebianFoundation):
        suites = [
            (("foundation", "suite", at), (s.archive, s.name)) for at, s in enumerate(foundation.suites)
        ]
        yield from twice(document, "this suite", suites, {})
        for at, suite in enumerate(foundation.suites):
            if not suite.keyring.startswith("/"):
                yield from _there(shelf, document, ("foundation", "suite", at, "keyring"), suite.keyring)
        return
    ids = [(("foundation", "repository", at, "id"), r.id) for at, r in enumerate(foundation.repositories)]
    yield from twice(document, "this id", ids, {})
    for at, repository in enumerate(foundation.repositories):
        for nth, file in enumerate(repository.key_files):
            yield from _there(shelf, document, ("foundation", "repository", at, "key_file", nth), file)


def check_image(shelf: Shelf, document: Document) -> Iterator[Fault]:
    """Its profile and files must be there, its paths differ."""
    assert isinstance(document.content, ImageFile)
    image = document.content.image
    yield from known(shelf, document, "profile", ("image", "profile"), image.profile)
    yield from _files(shelf, document, "image", image.files)
    yield from _same_paths(document, "image", file=image.files, link=image.links)
    for at, name in enumerate(image.packages):
        if name in image.exclude:
            key = ("image", "packages", at)
            yield document.fault(key, f"{shown(name)} is wanted and excluded at once", _DECIDE)


def check_components(shelf: Shelf, document: Document) -> Iterator[Fault]:
    """Specs and named releases must be there."""
    assert isinstance(document.content, GroupFile)
    for at, component in enumerate(document.content.components):
        if component.spec is not None:
            yield from _there(shelf, document, ("component", at, "spec"), component.spec)
        yield from _releases(shelf, document, ("component", at), component.releases)


def check_overlays(shelf: Shelf) -> Iterator[Fault]:
    """One overlay a package and release; its files must be there, its paths differ."""
    seen: Seen = {}
    for document in shelf.all("overlay"):
        assert isinstance(document.content, OverlayFile)
        overlay = document.content.overlay
        yield from _releases(shelf, document, ("overlay",), overlay.releases)
        versions = overlay.releases or sorted(shelf.names("release"))
        holds: list[tuple[Key, object]] = [(("overlay", "package"), (overlay.package, v)) for v in versions]
        yield from twice(document, f"an overlay of {shown(overlay.package)}", holds, seen)
        yield from _files(shelf, document, "overlay", overlay.files)
        yield from _same_paths(
            document, "overlay", file=overlay.files, folder=overlay.folders, link=overlay.links
        )


def check_reviews(shelf: Shelf) -> Iterator[Fault]:
    """One review a script."""
    seen: Seen = {}
    for document in shelf.all("review"):
        assert isinstance(document.content, ReviewFile)
        scripts: list[tuple[Key, object]] = [
            (("review", at), (review.package, review.script, review.sha256))
            for at, review in enumerate(document.content.reviews)
        ]
        yield from twice(document, "a review of this script", scripts, seen)


def check_advisories(shelf: Shelf) -> Iterator[Fault]:
    """Numbers differ and begin as the distribution says; named releases must be there."""
    seen: Seen = {}
    who = shelf.get("distribution", "distribution")
    for document in shelf.all("advisory"):
        assert isinstance(document.content, AdvisoryFile)
        advisory = document.content.advisory
        yield from _releases(shelf, document, ("advisory",), advisory.releases)
        for name in ("id", "amends"):
            number = getattr(advisory, name)
            if number is None or who is None:
                continue
            assert isinstance(who.content, DistributionFile)
            prefix = who.content.distribution.advisories_begin
            if number.partition("-")[0][:-2] != prefix:
                yield document.fault(
                    ("advisory", name),
                    f"ids of this distribution begin with {shown(prefix)}",
                    "distribution.advisory_prefix says so, or the distribution's id",
                )
        if advisory.id is not None:
            yield from twice(document, f"advisory {advisory.id}", [(("advisory", "id"), advisory.id)], seen)


def check_closure(release: Document, listed: Sequence[Listed], images: Iterable[Document]) -> Iterator[Fault]:
    """Within one release: each component and binary package once, nothing wanted and excluded at once."""
    names: Seen = {}
    packages: Seen = {}
    excluded = {name for one in listed for name in one.component.exclude}
    for document, key, component, _ in listed:
        same = f"component {shown(component.name)}"
        before = len(names)
        yield from twice(document, same, [((*key, "name"), component.name)], names)
        if len(names) == before:
            continue
        for at, package in enumerate(component.wanted):
            where = (*key, "packages", at) if component.packages else (*key, "name")
            what = f"package {shown(package)}"
            yield from twice(document, what, [(where, package)], packages)
            if package in excluded:
                yield document.fault(where, f"{shown(package)} is wanted and excluded at once", _DECIDE)
    for document in images:
        assert isinstance(document.content, ImageFile)
        for at, name in enumerate(document.content.image.packages):
            if name in excluded:
                where = ("image", "packages", at)
                what = f"release {release.stem} excludes {shown(name)} from its closure"
                yield document.fault(where, what, _DECIDE)


def ordered(listed: Sequence[Listed]) -> tuple[list[Component], list[Fault]]:
    """Sort components by name, own ones after those that their build needs; tell every cycle's first."""
    own = {one.component.name: one for one in listed if one.component.is_own}
    faults: list[Fault] = []
    needs: dict[str, set[str]] = defaultdict(set)
    for document, key, component, _ in own.values():
        for at, name in enumerate(component.after):
            if name in own:
                needs[component.name].add(name)
            else:
                what = f"{shown(name)} is no own component of the release"
                faults.append(document.fault((*key, "after", at), what, nearest(name, own)))
    sorter = TopologicalSorter({name: sorted(needs[name]) for name in sorted(own)})
    imported = sorted((o.component for o in listed if o.component.name not in own), key=lambda c: c.name)
    try:
        order = list(sorter.static_order())
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]
        document, key, _, _ = own[cycle[0]]
        what = f"components wait for one another to be built: {' -> '.join(cycle)}"
        faults.append(document.fault((*key, "after"), what, "take one of these away"))
        order = sorted(own)
    return [*imported, *(own[name].component for name in order)], faults


def _releases(shelf: Shelf, document: Document, table: Key, releases: Sequence[str]) -> Iterator[Fault]:
    for at, version in enumerate(releases):
        yield from known(shelf, document, "release", (*table, "releases", at), version)


def _there(shelf: Shelf, document: Document, key: Key, name: str) -> Iterator[Fault]:
    if not (shelf.folder / name).is_file():
        what = f"there is no file {shown(name)}"
        yield document.fault(key, what, "paths count from the definitions' folder")


def _files(shelf: Shelf, document: Document, table: str, files: Sequence[AddedFile]) -> Iterator[Fault]:
    for at, file in enumerate(files):
        if file.source is not None:
            yield from _there(shelf, document, (table, "file", at, "source"), file.source)


def _same_paths(document: Document, table: str, **arrays: Sequence[HasPath]) -> Iterator[Fault]:
    paths: list[tuple[Key, object]] = [
        ((table, name, at, "path"), entry.path)
        for name, entries in arrays.items()
        for at, entry in enumerate(entries)
    ]
    yield from twice(document, "this path", paths, {})
