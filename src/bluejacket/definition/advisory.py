"""Advisories as maintainers write or amend them: what an update fixes, and what a fault does not reach."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from bluejacket.definition.table import (
    ADVISORY_ID,
    CVE,
    URL,
    VERSION,
    Name,
    Names,
    RefusalError,
    Table,
    Text,
    distinct,
)

Cve = Annotated[str, Field(pattern=CVE)]
Cves = Annotated[tuple[Cve, ...], AfterValidator(distinct)]
AdvisoryId = Annotated[str, Field(pattern=ADVISORY_ID)]
"""Such as "BJSA-2026:0001": prefix, SA, BA or EA, the year and a number of at least four digits."""


class AdvisoryKind(StrEnum):
    """What an advisory is about, in updateinfo's words."""

    SECURITY = "security"
    BUGFIX = "bugfix"
    ENHANCEMENT = "enhancement"

    @property
    def letters(self) -> str:
        """What an id of this kind has after the distribution's prefix: SA, BA or EA."""
        return {"security": "SA", "bugfix": "BA", "enhancement": "EA"}[self.value]


class Severity(StrEnum):
    """How bad it is, in CVSS's words (FIRST, CVSS 3.1 §5). UNKNOWN where no source says: never guessed."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNKNOWN = "unknown"


class Justification(StrEnum):
    """Why a fault does not reach a component: the flags of CSAF 2.0 (§3.2.3.5.2)."""

    COMPONENT_NOT_PRESENT = "component_not_present"
    CODE_NOT_PRESENT = "vulnerable_code_not_present"
    CODE_NOT_IN_PATH = "vulnerable_code_not_in_execute_path"
    NOT_CONTROLLED = "vulnerable_code_cannot_be_controlled_by_adversary"
    MITIGATED = "inline_mitigations_already_exist"


class Unaffected(Table):
    """A CVE that does not reach the component, and why."""

    cve: Cve = Field(description="the CVE")
    justification: Annotated[Justification, Strict(False)] = Field(
        description="why it does not, as one of the flags of CSAF 2.0"
    )
    note: str = Field(default="", description="the same in words for people")


class AdvisoryReference(Table):
    """Where more is said. Each CVE has its reference without being listed here."""

    url: str = Field(pattern=URL, description="the page")
    id: Text | None = Field(default=None, description="its number there; without it the address")
    kind: str = Field(
        default="other",
        pattern="^(self|vendor|bugzilla|other)$",
        description="what it is, as updateinfo has it",
    )
    title: str = Field(default="", description="its title")


class Advisory(Table):
    """An advisory written by a person, or what a person changes in others.

    With `id` it is written here: the kind, title and component are then wanted, and `fixed_in` or a CVE
    that does not reach the component. With `amends`, or with component and CVEs alone, it changes those
    that the packages' changelogs make.
    """

    id: AdvisoryId | None = Field(default=None, description="the number of one that is written here")
    amends: AdvisoryId | None = Field(default=None, description="or the number of the one that is changed")
    kind: Annotated[AdvisoryKind, Strict(False)] | None = Field(
        default=None, description="what one that is written here is about"
    )
    component: Name | None = Field(default=None, description="the source package")
    cves: Cves = Field(
        default=(), description="the CVEs that are fixed; without an id those whose advisories are changed"
    )
    fixed_in: str | None = Field(
        default=None,
        pattern=VERSION,
        description="the source package's first version with the fix, as `[epoch:]version-release`",
    )
    packages: Names = Field(default=(), description="the binary packages concerned; none means all")
    title: Text | None = Field(default=None, description="one line for people")
    description: Text | None = Field(default=None, description="more for people")
    severity: Annotated[Severity, Strict(False)] | None = Field(default=None, description="how bad it is")
    severity_source: Text | None = Field(default=None, description="who says that it is so bad")
    references: tuple[AdvisoryReference, ...] = Field(
        default=(), alias="reference", description="where more is said"
    )
    issued: date | None = Field(
        default=None, description="the day of its publication, if another than the fix's"
    )
    updated: date | None = Field(default=None, description="the day of its last change")
    reboot_suggested: bool | None = Field(
        default=None, description="whether the update wants a reboot; without it by the distribution's list"
    )
    relogin_suggested: bool | None = Field(default=None, description="whether users should log in anew")
    not_affected: tuple[Unaffected, ...] = Field(
        default=(), description="CVEs that do not reach the component; no advisory says that they are fixed"
    )
    withdrawn: Text | None = Field(
        default=None,
        description="why it is taken back for good: its package left the feed, say, or it never was true",
    )
    releases: Names = Field(default=(), description="the releases where it holds; none means all")

    @property
    def amends_others(self) -> bool:
        """Whether it only changes what others say."""
        return self.id is None

    @model_validator(mode="after")
    def _written_or_amends(self) -> Self:
        if self.id is not None and self.amends is not None:
            raise RefusalError("has both id and amends", "keep id to write an advisory, amends to change one")
        if (self.severity or Severity.UNKNOWN) is not Severity.UNKNOWN and self.severity_source is None:
            raise RefusalError(
                "a severity wants the key severity_source", "name who says so, or leave it out"
            )
        if self.not_affected and self.component is None:
            raise RefusalError("not_affected wants the key component", "name the source package")
        if self.id is None:
            self._check_amending()
        else:
            self._check_written(self.id)
        both = sorted({one.cve for one in self.not_affected} & set(self.cves))
        if self.id is not None and both:
            raise RefusalError(
                f"{both[0]} is fixed and does not reach the component at once", "keep one of both"
            )
        return self

    def _check_amending(self) -> None:
        if self.amends is None and not (self.component and (self.cves or self.not_affected)):
            raise RefusalError(
                "changes no advisory", "give amends, or component and cves; or id, to write a new one"
            )
        if self.withdrawn is not None and self.amends is None:
            raise RefusalError(
                "withdrawn wants the number of the advisory", "give amends, or id where it is written here"
            )
        for key in ("kind", "fixed_in", "packages"):
            if getattr(self, key):
                raise RefusalError(f"the key {key} wants an id", f"give the id, or leave {key} out")

    def _check_written(self, number: str) -> None:
        for key in ("kind", "title", "component"):
            if getattr(self, key) is None:
                raise RefusalError(f"an id wants the key {key}", "an advisory that is written here is whole")
        assert self.kind is not None
        if number.partition("-")[0][-2:] != self.kind.letters:
            raise RefusalError(
                f'kind = "{self.kind}" wants an id with {self.kind.letters}', "change one of both"
            )
        if self.kind is not AdvisoryKind.SECURITY and (self.cves or self.not_affected):
            raise RefusalError(f'kind = "{self.kind}" has no CVEs', 'set kind = "security", or remove them')
        if self.fixed_in is None and not self.not_affected:
            raise RefusalError("an id wants the key fixed_in", "say which version has the fix first")
        if self.fixed_in is None and self.cves:
            raise RefusalError("cves want the key fixed_in", "say which version has the fix first")
