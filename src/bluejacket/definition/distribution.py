"""The distribution itself: who makes it and under which name."""

from __future__ import annotations

from pydantic import Field

from bluejacket.definition.table import URL, Table, Text


class Distribution(Table):
    """What os-release(5) says of every release."""

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
