"""Components: what a release is made of, source package by source package, in groups."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, Strict, model_validator

from bluejacket.definition.options import Options
from bluejacket.definition.table import Name, Names, RefusalError, SourcePath, Table, Text, Texts, file_name


class ComponentKind(StrEnum):
    """How a component's packages come to be."""

    IMPORT = "import"  # the foundation's binaries, converted where it is no RPM archive
    SPEC = "spec"  # built from a spec file of ours, in the tools tree
    UKI = "uki"  # likewise, around a unified kernel image that is made of a kernel and an initrd
    SIGNED = "signed"  # likewise, around programs for the firmware that the foundation has, signed by us


class Component(Options):
    """A source package. The feed holds the closure of its binaries."""

    name: Name = Field(description="the source package's name")
    kind: Annotated[ComponentKind, Strict(False)] = Field(
        default=ComponentKind.IMPORT, description="how its packages come to be"
    )
    packages: Names = Field(
        default=(), description="the binary packages wanted from it; none means one of the component's name"
    )
    spec: SourcePath | None = Field(
        default=None, description="the spec file, below the definitions' folder; its sources lie beside it"
    )
    kernel: Name | None = Field(
        default=None, description="the package of the foundation that leads to the kernel of a UKI"
    )
    signs: Name | None = Field(
        default=None, description="the package of the foundation whose programs for the firmware it signs"
    )
    provides: Texts = Field(
        default=(), description="what the packages of its spec provide for the foundation's packages"
    )
    build_from: Names = Field(
        default=(),
        description="packages of the foundation that its build reads: unpacked to `foundation/` beside its "
        "sources, and not in the feed",
    )
    form_of: Name | None = Field(
        default=None,
        description="the source package that it is a signed or repacked form of: its changelog tells the "
        "changes, and one advisory is about both",
    )
    after: Names = Field(default=(), description="own components that are built before it")
    releases: Names = Field(default=(), description="the releases that have it; none means all")
    reason: Text = Field(description="why the distribution has it")

    @model_validator(mode="after")
    def _spec_fits_kind(self) -> Self:
        if self.is_own and self.spec is None:
            raise RefusalError(f'kind = "{self.kind}" wants the key spec', "name the spec file")
        if not self.is_own and self.spec is not None:
            raise RefusalError('the key spec wants kind = "spec"', "set it, or remove spec")
        if self.kind is ComponentKind.UKI and self.kernel is None:
            raise RefusalError('kind = "uki" wants the key kernel', "name the package that leads to it")
        if self.kind is not ComponentKind.UKI and self.kernel is not None:
            raise RefusalError('the key kernel wants kind = "uki"', "set it, or remove kernel")
        if self.kind is ComponentKind.SIGNED and self.signs is None:
            raise RefusalError('kind = "signed" wants the key signs', "name the package with the programs")
        if self.kind is not ComponentKind.SIGNED and self.signs is not None:
            raise RefusalError('the key signs wants kind = "signed"', "set it, or remove signs")
        if self.provides and not self.is_own:
            raise RefusalError('the key provides wants kind = "spec"', "use an overlay's provides")
        if self.build_from and self.kind is not ComponentKind.SPEC:
            raise RefusalError('the key build_from wants kind = "spec"', "set it, or remove build_from")
        return self

    @property
    def is_own(self) -> bool:
        """Whether its packages are built here, from a spec."""
        return self.kind is not ComponentKind.IMPORT

    @property
    def wanted(self) -> tuple[str, ...]:
        """The binary packages wanted from it; never empty."""
        return self.packages or (self.name,)


class Group(Table):
    """What a group of components serves."""

    name: Name = file_name("the group's name")
    description: Text = Field(description="what it is for")
