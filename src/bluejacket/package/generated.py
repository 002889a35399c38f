"""Code that debhelper writes into maintainer scripts, and which of it has its work done otherwise here.

debhelper sets each block between two comments (debhelper(7), dh_installdeb(1)). A block needs no review only
if its helper stands in `_REPLACED` with a reason, and each of its lines is one that this helper is known to
write: whatever else a block holds, and every block of another helper, is for a person to judge.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_BLOCK = re.compile(
    r"^# Automatically added by (?P<by>dh_\S+?)(?:/\S*)?\n(?P<body>.*?)^# End automatically added section\n?",
    re.M | re.S,
)
_WORDS = r"(?:[^`;&|()<>\\]|\\[~+])*"  # arguments that run nothing and write nowhere
_FOUND = re.compile(r"\$\(command -v [\w.-]+\)|`command -v [\w.-]+`")
_QUIET = r"(?:\s*>/dev/null)?(?:\s*2>&1)?"
_END = rf"{_QUIET}(?:\s*\|\|\s*(?:true|exit 1))?"
_TEST = rf"(?:!\s*)?(?:\[ {_WORDS}\]|command -v [\w.-]+{_QUIET}|deb-systemd-helper {_WORDS})"
_FRAME = re.compile(
    rf"(?:el)?if\s+{_TEST}(?:\s*(?:&&|\|\|)\s*{_TEST})*\s*;\s*then|else|fi|\#.*|_dh_action=[a-z-]+|"
)
_INIT = re.compile(r"(?:/etc/init\.d/|update-rc\.d |--skip-systemd-native )(?P<name>[\w.@-]+)")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a script: the helper that wrote it, and its code."""

    by: str
    body: str


@dataclass(frozen=True, slots=True)
class _Replaced:
    """Why a helper's code need not run, and the commands that this holds for."""

    reason: str
    commands: re.Pattern[str]


def _commands(*forms: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?:{form}{_END})" for form in forms))


_UNITS = _Replaced(
    "presets decide which units are enabled, and a file trigger applies them",
    _commands(
        rf"deb-systemd-helper {_WORDS}",
        rf"deb-systemd-invoke {_WORDS}",
        "systemctl --system daemon-reload",
    ),
)
_REPLACED = {
    "dh_installsystemd": _UNITS,
    "dh_installsystemduser": _UNITS,
    "dh_systemd_enable": _UNITS,
    "dh_systemd_start": _UNITS,
    "dh_installsysusers": _Replaced(
        "rpm itself and a file trigger make the users of sysusers.d(5)",
        _commands(rf"systemd-sysusers {_WORDS}"),
    ),
    "dh_installtmpfiles": _Replaced(
        "a file trigger makes the files of tmpfiles.d(5)",
        _commands(rf"systemd-tmpfiles {_WORDS}--create {_WORDS}"),
    ),
    "dh_python3": _Replaced(
        "a file trigger compiles what lies below /usr/lib/python3; elsewhere byte code only saves time",
        _commands(rf"(?:pypy3|py3)compile {_WORDS}"),
    ),
    "dh_installinit": _Replaced(
        "systemd starts the unit of the same name, which the package has, and no script in /etc/init.d",
        _commands(rf"update-rc\.d {_WORDS}", rf"invoke-rc\.d {_WORDS}", r'chmod \+x "/etc/init\.d/[\w.@-]+"'),
    ),
    "dh_installdeb": _Replaced(
        "rpm removes a configuration file that a package has no more, and keeps a changed one as .rpmsave",
        _commands(rf'dpkg-maintscript-helper rm_conffile {_WORDS}"\$@"'),
    ),
    "dh_installmenu": _Replaced(
        "nothing without update-menus, which writes the menus of old window managers",
        _commands("update-menus"),
    ),
    "dh_icons": _Replaced(
        "a cache, and only where a desktop's own package brings update-icon-caches",
        _commands(rf"update-icon-caches {_WORDS}"),
    ),
    "dh_runit": _Replaced(
        "nothing without runit, another system manager",
        _commands(rf"(?:[A-Z]+='[\w.-]*' )*/usr/lib/runit-helper/runit-helper {_WORDS}"),
    ),
}


def blocks(text: str) -> Iterator[Block]:
    """Give the blocks of a script."""
    for found in _BLOCK.finditer(text):
        yield Block(found["by"], found["body"])


def without_replaced(text: str, paths: Collection[str]) -> str:
    """Give a script without the blocks whose effect the package has anyway; `paths` are the package's own."""
    return _BLOCK.sub(
        lambda found: "" if _is_replaced(Block(found["by"], found["body"]), paths) else found["body"], text
    )


def _is_replaced(block: Block, paths: Collection[str]) -> bool:
    replaced = _REPLACED.get(block.by)
    if replaced is None:
        return False
    for line in block.body.splitlines():
        plain = _FOUND.sub("found", line).strip()
        if not _FRAME.fullmatch(plain) and not replaced.commands.fullmatch(plain):
            return False
    return block.by != "dh_installinit" or _has_units(block, paths)


def _has_units(block: Block, paths: Collection[str]) -> bool:
    names = {found["name"] for found in _INIT.finditer(block.body)}
    return all(f"/usr/lib/systemd/system/{name}.service" in paths for name in names)
