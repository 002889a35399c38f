"""A suite's signed index of indexes (`InRelease`), and what makes one acceptable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.debian.control import stanzas
from bluejacket.foundation.openpgp import Keyring, verify_inline
from bluejacket.store.files import replace_text


class Listed(NamedTuple):
    """One file that the index vouches for; `size` in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """A verified `InRelease` (Debian repository format)."""

    suite: str
    sha256: str  # of the InRelease file itself
    date: datetime
    valid_until: datetime | None
    by_hash: bool
    files: dict[str, Listed]
    signers: tuple[str, ...]

    @classmethod
    def read(cls, data: bytes, keyring: Keyring, suite: str, sha256: str) -> ReleaseFile:
        """Verify and read. Raises OutsideError for a bad signature, another suite or no SHA-256."""
        verified = verify_inline(data, keyring, f"InRelease of {suite}")
        fields = next(stanzas(verified.content.decode("utf-8")), {})
        names = {fields.get("suite"), fields.get("codename")}
        plain = suite.removesuffix("/updates")
        if plain not in names and suite not in names:
            raise OutsideError(
                Fault(f"the mirror gives the index of {fields.get('codename')} in the place of {suite}'s")
            )
        try:
            return cls(
                suite=suite,
                sha256=sha256,
                date=_when(fields["date"]),
                valid_until=_when(fields["valid-until"]) if "valid-until" in fields else None,
                by_hash=fields.get("acquire-by-hash") == "yes",
                files=_listed(fields["sha256"]),
                signers=verified.fingerprints,
            )
        except (KeyError, ValueError, TypeError) as error:
            raise OutsideError(Fault(f"the InRelease of {suite} lacks or garbles {error}")) from error

    def expired_days(self, now: datetime) -> int:
        """Give how many days past `Valid-Until` the index is; 0 while it is good."""
        if self.valid_until is None or now <= self.valid_until:
            return 0
        return max(1, (now - self.valid_until).days)


def _when(text: str) -> datetime:
    found = parsedate_to_datetime(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _listed(table: str) -> dict[str, Listed]:
    rows = (line.split() for line in table.splitlines() if line.strip())
    return {name: Listed(sha256.lower(), int(size)) for sha256, size, name in rows}


def refuse_older(release: ReleaseFile, accepted: Path) -> None:
    """Refuse an index older than the last one accepted: a mirror may be replaying it.

    `accepted` is the record kept of that one; see `accept`. Raises OutsideError.
    """
    try:
        last = json.loads(accepted.read_text("utf-8"))
        when = datetime.fromisoformat(last["date"])
    except FileNotFoundError:
        return
    except (ValueError, KeyError) as error:
        raise OutsideError(
            Fault(f"{accepted} cannot be read: {error}", "remove it if you know why it is damaged")
        ) from error
    if release.date < when:
        raise OutsideError(
            Fault(
                f"the mirror's index of {release.suite} is of {release.date:%Y-%m-%d %H:%M}, older than "
                f"the one accepted before, of {when:%Y-%m-%d %H:%M}",
                f"try another mirror; if going back is meant, remove {accepted}",
            )
        )


def accept(release: ReleaseFile, accepted: Path) -> None:
    """Keep a record of the index, so that no older one is taken later."""
    record = {"date": release.date.isoformat(), "sha256": release.sha256}
    replace_text(accepted, json.dumps(record) + "\n")
