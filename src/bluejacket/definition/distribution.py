"""The distribution itself: who makes it and under which name."""

from __future__ import annotations

import re

from pydantic import Field

from bluejacket.definition.table import URL, Names, Table, Text


class Distribution(Table):
    """What os-release(5) says of every release, and what all advisories have in common."""

    name: Text = Field(description="the name as people read it (NAME)")
    id: str = Field(pattern="^[a-z0-9._-]+$", description="the name as programs read it (ID)")
    vendor: Text = Field(description="who answers for it (VENDOR_NAME)")
    home: str = Field(pattern=URL, description="the home page (HOME_URL)")
    bug_url: str = Field(pattern=URL, description="where faults are told (BUG_REPORT_URL)")
    support_url: str | None = Field(
        default=None, pattern=URL, description="where help is found (SUPPORT_URL)"
    )
    id_like: str = Field(
        default="", pattern="^[a-z0-9._ -]*$", description="relatives, nearest first, by space (ID_LIKE)"
    )
    ansi_color: str = Field(
        default="0;38;2;31;78;121", pattern="^[0-9;]+$", description="its colour on a terminal (ANSI_COLOR)"
    )
    cpe_vendor: str | None = Field(
        default=None,
        pattern="^[a-z0-9_-]+$",
        description="the vendor part of CPE_NAME; without it none",
    )
    advisory_prefix: str = Field(
        default="",
        pattern="^([A-Z]{2,8})?$",
        description="how ids of advisories begin; empty: the first letters of its id's parts, or of it",
    )
    reboot_after: Names = Field(
        default=(), description="source packages of any foundation whose update wants a reboot"
    )

    @property
    def advisories_begin(self) -> str:
        """How ids of advisories begin, such as "BJ" in BJSA-2026:0001."""
        parts = [part for part in re.split("[^a-z]+", self.id) if part]
        initials = "".join(part[0] for part in parts) if len(parts) > 1 else "".join(parts)[:2]
        return self.advisory_prefix or initials.upper()[:8].ljust(2, "X")
