"""Releases as written, and as the other rooms take them: with every name looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from bluejacket.definition.component import Component
from bluejacket.definition.distribution import Distribution
from bluejacket.definition.feed import Feed
from bluejacket.definition.foundation import AnyFoundation
from bluejacket.definition.image import Image, Profile
from bluejacket.definition.options import Options
from bluejacket.definition.overlay import Link, Overlay, Review
from bluejacket.definition.table import Name, Names, Table, Text, file_name, years_after
from bluejacket.errors import Place


class Tools(Table):
    """The tools tree: programs of the foundation in which everything foreign runs."""

    packages: Names = Field(min_length=1, description="packages unpacked, with all they require")
    exclude: Names = Field(default=(), description="packages that may never get in")
    links: tuple[Link, ...] = Field(
        default=(), alias="link", description="links that the packages' scripts would make"
    )


class ReleaseTable(Table):
    """A release as its file says it."""

    version: Name = file_name("the release's version")
    codename: Text = Field(description="its name (VERSION_CODENAME)")
    description: str = Field(default="", description="one line for people")
    foundation: Name = Field(description="the foundation, from `foundations/`")
    groups: Names = Field(min_length=1, description="component groups, from `components/`")
    feed: Name = Field(description="the feed, from `feeds/`")
    images: Names = Field(default=(), description="images, from `images/`")
    recommends: bool = Field(
        default=False, description="take what packages merely recommend into the closure as well"
    )
    published: date = Field(description="the day of its publication")
    support_years: int = Field(default=2, ge=1, le=20, description="years of support from that day")
    previous: Name | None = Field(default=None, description="the release that people migrate from")
    tools_release: Name | None = Field(
        default=None, description="the release whose tools tree builds this one; without it its own"
    )


class Origin(NamedTuple):
    """Where one value of a component's option was said."""

    key: str
    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class Release:
    """A release with every name looked up and every component's options inherited."""

    folder: Path  # the definitions' folder, against which SourcePath values are taken
    distribution: Distribution
    version: str
    codename: str
    foundation: AnyFoundation
    components: tuple[Component, ...]  # sorted by name; own ones after those that they need
    defaults: Options  # of packages that belong to no component: the distribution's and the release's
    overlays: Mapping[str, Overlay]  # by binary package
    reviews: tuple[Review, ...]
    feed: Feed
    images: Mapping[str, Image]
    profiles: Mapping[str, Profile]
    published: date
    support_years: int
    previous: str | None
    tools: Tools
    tools_foundation: AnyFoundation  # the foundation of the release whose tools tree builds this one
    tools_release: str
    exclude: tuple[str, ...]  # packages that may never get into the closure: all components' together
    recommends: bool
    origins: Mapping[str, tuple[Origin, ...]]  # by component

    def options_of(self, package: str, source: str) -> Options:
        """Give the options of a binary package: its component's, or the defaults.

        A package belongs to the component that wants it, else to the one of its source's name.
        """
        by_source: Options | None = None
        for component in self.components:
            if package in component.wanted:
                return component
            if source == component.name:
                by_source = component
        return by_source or self.defaults

    @property
    def support_end(self) -> date:
        """The last day of support (SUPPORT_END)."""
        return years_after(self.published, self.support_years)

    @property
    def pretty_name(self) -> str:
        """The name with version (PRETTY_NAME)."""
        return f"{self.distribution.name} {self.version} ({self.codename})"

    def profile_of(self, image: Image) -> Profile:
        """Give the hardening profile of one of the release's images."""
        return self.profiles[image.profile]

    def path(self, source: str) -> Path:
        """Give the absolute path of a file that a definition names."""
        return self.folder / source
