"""What a file says of an advisory, in words that all formats share, and how two of them differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from bluejacket.feed.advisory.names import stem_of, web_address, writable

Value = str | frozenset[str]
_SHOWN = 3  # members of a set


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two places that do not say the same of an advisory.

    `field` is what they disagree on; `here` is what `file` says, `there` what `other` does.
    """

    file: str
    id: str
    field: str
    here: str
    there: str
    other: str = "advisories.json"

    def __str__(self) -> str:
        what = f"{self.file}: {self.id}: {self.field}" if self.id else f"{self.file}: {self.field}"
        return f"{what}: {self.here}; {self.other}: {self.there}"


@dataclass(frozen=True, slots=True)
class Said:
    """What one file says of one advisory: as many of `reading.record`'s fields as it can tell."""

    file: str
    id: str
    fields: Mapping[str, Value]

    @property
    def brings_fix(self) -> bool:
        """Whether machines are told of a fix: not any more when it is withdrawn."""
        return self.tells_fix and not self.fields["withdrawn"]

    @property
    def tells_fix(self) -> bool:
        """Whether packages fix something: not where all CVEs have turned out not to reach them."""
        return bool(self.fields["fixed"]) and bool(self.fields["cves"] or not self.fields["not_affected"])


class UnreadableError(Exception):
    """A file that is not what its name promises."""


@contextmanager
def reading(file: str, found: list[Disagreement]) -> Iterator[None]:
    """Turn whatever is wrong with the shape of `file` into a disagreement."""
    try:
        yield
    except (UnreadableError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        what = str(error) or type(error).__name__
        found.append(
            Disagreement(file, "", "content", f"cannot be read ({what})", "every file is readable", "rule")
        )


def compare(said: Said, truth: Said) -> Iterator[Disagreement]:
    """Give each field in which `said` departs from `truth`."""
    for field, value in said.fields.items():
        expected = truth.fields[field]
        if value == expected:
            continue
        if isinstance(value, frozenset) and isinstance(expected, frozenset):
            here, there = value - expected, expected - value
            yield Disagreement(said.file, said.id, field, _members(here), _members(there), truth.file)
        else:
            yield Disagreement(said.file, said.id, field, _quoted(value), _quoted(expected), truth.file)


def _members(names: frozenset[str]) -> str:
    if not names:
        return "nothing more"
    shown = sorted(names)[:_SHOWN]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"also {', '.join(shown)}{more}"


def _quoted(value: Value) -> str:
    text = str(value)
    return f'"{text}"' if len(text) <= 80 else f'"{text[:77]}..."'


def prose(text: str) -> str:
    """Give text for people as all formats can hold it; how it is broken into lines says nothing."""
    return " ".join(writable(text).replace("\ufffd", " ").split())


def addresses(urls: Iterable[str], identifier: str) -> frozenset[str]:
    """Give the references among `urls`, without those to an advisory's own page and document."""
    stem = stem_of(identifier)
    own = (f"/advisories/{stem}.html", f"/{stem}.json")
    return frozenset(url for url in urls if web_address(url) and not url.endswith(own))
