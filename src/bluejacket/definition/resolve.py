"""Joins the documents into releases, and finds what no single file can know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from bluejacket.definition.catalogue import Offer
from bluejacket.definition.component import Component
from bluejacket.definition.crosscheck import (
    Listed,
    check_advisories,
    check_closure,
    check_components,
    check_foundation,
    check_image,
    check_overlays,
    check_reviews,
    known,
    ordered,
    same_release,
)
from bluejacket.definition.document import Document
from bluejacket.definition.foundation import AnyFoundation
from bluejacket.definition.frozen import FrozenMap
from bluejacket.definition.image import Image, Profile
from bluejacket.definition.inherit import Level, inherit
from bluejacket.definition.kinds import (
    AdvisoryFile,
    CatalogueFile,
    DistributionFile,
    FeedFile,
    FoundationFile,
    GroupFile,
    ImageFile,
    OverlayFile,
    ProfileFile,
    ReleaseFile,
    ReviewFile,
)
from bluejacket.definition.options import Options
from bluejacket.definition.overlay import Overlay
from bluejacket.definition.release import Release, ReleaseTable, Tools
from bluejacket.definition.shelf import Shelf
from bluejacket.definition.table import Table
from bluejacket.errors import Fault

T = TypeVar("T", bound=Table)


def resolve(shelf: Shelf) -> tuple[dict[str, Release], list[Fault]]:
    """Give the releases by version, without those that a fault stands against, and the faults."""
    faults = [
        *check_overlays(shelf),
        *check_reviews(shelf),
        *check_advisories(shelf),
        *(fault for document in shelf.all("foundation") for fault in check_foundation(shelf, document)),
        *(fault for document in shelf.all("image") for fault in check_image(shelf, document)),
        *(fault for document in shelf.all("group") for fault in check_components(shelf, document)),
    ]
    faults += [fault for document in shelf.all("catalogue") for fault in _check_offers(shelf, document)]
    releases: dict[str, Release] = {}
    for document in shelf.all("release"):
        found = list(_check_names(shelf, document))
        faults += found
        release = _release(shelf, document, faults)
        if release is not None and not found:
            releases[release.version] = release
    return releases, faults


def offers_of(shelf: Shelf) -> tuple[Offer, ...]:
    """Give what the catalogue offers, in its order."""
    return tuple(offer for one in shelf.all("catalogue") for offer in _content(one, CatalogueFile).offers)


def _check_offers(shelf: Shelf, document: Document) -> Iterator[Fault]:
    """Tell each release and image of the catalogue that there is not, and each name that stands twice."""
    seen: set[str] = set()
    for at, offer in enumerate(_content(document, CatalogueFile).offers):
        yield from known(shelf, document, "release", ("offer", at, "release"), offer.release)
        release = shelf.get("release", offer.release)
        if release is not None and offer.image not in _content(release, ReleaseFile).release.images:
            what = f"release {offer.release} has no image {offer.image}"
            yield document.fault(("offer", at, "image"), what)
        for plan in offer.plans:
            if plan.lower() in seen:
                yield document.fault(("offer", at), f"the name {plan} stands twice", "keep one")
            seen.add(plan.lower())


def _check_names(shelf: Shelf, document: Document) -> Iterator[Fault]:
    """Tell each name of a release's file that nothing bears."""
    release = _content(document, ReleaseFile).release
    yield from known(shelf, document, "foundation", ("release", "foundation"), release.foundation)
    yield from known(shelf, document, "feed", ("release", "feed"), release.feed)
    for at, group in enumerate(release.groups):
        yield from known(shelf, document, "group", ("release", "groups", at), group)
    for at, image in enumerate(release.images):
        yield from known(shelf, document, "image", ("release", "images", at), image)
    if release.previous is not None:
        yield from known(shelf, document, "release", ("release", "previous"), release.previous)
    if release.tools_release is not None:
        yield from known(shelf, document, "release", ("release", "tools_release"), release.tools_release)


