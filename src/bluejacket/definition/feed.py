"""The feed: a signed repository of a release's packages."""

from __future__ import annotations

from pydantic import Field

from bluejacket.definition.table import Name, Table, Text, file_name


class Feed(Table):
    """A repository as DNF sees it. Packages and repomd.xml are always signed, and always checked."""

    name: Name = file_name("the feed's name, which is also the repository's id")
    description: Text = Field(description="the repository's name as DNF shows it")
    address: str = Field(
        pattern="^(https?|file)://[^@]+$",
        description="where machines find it, unless the DNF variable says otherwise; without a login; "
        "`{release}` stands for the release's version",
    )
    variable: str = Field(
        pattern="^[a-z][a-z0-9_]*$", description="the DNF variable with the address (/etc/dnf/vars)"
    )
    compression: str = Field(default="zstd", pattern="^(zstd|gzip|xz)$", description="of the metadata")
    metadata_expire_s: int = Field(
        default=21600, ge=60, description="seconds after which DNF asks for new metadata"
    )
    changelogs: int = Field(default=10, ge=0, le=1000, description="changelog entries kept of each package")

    def address_of(self, version: str) -> str:
        """Give where the machines of a release find it."""
        return self.address.replace("{release}", version)
