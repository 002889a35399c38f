"""What the machine's own apt uses: mirrors, proxies, logins and its word on `Valid-Until`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from bluejacket.errors import Fault, UserError
from bluejacket.foundation.debian.control import stanzas
from bluejacket.foundation.fetch import Login, Proxies, read_logins

_OFF = frozenset(("no", "false", "without", "off", "disable"))
_ON = frozenset(("yes", "true", "with", "on", "enable"))
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_LONG = 1 << 63
_LISTED = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)", re.M)


@dataclass(frozen=True)
class Apt:
    """The apt configuration below `root` (apt.conf(5), sources.list(5), apt_auth.conf(5))."""

    root: Path = Path("/")

    def mirror(self, archive: str) -> str:
        """Give the address, without `archive`, of the first source whose path ends in `archive`.

        Raises UserError when apt has no such source.
        """
        for uri in self.uris():
            if urlsplit(uri).path.rstrip("/").endswith("/" + archive):
                return uri.rstrip("/").removesuffix(archive).rstrip("/")
        for uri in self.uris():  # a machine may lack the security archive and still know a mirror
            base, _, last = uri.rstrip("/").rpartition("/")
            if last in ("debian", "debian-security"):
                return base
        raise UserError(
            Fault(
                f"this machine's apt has no source whose address ends in /{archive}",
                "name one with the key `mirror` of the foundation's suite",
            )
        )

    def uris(self) -> Iterator[str]:
        """Give the addresses of apt's binary sources, in its order."""
        etc = self.root / "etc/apt"
        for file in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]:
            if file.is_file():
                yield from (found["uri"] for found in _LISTED.finditer(file.read_text("utf-8", "replace")))
        for file in sorted((etc / "sources.list.d").glob("*.sources")):
            for stanza in stanzas(file.read_text("utf-8", "replace")):
                if "deb" in stanza.get("types", "").split() and switch(
                    stanza.get("enabled", ""), default=True
                ):
                    yield from (u for u in stanza.get("uris", "").split() if "://" in u)

    @cached_property
    def _settings(self) -> dict[str, str]:
        try:
            answer = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return {}  # not a Debian machine: then nothing is set
        pairs = re.findall(r'^(\S+) "(.*)";$', answer.stdout, re.M)
        return {name.lower(): value for name, value in pairs}

    def checks_valid_until(self) -> bool:
        """Say whether apt refuses an index past its `Valid-Until` (its default)."""
        return switch(self._settings.get("acquire::check-valid-until", ""), default=True)

    def proxies(self) -> Proxies:
        """Give apt's proxies, else those of the environment."""
        http = self._settings.get("acquire::http::proxy")
        https = self._settings.get("acquire::https::proxy")
        if not http and not https:
            return Proxies.from_environment()
        direct = tuple(
            name.split("::")[3]
            for name, value in self._settings.items()
            if re.fullmatch(r"acquire::https?::proxy::[^:]+", name) and value == "DIRECT"
        )
        return Proxies(http=http or None, https=https or http or None, direct=direct)

    def logins(self) -> tuple[Login, ...]:
        """Give the logins of /etc/apt/auth.conf and auth.conf.d."""
        etc = self.root / "etc/apt"
        files = [etc / "auth.conf", *sorted((etc / "auth.conf.d").glob("*.conf"))]
        return tuple(login for file in files if file.is_file() for login in read_logins(file, apt=True))


def switch(value: str, *, default: bool) -> bool:
    """Read a switch as apt does: its words for on and off, a number that is 0 or 1, else the default.

    apt-pkg, StringToBool: strtol(3) in any base, of which an int is kept.
    """
    word = value.lower()
    if word in _OFF | _ON:
        return word in _ON
    if found := _NUMBER.fullmatch(value):
        sign, digits = found.groups()
        base = 10 if digits[0] != "0" else 16 if digits[:2] in ("0x", "0X") else 8
        kept = min(max(int(sign + digits, base), -_LONG), _LONG - 1) & 0xFFFFFFFF
        if kept in (0, 1):
            return kept == 1
    return default
