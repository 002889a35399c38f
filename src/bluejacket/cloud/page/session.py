"""Signing in to the page: a link that works once, then a cookie, and a word in every form.

All three are signed with a key of the cloud's folder, so that the command line makes a link without asking
the control plane. Which links were used is kept in a file until they would have ended.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bluejacket.store import locked, replace_text

COOKIE = "__Host-bluejacket"  # RFC 6265bis, 4.1.3.2: this host alone, by TLS, for all of it
LINK_S = 15 * 60
SESSION_S = 12 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in. `word` has to be in every form that he sends."""

    id: str
    word: str


class Sessions:
    """Makes and checks links and cookies; `folder` is the cloud's."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._used = folder / "page-links.json"
        self._clock = clock
        file = folder / "page.key"
        with locked(folder / ".page.lock"):
            if not file.exists():
                replace_text(file, secrets.token_hex(32), mode=0o600)
        self._key = bytes.fromhex(file.read_text("ascii"))

    def link(self, base: str) -> str:
        """Give an address that signs in once, within a quarter of an hour."""
        return f"{base}/page/enter?link={self._signed('link', LINK_S)}"

    def enter(self, link: str) -> str | None:
        """Give the cookie for a link that was not used before, or None."""
        end = self._checked("link", link)
        if end is None:
            return None
        with locked(self._used.with_name(".page.lock")):
            used = json.loads(self._used.read_text("utf-8")) if self._used.exists() else {}
            if link in used:
                return None
            kept = {one: until for one, until in used.items() if until > self._clock()}
            replace_text(self._used, json.dumps(kept | {link: end}), mode=0o600)
        return self._signed("session", SESSION_S)

    def of(self, cookie: str) -> Session | None:
        """Give the session of a cookie, or None."""
        if self._checked("session", cookie) is None:
            return None
        return Session(cookie.partition(".")[0], self._mac("word", cookie))

    def fits(self, session: Session, word: str) -> bool:
        """Tell whether a form's word is that of the session."""
        return hmac.compare_digest(session.word.encode(), word.encode("utf-8", "replace"))

    def _signed(self, what: str, limit_s: float) -> str:
        text = f"{secrets.token_urlsafe(18)}.{int(self._clock() + limit_s)}"
        return f"{text}.{self._mac(what, text)}"

    def _checked(self, what: str, given: str) -> int | None:
        """Give when it ends, if it is ours and has not ended."""
        text, _, mac = given.rpartition(".")
        if not hmac.compare_digest(self._mac(what, text).encode(), mac.encode("utf-8", "replace")):
            return None
        end = int(text.rpartition(".")[2])
        return end if end > self._clock() else None

    def _mac(self, what: str, text: str) -> str:
        return hmac.new(self._key, f"{what}\n{text}".encode("utf-8", "replace"), sha256).hexdigest()[:32]