def _release(shelf: Shelf, document: Document, faults: list[Fault]) -> Release | None:
    """Give the release with every name looked up, or None if one of its files has a fault."""
    said = _content(document, ReleaseFile).release
    listed = _components(shelf, document, faults)
    builder = _tools_of(shelf, document, faults)
    distribution = shelf.get("distribution", "distribution")
    foundation = _foundation(shelf, said.foundation)
    feed = shelf.get("feed", said.feed)
    images = {name: found for name in said.images if (found := shelf.get("image", name))}
    if distribution is None or foundation is None or feed is None or builder is None:
        return None
    components, more = ordered(listed)
    exclude = tuple(sorted({name for component in components for name in component.exclude}))
    faults += [*more, *check_closure(document, listed, images.values())]
    tools_release, tools, tools_foundation = builder
    who = _content(distribution, DistributionFile).distribution
    return Release(
        folder=shelf.folder.absolute(),
        distribution=who,
        version=said.version,
        codename=said.codename,
        foundation=foundation,
        components=tuple(_with_vendor(component, who.vendor) for component in components),
        defaults=_defaults(shelf, document, who.vendor),
        overlays=FrozenMap(_overlays(shelf, said)),
        reviews=tuple(r for d in shelf.all("review") for r in _content(d, ReviewFile).reviews),
        advisories=tuple(_content(d, AdvisoryFile).advisory for d in shelf.all("advisory")),
        feed=_content(feed, FeedFile).feed,
        images=FrozenMap({name: _image(found) for name, found in images.items()}),
        profiles=FrozenMap({d.stem: _profile(d) for d in shelf.all("profile")}),
        published=said.published,
        support_years=said.support_years,
        update_months=said.update_months,
        fix_days=_content(document, ReleaseFile).fix_days,
        retention=_content(document, ReleaseFile).retention,
        patch=_content(document, ReleaseFile).patch,
        hold=said.hold,
        previous=said.previous,
        tools=tools,
        tools_foundation=tools_foundation,
        tools_release=tools_release,
        exclude=exclude,
        recommends=said.recommends,
        origins=FrozenMap({one.component.name: one.origins for one in listed}),
    )


def _components(shelf: Shelf, document: Document, faults: list[Fault]) -> list[Listed]:
    """Give the release's components with their options inherited."""
    file = _content(document, ReleaseFile)
    levels = _levels(shelf, document)
    listed: list[Listed] = []
    for name in file.release.groups:
        group = shelf.get("group", name)
        if group is None:
            continue
        content = _content(group, GroupFile)
        above = [*levels, Level(group, ("defaults",), content.defaults)]
        for at, component in enumerate(content.components):
            if not same_release(component.releases, file.release.version):
                continue
            key = ("component", at)
            whole = inherit([*above, Level(group, key, component)], component)
            faults += whole.faults
            listed.append(Listed(group, key, whole.component, whole.origins))
    return listed


def _levels(shelf: Shelf, document: Document) -> list[Level]:
    """Give the levels above the groups: the distribution and the release."""
    levels = []
    if distribution := shelf.get("distribution", "distribution"):
        options = _content(distribution, DistributionFile).defaults
        levels.append(Level(distribution, ("defaults",), options))
    return [*levels, Level(document, ("defaults",), _content(document, ReleaseFile).defaults)]


def _defaults(shelf: Shelf, document: Document, vendor: str) -> Options:
    nameless = inherit(_levels(shelf, document), Component(name="none", reason="none")).component
    options = Options(**{name: getattr(nameless, name) for name in Options.model_fields})
    return options if options.vendor else options.model_copy(update={"vendor": vendor})


def _tools_of(
    shelf: Shelf, document: Document, faults: list[Fault]
) -> tuple[str, Tools, AnyFoundation] | None:
    """Give the release that has the tools tree, its packages and its foundation."""
    said = _content(document, ReleaseFile)
    other = said.release.tools_release
    if other is None and said.tools is None:
        faults.append(
            document.fault(("tools",), "this table is missing", "or name a tools_release that has it")
        )
        return None
    if other is not None and said.tools is not None:
        faults.append(
            document.fault(("tools",), "tools_release names another release's tools", "keep one of both")
        )
        return None
    holder = document if other is None else shelf.get("release", other)
    if holder is None:
        return None
    held = _content(holder, ReleaseFile)
    if held.tools is None:
        key = ("release", "tools_release")
        faults.append(document.fault(key, f"release {other} has no tools of its own", "name one that has"))
        return None
    foundation = _foundation(shelf, held.release.foundation)
    return (held.release.version, held.tools, foundation) if foundation else None


def _overlays(shelf: Shelf, release: ReleaseTable) -> dict[str, Overlay]:
    overlays = [_content(document, OverlayFile).overlay for document in shelf.all("overlay")]
    return {o.package: o for o in overlays if same_release(o.releases, release.version)}


def _with_vendor(component: Component, vendor: str) -> Component:
    return component if component.vendor else component.model_copy(update={"vendor": vendor})


def _foundation(shelf: Shelf, name: str) -> AnyFoundation | None:
    document = shelf.get("foundation", name)
    return _content(document, FoundationFile).foundation if document else None


def _image(document: Document) -> Image:
    return _content(document, ImageFile).image


def _profile(document: Document) -> Profile:
    return _content(document, ProfileFile).profile


def _content(document: Document, kind: type[T]) -> T:
    assert isinstance(document.content, kind)
    return document.content
