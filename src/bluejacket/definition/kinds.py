"""The kinds of definition files: where each lies and what it holds.

This table drives reading, the JSON Schema and the reference page.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from bluejacket.definition.advisory import Advisory
from bluejacket.definition.catalogue import Offer
from bluejacket.definition.component import Component, Group
from bluejacket.definition.distribution import Distribution
from bluejacket.definition.feed import Feed
from bluejacket.definition.foundation import Foundation
from bluejacket.definition.image import Image, Profile
from bluejacket.definition.options import Options
from bluejacket.definition.overlay import Overlay, Review
from bluejacket.definition.release import FixDays, Patch, ReleaseTable, Retention, Tools
from bluejacket.definition.table import Table

_DEFAULTS = "options of all components below, which a nearer table may set again; arrays append"


class DistributionFile(Table):
    """The distribution: its names, and options of all its components."""

    distribution: Distribution = Field(description="who makes it and under which name")
    defaults: Options = Field(default=Options(), description=_DEFAULTS)


class ReleaseFile(Table):
    """A release: its foundation, its component groups, its images."""

    release: ReleaseTable = Field(description="the release")
    defaults: Options = Field(default=Options(), description=_DEFAULTS)
    tools: Tools | None = Field(default=None, description="the tools tree in which everything foreign runs")
    fix_days: FixDays = Field(
        default=FixDays(), description="days until a fix that the foundation has is in a feed"
    )
    retention: Retention = Field(default=Retention(), description="which snapshots of the feed stay")
    patch: Patch = Field(default=Patch(), description="how machines patch themselves")


class FoundationFile(Table):
    """A foundation: an upstream archive on which a release stands."""

    foundation: Foundation = Field(description="the archive; `kind` says of which sort")


class GroupFile(Table):
    """A group of components."""

    group: Group = Field(description="what the group serves")
    defaults: Options = Field(default=Options(), description=_DEFAULTS)
    components: tuple[Component, ...] = Field(
        alias="component", min_length=1, description="its components, in any order"
    )


class OverlayFile(Table):
    """An overlay: how one binary package departs from its upstream."""

    overlay: Overlay = Field(description="the departures")


class ReviewFile(Table):
    """Reviews of maintainer scripts, which never run."""

    reviews: tuple[Review, ...] = Field(alias="review", min_length=1, description="one review a script")


class FeedFile(Table):
    """A feed: the signed repository of a release's packages."""

    feed: Feed = Field(description="the repository as DNF sees it")


class ProfileFile(Table):
    """A profile: how images are hardened."""

    profile: Profile = Field(description="the hardening")


class ImageFile(Table):
    """An image: a disk that boots."""

    image: Image = Field(description="the disk")


class AdvisoryFile(Table):
    """An advisory: what an update fixes."""

    advisory: Advisory = Field(description="one that is written here, or changes others")


class CatalogueFile(Table):
    """The catalogue: what a local cloud's marketplace calls the images."""

    offers: tuple[Offer, ...] = Field(alias="offer", min_length=1, description="one image of one release")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file. `named` is the key of `table` that the file's name gives, or empty."""

    name: str
    folder: str  # below the definitions' folder; empty: the one file is called `name`.toml
    model: type[Table]
    table: str
    named: str = ""

    @property
    def where(self) -> str:
        """Where such files lie, for people."""
        if not self.folder:
            return f"{self.name}.toml"
        return f"{self.folder}/<{self.named}>.toml" if self.named else f"{self.folder}/*.toml"


KINDS = (
    Kind("distribution", "", DistributionFile, "distribution"),
    Kind("release", "releases", ReleaseFile, "release", "version"),
    Kind("foundation", "foundations", FoundationFile, "foundation", "name"),
    Kind("group", "components", GroupFile, "group", "name"),
    Kind("overlay", "overlays", OverlayFile, "overlay"),
    Kind("review", "reviews", ReviewFile, "review"),
    Kind("feed", "feeds", FeedFile, "feed", "name"),
    Kind("profile", "profiles", ProfileFile, "profile", "name"),
    Kind("image", "images", ImageFile, "image", "name"),
    Kind("advisory", "advisories", AdvisoryFile, "advisory"),
    Kind("catalogue", "", CatalogueFile, "offer"),
)
