"""Names and passwords for mirrors, as netrc(5) and apt_auth.conf(5) write them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from bluejacket.errors import Fault, Place, UserError


class Login(NamedTuple):
    """A name and password for the addresses of one host, below one path.

    `scheme` "" means any; `port` None means the scheme's own or any.
    """

    host: str
    user: str
    password: str
    scheme: str = ""
    port: int | None = None
    path: str = "/"

    def __repr__(self) -> str:
        return f"Login({self.user!r} of {self.host!r}, {self.scheme!r}, {self.port!r}, {self.path!r})"

    def fits(self, url: str) -> bool:
        """Say whether the login may be sent to `url`."""
        parts = urlsplit(url)
        path = parts.path or "/"
        folder = self.path if self.path.endswith("/") else self.path + "/"
        return (
            (parts.hostname or "") == self.host
            and self.scheme in ("", parts.scheme)
            and self.port in (None, parts.port)
            and (path == self.path or path.startswith(folder))
        )


def split_login(url: str) -> tuple[str, tuple[str, str] | None]:
    """Give `url` without its userinfo (RFC 3986 section 3.2.1), and that as (name, password)."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url, None
    userinfo, _, host = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    return urlunsplit(parts._replace(netloc=host)), (unquote(user), unquote(password))


def read_logins(file: Path, *, apt: bool = False) -> tuple[Login, ...]:
    """Read a netrc file, or with `apt` a file of /etc/apt/auth.conf.d.

    apt's files send a login over plain HTTP only where `machine` says `http://`
    (apt_auth.conf(5)); netrc knows no schemes. A `default` entry is left out: a password for
    every host of the world is none. Raises UserError.
    """
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise UserError(Fault(f"cannot be read: {error.strerror}", place=Place(file))) from None
    logins: list[Login] = []
    for line, entry in _entries(text):
        if entry.get("machine") is None:
            continue
        if "login" not in entry:
            raise UserError(
                Fault(f"machine {entry['machine']} has no login", "add `login NAME`", Place(file, line))
            )
        logins.append(_login(entry, apt))
    return tuple(logins)


def _entries(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    entry: dict[str, str] = {}
    start, key, in_macro = 1, "", False
    for number, line in enumerate(text.splitlines(), 1):
        if in_macro:
            in_macro = bool(line.strip())
            continue
        for word in line.split():
            if word.startswith("#") and not key:
                break
            if key:
                entry[key], key = word, ""
            elif word in ("machine", "default"):
                if entry:
                    yield start, entry
                entry, start, key = {}, number, "machine" if word == "machine" else ""
            elif word == "macdef":
                in_macro = True
                break
            elif word in ("login", "password", "account"):
                key = word
    if entry:
        yield start, entry


def _login(entry: dict[str, str], apt: bool) -> Login:
    machine = entry["machine"]
    scheme, found, rest = machine.rpartition("://")
    if not found:
        scheme = "https" if apt else ""
    parts = urlsplit(f"//{rest}")
    return Login(
        host=parts.hostname or "",
        user=entry["login"],
        password=entry.get("password", ""),
        scheme=scheme,
        port=parts.port,
        path=parts.path or "/",
    )


def login_for(url: str, logins: tuple[Login, ...]) -> tuple[str, str] | None:
    """Give the name and password of the longest path that fits `url`."""
    fitting = [login for login in logins if login.fits(url)]
    if not fitting:
        return None
    best = max(fitting, key=lambda login: len(login.path))
    return best.user, best.password
