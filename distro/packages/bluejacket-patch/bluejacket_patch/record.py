"""What a run did, written down: one file a run that had something to do."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path("/var/lib/bluejacket/patch")
STAGED = "staged"
_FORMAT = 1


@dataclass
class Record:
    """One run. `time` is UTC; `state` is notified, applied, staged or failed.

    `before` and `after` are the NEVRAs that went and came, `history` is DNF's number of the transaction,
    `waiting` are the advisories that the policy leaves alone.
    """

    time: str
    release: str
    policy: dict[str, object]
    state: str = ""
    kernel: str = ""
    advisories: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    history: int = 0
    reboot_needed_by: list[str] = field(default_factory=list)
    offline: bool = False
    restarted: list[str] = field(default_factory=list)
    not_restarted: dict[str, str] = field(default_factory=dict)
    config_files: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    format: int = _FORMAT

    def file(self, folder: Path = FOLDER) -> Path:
        """Give the name of its file."""
        return folder / f"{self.time.replace('-', '').replace(':', '')}.json"

    def save(self, folder: Path = FOLDER) -> Path:
        """Write it, whole or not at all, so that it is there after a power cut; gives its file."""
        file = self.file(folder)
        part = file.with_suffix(".part")
        with part.open("w", encoding="utf-8") as opened:
            json.dump(asdict(self), opened, indent=1, ensure_ascii=False)
            opened.write("\n")
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(file)
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        return file

    def line(self) -> str:
        """Say it in a line for the journal."""
        cves = len({cve for one in self.advisories for cve in one["cves"]})
        parts = [
            f"{self.state}: {len(self.advisories)} advisories with {cves} CVEs, {len(self.after)} packages"
        ]
        for name, these in (
            ("restarted", self.restarted),
            ("not restarted", list(self.not_restarted)),
            ("look at", self.config_files),
            ("wants a reboot", self.reboot_needed_by),
            ("errors", self.errors),
        ):
            if these:
                parts.append(f"{name}: {', '.join(these)}")
        return "; ".join(parts)


def records(folder: Path = FOLDER) -> list[Record]:
    """Give the records that can be read, oldest first."""
    found = []
    for file in sorted(folder.glob("*.json")):
        try:
            found.append(Record(**json.loads(file.read_text("utf-8"))))
        except (OSError, ValueError, TypeError):
            continue
    return found


def tried(note: Record, folder: Path = FOLDER) -> bool:
    """True if the last run went through a boot for the same advisories: another one would be one a day."""
    last = next(reversed(records(folder)), None)
    return last is not None and last.offline and set(note.reboot_needed_by) <= set(last.reboot_needed_by)


def staged(folder: Path = FOLDER) -> Record | None:
    """Give the record of what the next boot is to apply."""
    return next((one for one in reversed(records(folder)) if one.state == STAGED), None)
