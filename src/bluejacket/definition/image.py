"""Images and the hardening profiles that they follow."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, Strict

from bluejacket.definition.overlay import AddedFile, Link
from bluejacket.definition.table import GuestPath, Name, Names, Table, Text, Texts, distinct, file_name

Unit = Annotated[str, Field(pattern=r"^[A-Za-z0-9@:_.\\-]+\.(service|socket|timer|path|target|mount|slice)$")]
Units = Annotated[tuple[Unit, ...], AfterValidator(distinct)]


class SELinux(StrEnum):
    """The mode in which a machine comes up."""

    ENFORCING = "enforcing"
    PERMISSIVE = "permissive"
    DISABLED = "disabled"


class Services(Table):
    """What runs by itself. The last matching word wins: mask, then disable, then enable."""

    enable: Units = Field(default=(), description="units enabled by preset")
    disable: Units = Field(default=(), description="units disabled by preset")
    mask: Units = Field(default=(), description="units that nothing can start")


class Profile(Table):
    """How an image is hardened."""

    name: Name = file_name("the profile's name")
    description: Text = Field(description="what it is for")
    selinux: Annotated[SELinux, Strict(False)] = Field(
        default=SELinux.ENFORCING, description="the mode in which a machine comes up"
    )
    kernel_arguments: Texts = Field(
        default=(), description="words of the kernel's command line, in this order"
    )
    services: Services = Field(default=Services(), description="what runs by itself")


class ImageFormat(StrEnum):
    """A form in which the disk is given out."""

    RAW = "raw"
    QCOW2 = "qcow2"
    VHD = "vhd"  # fixed, 1 MiB aligned, as Azure wants it


Formats = Annotated[tuple[Annotated[ImageFormat, Strict(False)], ...], AfterValidator(distinct)]


class Expected(Table):
    """A difference between a package and what is installed that `rpm -Va` may report."""

    path: GuestPath = Field(description="the file or folder")
    reason: Text = Field(description="why it differs")


class Image(Table):
    """A disk that boots."""

    name: Name = file_name("the image's name")
    description: Text = Field(description="what it is for")
    profile: Name = Field(description="the hardening profile, from `profiles/`")
    packages: Names = Field(min_length=1, description="packages installed, with all they require")
    exclude: Names = Field(default=(), description="packages that may never get in")
    recommends: bool = Field(default=False, description="install what packages merely recommend as well")
    formats: Annotated[
        tuple[Annotated[ImageFormat, Strict(False)], ...], AfterValidator(distinct), Field(min_length=1)
    ] = Field(description="the forms in which the disk is given out")
    root_size_mib: int = Field(
        ge=256, le=1 << 20, description="size of the root filesystem; it grows at first boot"
    )
    # systemd-repart makes no smaller FAT32 file system
    esp_size_mib: int = Field(default=260, ge=260, le=4096, description="size of the EFI system partition")
    label: str = Field(
        default="bluejacket",
        pattern="^[a-z0-9-]{1,16}$",
        description="label of the root filesystem (16 bytes)",
    )
    kernel_arguments: Texts = Field(default=(), description="added to the profile's")
    kernels_kept: int = Field(default=2, ge=2, le=8, description="UKIs kept on the ESP")
    boot_tries: int = Field(
        default=3, ge=1, le=9, description="failed boots after which the next kernel is taken"
    )
    files: tuple[AddedFile, ...] = Field(default=(), alias="file", description="files that no package owns")
    links: tuple[Link, ...] = Field(default=(), alias="link", description="links that no package owns")
    expected: tuple[Expected, ...] = Field(
        default=(), description="differences that `rpm -Va` may report after installation"
    )
