"""What the maintainer scripts of a package would have done: for a reviewer, and for the presets.

None of them ever runs. debhelper writes much of them; what is not of it, or has its work done by nothing
here, is custom code that a person has to judge.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from bluejacket.foundation.debian.deb import Deb, Script
from bluejacket.package.generated import blocks, without_replaced

# Lines that do nothing by themselves; a script of only these needs no review.
_IDLE = re.compile(
    r"""^\s*(?:
        \#.* | set\s+-[eux]+ | exit\s+0 | : | true | ;; | esac | fi | else | done | exec\s+\S*true |
        case\s+"?\$\{?1\}?"?\s+in | [a-z*|"\s-]+\)\s*(?:;;)? | \*\)\s*(?:;;)? |
        echo\s+"(?:[^"$`\\]|\\.|\$[0-9])*"\s+>&2 | exit\s+1 | shift
    )?\s*$""",
    re.X,
)
_SYSTEMD = ("dh_installsystemd", "dh_systemd_enable", "dh_installsystemduser")
_ENABLE = re.compile(r"deb-systemd-helper\s+(?P<user>--user\s+)?enable\s+'?(?P<unit>[^'\s]+)'?")
_ONLY_IF_INSTALLED = re.compile(
    r"deb-systemd-helper\s+(?:--user\s+)?debian-installed\s+'?(?P<unit>[^'\s]+)'?"
)


@dataclass(frozen=True, slots=True)
class ScriptNote:
    """One script: its digest, whether all of it is generated and replaced, and the text that is not."""

    name: str
    sha256: str
    generated: bool
    custom: str

    @property
    def needs_review(self) -> bool:
        """Code that would have run at installation, and nothing else does (removal is rpm's own)."""
        return not self.generated and self.name in ("preinst", "postinst")


@dataclass(frozen=True, slots=True)
class Notes:
    """All that is kept of a package's scripts; `enable` and `enable_user` are systemd units."""

    package: str
    version: str
    scripts: tuple[ScriptNote, ...]
    enable: tuple[str, ...]
    enable_user: tuple[str, ...]
    triggers: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Give what `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Notes:
        """Read what `as_json` gave."""
        lists = {k: tuple(data[k]) for k in ("enable", "enable_user", "triggers")}
        scripts = tuple(ScriptNote(**note) for note in data["scripts"])
        return cls(package=data["package"], version=data["version"], scripts=scripts, **lists)


def notes_of(name: str, version: str, deb: Deb) -> Notes:
    """Judge the scripts of a package."""
    enable, enable_user = _enabled(deb)
    paths = {entry.path for entry in deb.entries.values()}
    return Notes(
        package=name,
        version=version,
        scripts=tuple(_note(script, paths) for script in deb.scripts),
        enable=enable,
        enable_user=enable_user,
        triggers=tuple(
            line.strip() for line in deb.triggers.splitlines() if line.strip() and not line.startswith("#")
        ),
    )


def _note(script: Script, paths: Collection[str]) -> ScriptNote:
    rest = without_replaced(script.text, paths)
    custom = [line.rstrip() for line in rest.splitlines() if not _IDLE.match(line)]
    return ScriptNote(script.name, script.sha256, generated=not custom, custom="\n".join(custom))


def _enabled(deb: Deb) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the units that dh_installsystemd enables at a first installation."""
    units: dict[str, None] = {}
    users: dict[str, None] = {}
    for script in deb.scripts:
        if script.name != "postinst":
            continue
        for block in blocks(script.text):
            if block.by not in _SYSTEMD:
                continue
            never = {found["unit"] for found in _ONLY_IF_INSTALLED.finditer(block.body)}
            for found in _ENABLE.finditer(block.body):
                if found["unit"] not in never:
                    (users if found["user"] else units)[found["unit"]] = None
    return tuple(units), tuple(users)
