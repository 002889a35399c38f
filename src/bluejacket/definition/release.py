"""Releases as written, and as the other rooms take them: with every name looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field, Strict

from bluejacket.definition.advisory import Advisory
from bluejacket.definition.component import Component
from bluejacket.definition.distribution import Distribution
from bluejacket.definition.feed import Feed
from bluejacket.definition.foundation import AnyFoundation
from bluejacket.definition.image import Image, Profile
from bluejacket.definition.options import Options
from bluejacket.definition.overlay import Link, Overlay, Review
from bluejacket.definition.table import (
    HOURS,
    Name,
    Names,
    RefusalError,
    Table,
    Text,
    file_name,
    months_after,
    years_after,
)
from bluejacket.errors import Place


class Tools(Table):
    """The tools tree: programs of the foundation in which everything foreign runs."""

    packages: Names = Field(min_length=1, description="packages unpacked, with all they require")
    exclude: Names = Field(default=(), description="packages that may never get in")
    links: tuple[Link, ...] = Field(
        default=(), alias="link", description="links that the packages' scripts would make"
    )


class FixDays(Table):
    """How many days may pass from the day the foundation was first seen with a fix, by severity."""

    critical: int = Field(default=3, ge=0, description="days for a critical one")
    high: int = Field(default=7, ge=0, description="days for a high one")
    medium: int = Field(default=30, ge=0, description="days for a medium one")
    low: int = Field(default=90, ge=0, description="days for a low one")
    unknown: int = Field(default=14, ge=0, description="days for one whose severity no source gives")


class Retention(Table):
    """Which snapshots of the feed stay. Those that a channel points at or an image is made of always do."""

    keep_days: int = Field(default=400, ge=0, description="days for which every snapshot stays")
    keep_last: int = Field(default=8, ge=1, description="how many of the newest stay, however old")


class PatchMode(StrEnum):
    """What a machine does with updates by itself."""

    OFF = "off"
    NOTIFY = "notify"
    SECURITY = "security"
    ALL = "all"


class PatchReboot(StrEnum):
    """Whether a machine may start again by itself for an update that wants it."""

    NEVER = "never"
    WHEN_NEEDED = "when-needed"


def _not_empty(hours: str) -> str:
    begin, _, end = hours.partition("-")
    if begin == end:
        raise RefusalError(
            f"{hours} is no time at all", "write any, or let the span end later than it begins"
        )
    return hours


class Patch(Table):
    """How a machine patches itself, unless its owner says otherwise in /etc/bluejacket/patch.conf."""

    mode: Annotated[PatchMode, Strict(False)] = Field(
        default=PatchMode.SECURITY,
        description="nothing, tell of updates, apply those that fix security faults, or apply all",
    )
    hours: Annotated[str, Field(pattern=HOURS), AfterValidator(_not_empty)] = Field(
        default="any", description="when it may happen, in the machine's time zone: `any` or `02:00-05:00`"
    )
    delay_minutes: int = Field(
        default=60,
        ge=0,
        le=1440,
        description="minutes over which machines spread, from the beginning of the hours",
    )
    reboot: Annotated[PatchReboot, Strict(False)] = Field(
        default=PatchReboot.WHEN_NEEDED,
        description="when it may start again by itself; "
        "then such updates are applied in a boot for nothing else",
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
    update_months: int = Field(
        default=3, ge=1, le=24, description="months from one regular update to the next, from that day on"
    )
    hold: Names = Field(
        default=(),
        description="components or source packages that stay at their locked version until "
        "`bluejacket lock --release-hold` lets one go",
    )
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
    advisories: tuple[Advisory, ...]  # of all releases, since no number may stand for two things
    feed: Feed
    images: Mapping[str, Image]
    profiles: Mapping[str, Profile]
    published: date
    support_years: int
    update_months: int
    fix_days: FixDays
    retention: Retention
    patch: Patch
    hold: tuple[str, ...]  # components or source packages
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
    def update_days(self) -> tuple[date, ...]:
        """The days of the regular updates, within the time of support."""
        last, found = self.support_end, []
        for count in range(1, self.support_years * 12 // self.update_months + 1):
            day = months_after(self.published, count * self.update_months)
            if day <= last:
                found.append(day)
        return tuple(found)

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
