"""Options that a component inherits: distribution -> release -> group -> component."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from bluejacket.definition.table import GuestGlob, Names, Table, Text, Texts, distinct


class Options(Table):
    """What may stand in any `[defaults]` table and in a component itself. The nearest wins; arrays append."""

    vendor: str = Field(
        default="", description="the Vendor of every package's header; empty means the distribution's vendor"
    )
    packager: str = Field(
        default="", description="the Packager of every package's header; empty leaves it out"
    )
    tag: Text = Field(
        default="bj",
        pattern="^[a-z]+$",
        description="what marks our rebuilds in a release (`1.bj2`); sorts below upstream's next",
    )
    revision: int = Field(default=1, ge=1, description="our rebuilds of one upstream version, counted from 1")
    compression: str = Field(
        default="zstd:9",
        pattern="^(zstd:([1-9]|1[0-9])|gzip:[1-9]|xz:[0-9]|none)$",
        description="how a package's payload is compressed, as `method:level`",
    )
    exclude: Names = Field(default=(), description="packages that may never get into the closure")
    remove: Annotated[tuple[GuestGlob, ...], AfterValidator(distinct)] = Field(
        default=(), description="files left out of every package, by shell pattern (`**` crosses a `/`)"
    )
    macros: Texts = Field(
        default=(), description="definitions for rpmbuild, each as `name value`, in this order"
    )
    check: bool = Field(default=True, description="run a spec's %check")
    build_limit_s: int = Field(
        default=3600, ge=1, le=86400, description="seconds after which a build is given up"
    )
