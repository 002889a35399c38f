"""The policy: what is applied, when, and whether the machine may start again for it."""

import configparser
import re
from dataclasses import dataclass, fields, replace
from datetime import datetime, time
from pathlib import Path
from typing import Any

RELEASE = Path("/usr/lib/bluejacket/patch.conf")
OWNER = Path("/etc/bluejacket/patch.conf")
OWNERS_PARTS = Path("/etc/bluejacket/patch.conf.d")

_CHOICES = {
    "mode": ("off", "notify", "security", "all"),
    "reboot": ("never", "when-needed"),
}
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
_HOURS = re.compile(f"any|{_CLOCK}-{_CLOCK}")


class PolicyError(Exception):
    """A policy that cannot be followed: the message names the file and the way out."""


@dataclass(frozen=True)
class Policy:
    """One policy. `hours` are local time, `any` or `22:00-04:00`; `delay_minutes` is at most so long.

    `keep_running` are patterns of units that are named and not restarted.
    """

    mode: str = "security"
    hours: str = "any"
    reboot: str = "when-needed"
    delay_minutes: int = 60
    keep_running: tuple[str, ...] = ()

    def allows(self, now: datetime) -> bool:
        """True if `now` (local time) is within the hours; a span may go past midnight."""
        if self.hours == "any":
            return True
        begin, end = (time.fromisoformat(part) for part in self.hours.split("-"))
        clock = now.time()
        return begin <= clock < end if begin < end else clock >= begin or clock < end


def files(release: Path = RELEASE, owner: Path = OWNER, parts: Path = OWNERS_PARTS) -> list[Path]:
    """Give the files that exist, in the order in which a later one goes before an earlier one."""
    return [file for file in (release, owner, *sorted(parts.glob("*.conf"))) if file.is_file()]


def read(found: list[Path]) -> Policy:
    """Give the policy that these files say together. Raises PolicyError."""
    policy = Policy()
    for file in found:
        for key, value in _section(file).items():
            values: dict[str, Any] = {key: _checked(file, key, value)}
            policy = replace(policy, **values)
    return policy


def _section(file: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(file.read_text("utf-8"), str(file))
    except (configparser.Error, UnicodeDecodeError) as error:
        raise PolicyError(f"{file} cannot be read: {error}") from error
    if unknown := [name for name in parser.sections() if name != "patch"]:
        raise PolicyError(f"{file}: there is no section [{unknown[0]}], only [patch]")
    return dict(parser["patch"]) if parser.has_section("patch") else {}


def _checked(file: Path, key: str, value: str) -> str | int | tuple[str, ...]:
    known = [field.name for field in fields(Policy)]
    if key not in known:
        raise PolicyError(f"{file}: no such key {key}; there are {', '.join(known)}")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise PolicyError(f"{file}: {key} is {value!r}; use one of {', '.join(_CHOICES[key])}")
    if key == "hours" and not (_HOURS.fullmatch(value) and value[:5] != value[6:]):
        raise PolicyError(f"{file}: hours is {value!r}; use any, or a span such as 02:00-05:00")
    if key == "delay_minutes":
        if not re.fullmatch(r"\d{1,4}", value) or int(value) > 1440:
            raise PolicyError(f"{file}: delay_minutes is {value!r}; use a number from 0 to 1440")
        return int(value)
    return tuple(value.split()) if key == "keep_running" else value
