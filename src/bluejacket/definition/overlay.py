"""Overlays and reviews: how a converted package departs from upstream, and why its scripts need not run."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from bluejacket.definition.table import (
    Account,
    GuestGlob,
    GuestPath,
    Mode,
    Name,
    Names,
    RefusalError,
    Sha256,
    SourcePath,
    Table,
    Text,
    Texts,
    distinct,
)

Relations = Texts
"""RPM dependencies as a spec writes them: `name`, `name >= 1:2.3-4` or a rich `(a or b)`."""


class Link(Table):
    """A symbolic link added."""

    path: GuestPath = Field(description="where the link lies")
    target: Text = Field(description="where it points, absolute or relative to its folder")


class AddedFile(Table):
    """A file added, or put in the place of upstream's."""

    path: GuestPath = Field(description="where the file lies")
    content: str | None = Field(default=None, description="the text itself")
    source: SourcePath | None = Field(default=None, description="or a file below the definitions' folder")
    mode: Mode = Field(default="0644", description="four octal digits")
    owner: Account = Field(default="root", description="the owning user")
    group: Account = Field(default="root", description="the owning group")
    config: bool = Field(default=False, description="a machine's own changes survive an update")

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        if (self.content is None) == (self.source is None):
            raise RefusalError("wants exactly one of content and source", "keep one of them")
        return self


class AddedFolder(Table):
    """A folder added empty."""

    path: GuestPath = Field(description="where the folder lies")
    mode: Mode = Field(default="0755", description="four octal digits")
    owner: Account = Field(default="root", description="the owning user")
    group: Account = Field(default="root", description="the owning group")


class Access(Table):
    """Mode and owner of a path that upstream's own package has."""

    path: GuestPath = Field(description="the file or folder")
    mode: Mode | None = Field(default=None, description="four octal digits; without it as upstream")
    owner: Account | None = Field(default=None, description="the owning user; without it as upstream")
    group: Account | None = Field(default=None, description="the owning group; without it as upstream")
    capabilities: Text | None = Field(
        default=None, description="file capabilities as cap_from_text(3) reads them, such as `cap_net_raw=ep`"
    )


class Edit(Table):
    """A piece of text put in the place of another, which must occur exactly once."""

    path: GuestPath = Field(description="the file")
    find: Text = Field(description="the text to find; anything but one occurrence is an error")
    replace: str = Field(description="the text in its place")


class Overlay(Table):
    """How one binary package departs from its upstream."""

    package: Name = Field(description="the binary package")
    reason: Text = Field(description="why it departs from upstream")
    releases: Names = Field(default=(), description="the releases where it holds; none means all")
    remove: Annotated[tuple[GuestGlob, ...], AfterValidator(distinct)] = Field(
        default=(), description="files left out, by shell pattern (`**` crosses a `/`); each must match"
    )
    requires: Relations = Field(default=(), description="dependencies added")
    drop_requires: Names = Field(default=(), description="dependencies left out, by name; each must exist")
    provides: Relations = Field(default=(), description="provides added")
    drop_provides: Names = Field(default=(), description="provides left out, by name")
    conflicts: Relations = Field(default=(), description="conflicts added")
    drop_conflicts: Names = Field(default=(), description="conflicts left out, by name")
    obsoletes: Relations = Field(default=(), description="packages that it takes the place of")
    recommends: Relations = Field(default=(), description="weak dependencies added")
    config: Annotated[tuple[GuestPath, ...], AfterValidator(distinct)] = Field(
        default=(), description="files of upstream that a machine may change: its changes survive an update"
    )
    files: tuple[AddedFile, ...] = Field(default=(), alias="file", description="files added or replaced")
    folders: tuple[AddedFolder, ...] = Field(default=(), alias="folder", description="empty folders added")
    links: tuple[Link, ...] = Field(default=(), alias="link", description="symbolic links added or replaced")
    access: tuple[Access, ...] = Field(default=(), alias="mode", description="modes and owners changed")
    edits: tuple[Edit, ...] = Field(default=(), alias="edit", description="pieces of text replaced")


class ScriptKind(StrEnum):
    """A maintainer script by Debian's name (Debian Policy chapter 6)."""

    PREINST = "preinst"
    POSTINST = "postinst"
    PRERM = "prerm"
    POSTRM = "postrm"
    CONFIG = "config"


class Review(Table):
    """A person's word that one maintainer script need not run."""

    package: Name = Field(description="the binary package")
    script: Annotated[ScriptKind, Strict(False)] = Field(description="the script by Debian's name")
    sha256: Sha256 = Field(description="digest of the script as shipped; a changed script wants a new review")
    verdict: Text = Field(description="why not running it is right, or what does its work instead")
