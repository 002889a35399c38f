"""What every table of a definition file has in common: frozen, strict, and told field by field."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NAME = r"^[A-Za-z0-9][A-Za-z0-9+._-]*$"
ACCOUNT = "^[a-z_][a-z0-9_-]*$"
MODE = "^[0-7]{4}$"
FINGERPRINT = "^([0-9A-F]{40}|[0-9A-F]{64})$"
SHA256 = "^[0-9a-f]{64}$"
ABSOLUTE = "^/"
CVE = "^CVE-[0-9]{4}-[0-9]{4,}$"
ADVISORY_ID = "^[A-Z]{2,8}(SA|BA|EA)-[0-9]{4}:[0-9]{4,}$"
VERSION = "^([0-9]+:)?[0-9A-Za-z][0-9A-Za-z.+~^_-]*$"
URL = "^https?://[^@]+$"
MIRROR = "^(https?|file)://"
PLAN = "^[A-Za-z0-9][A-Za-z0-9._-]*(:[A-Za-z0-9][A-Za-z0-9._-]*){2}$"
HOURS = "^(any|([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9])$"

PATTERN_WORDS = {
    NAME: "letters, digits and . _ + - beginning with a letter or digit",
    ACCOUNT: "small letters, digits, _ and - beginning with a letter or _",
    MODE: 'four octal digits such as "0644"',
    FINGERPRINT: "an OpenPGP fingerprint, 40 or 64 capital hexadecimal digits without blanks",
    SHA256: "a SHA-256, 64 small hexadecimal digits",
    ABSOLUTE: "an absolute path",
    CVE: "a CVE such as CVE-2026-12345",
    ADVISORY_ID: "an advisory's id such as BJSA-2026:0001",
    VERSION: "a version such as 1:2.3-4",
    URL: "an http or https address without a login",
    MIRROR: "an http, https or file address",
    PLAN: "three names as publisher:offer:sku",
    HOURS: "any, or a span of the day such as 02:00-05:00",
}
"""What to say instead of a pattern to someone whose text does not match."""


class RefusalError(ValueError):
    """A validator's word on what is wrong, and the way out."""

    def __init__(self, what: str, way_out: str) -> None:
        self.way_out = way_out
        super().__init__(what)


Name = Annotated[str, Field(pattern=NAME, max_length=128)]
"""A package, component, profile, …: also safe as a file name."""

Account = Annotated[str, Field(pattern=ACCOUNT, max_length=31)]
"""A user or group, as useradd(8) takes its name."""

Text = Annotated[str, Field(min_length=1)]
"""Words for a reader; never empty."""

Mode = Annotated[str, Field(pattern=MODE)]
"""Four octal digits, such as "0644"; the first holds set-uid, set-gid and sticky."""

Fingerprint = Annotated[str, Field(pattern=FINGERPRINT)]
"""An OpenPGP fingerprint of version 4 (40 digits) or 6 (64), RFC 9580 section 5.5.4."""

Sha256 = Annotated[str, Field(pattern=SHA256)]


def _plain(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in ("", ".", ".."))


def _absolute(path: str) -> str:
    if path != "/" + _plain(path):
        raise RefusalError("wants an absolute path", "without '..', '.', or a double or closing '/'")
    return path


def _inside(path: str) -> str:
    if path != _plain(path):
        raise RefusalError("wants a path below the definitions' folder", "without '..', '.', or a double '/'")
    return path


GuestPath = Annotated[str, Field(pattern=ABSOLUTE), AfterValidator(_absolute)]
"""Where a file lies in the finished system."""

GuestGlob = Annotated[str, Field(pattern=ABSOLUTE)]
"""Paths of the finished system by shell pattern; `*` does not cross a `/`, `**` does."""

SourcePath = Annotated[str, Field(min_length=1), AfterValidator(_inside)]
"""A file or folder below the definitions' folder (`distro/`)."""


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse a value that stands twice. Raises RefusalError, which pydantic reports with its key."""
    for at, value in enumerate(values):
        if value in values[:at]:
            raise RefusalError(f'"{value}" stands twice', "keep one")
    return values


Names = Annotated[tuple[Name, ...], AfterValidator(distinct)]
Texts = Annotated[tuple[Text, ...], AfterValidator(distinct)]


def _without_file_name(schema: dict[str, Any]) -> None:
    """Leave out what the file's name gives, since the file itself may not say it again."""
    properties = schema.get("properties", {})
    taken = [key for key, value in properties.items() if value.pop("x-from-file-name", False)]
    for key in taken:
        del properties[key]
    schema["required"] = [key for key in schema.get("required", []) if key not in taken]
    if not schema["required"]:
        del schema["required"]


class Table(BaseModel):
    """A table of a definition file. Frozen to the bottom: fields hold strings, numbers, tuples and tables."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, json_schema_extra=_without_file_name)


def file_name(description: str) -> Any:
    """Declare a field whose value is the file's name without `.toml`."""
    return Field(description=description, json_schema_extra={"x-from-file-name": True})


def years_after(day: date, years: int) -> date:
    """Give the same day `years` later; the 29th of February becomes the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def months_after(day: date, months: int) -> date:
    """Give the same day `months` later, or the last of a month that is too short for it."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


__all__ = [
    "Fingerprint",
    "GuestGlob",
    "GuestPath",
    "Mode",
    "Name",
    "Names",
    "Sha256",
    "SourcePath",
    "Table",
    "Text",
    "Texts",
    "distinct",
    "file_name",
    "months_after",
    "years_after",
]
