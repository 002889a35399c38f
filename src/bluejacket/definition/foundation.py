"""Upstream archives on which a release stands."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bluejacket.definition.table import (
    MIRROR,
    Fingerprint,
    Name,
    Names,
    RefusalError,
    SourcePath,
    Table,
    Text,
    distinct,
    file_name,
)


class Suite(Table):
    """One suite of a Debian archive (Debian repository format, InRelease and its Packages files)."""

    name: str = Field(
        pattern="^[a-z0-9][a-z0-9./-]*$", description="as below `dists/`, such as `trixie-security`"
    )
    archive: str = Field(
        default="debian",
        pattern="^[a-z0-9][a-z0-9/_-]*$",
        description="the archive's folder on the mirror, such as `debian-security`",
    )
    sections: Names = Field(default=("main",), min_length=1, description="areas, such as `main`")
    mirror: str | None = Field(
        default=None,
        pattern=MIRROR,
        description="address of the mirror's root, above `archive`; without it, that of the machine's apt",
    )
    keyring: str = Field(
        default="/usr/share/keyrings/debian-archive-keyring.gpg",
        min_length=1,
        description="OpenPGP certificates that may sign it: absolute, or below the definitions' folder",
    )
    signers: Annotated[tuple[Fingerprint, ...], AfterValidator(distinct)] = Field(
        default=(), description="if not empty, only these certificates of the keyring count"
    )
    security: bool = Field(default=False, description="its versions are security fixes of an earlier suite")


class DebianFoundation(Table):
    """A Debian archive, whose packages are turned into RPMs."""

    kind: Literal["debian"] = Field(description="a Debian archive")
    name: Name = file_name("the foundation's name")
    description: str = Field(default="", description="one line for people")
    architecture: Literal["amd64", "arm64"] = Field(default="amd64", description="by Debian's name")
    suites: tuple[Suite, ...] = Field(
        alias="suite", min_length=1, description="suites, the later ones updating the earlier"
    )

    @property
    def rpm_architecture(self) -> str:
        """The architecture by RPM's name."""
        return {"amd64": "x86_64", "arm64": "aarch64"}[self.architecture]


class Repository(Table):
    """One RPM repository (rpm-md)."""

    id: Name = Field(description="its name in messages, locks and caches")
    metalink: str | None = Field(
        default=None,
        pattern=MIRROR,
        description="address of a metalink, which holds mirrors and the hash of repomd.xml",
    )
    mirrorlist: str | None = Field(
        default=None, pattern=MIRROR, description="address of a plain list of mirrors, no hashes"
    )
    baseurls: tuple[str, ...] = Field(
        default=(), alias="baseurl", description="addresses of mirrors, tried in this order"
    )
    key_files: tuple[SourcePath, ...] = Field(
        default=(), alias="key_file", description="OpenPGP certificates, below the definitions' folder"
    )
    keys: Annotated[tuple[Fingerprint, ...], AfterValidator(distinct)] = Field(
        min_length=1, description="fingerprints of the certificates that may sign packages and metadata"
    )
    metadata_signed: bool = Field(
        default=True,
        description="demand a signed repomd.xml (Fedora signs none: false, with a metalink)",
    )
    priority: int = Field(default=99, ge=1, le=99, description="the lowest number's packages win, as in DNF")
    exclude: tuple[Text, ...] = Field(default=(), description="packages never taken from here, by pattern")
    security: bool = Field(default=False, description="carries updates and their updateinfo")
    source: bool = Field(default=False, description="holds source packages")

    @model_validator(mode="after")
    def _one_way_to_a_mirror(self) -> Self:
        ways = [self.metalink is not None, self.mirrorlist is not None, bool(self.baseurls)]
        if sum(ways) != 1:
            raise RefusalError("wants exactly one of metalink, mirrorlist and baseurl", "keep one of them")
        if not self.metadata_signed and self.metalink is None:
            what = "metadata_signed = false wants a metalink"
            raise RefusalError(what, "nothing else vouches for repomd.xml")
        return self


class RpmmdFoundation(Table):
    """RPM repositories, Fedora's or any other."""

    kind: Literal["rpmmd"] = Field(description="RPM repositories")
    name: Name = file_name("the foundation's name")
    description: str = Field(default="", description="one line for people")
    release: Text = Field(description="what $releasever stands for in addresses")
    architecture: Literal["x86_64", "aarch64"] = Field(
        default="x86_64", description="by RPM's name ($basearch)"
    )
    repositories: tuple[Repository, ...] = Field(
        alias="repository", min_length=1, description="its repositories"
    )
    dist_git: str | None = Field(
        default=None, pattern="[{]package[}]", description="address of a package's dist-git, with `{package}`"
    )
    lookaside: str | None = Field(
        default=None,
        pattern="[{]hash[}]",
        description="address of a source file, with `{package}`, `{file}`, `{hashtype}` and `{hash}`",
    )
    branch: str | None = Field(default=None, min_length=1, description="the dist-git branch of this release")

    @property
    def rpm_architecture(self) -> str:
        """The architecture by RPM's name."""
        return self.architecture


Foundation = Annotated[DebianFoundation | RpmmdFoundation, Field(discriminator="kind")]
AnyFoundation = DebianFoundation | RpmmdFoundation
