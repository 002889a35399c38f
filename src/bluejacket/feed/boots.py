"""The record of a boot test: which image, built from which feed, came up healthy. Gates ask for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.feed.snapshot import content_of
from bluejacket.store import State, Store, replace_text

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class BootRecord:
    """One boot test. `when` is in seconds since 1970; `content` is the set of packages of the image's feed.

    `image_key` names the step that built the image; `health` is what the machine said of itself; `packages`
    are the rows of the image's packages.json, for when the store has let the image go.
    """

    release: str
    image: str
    image_key: str
    feed_key: str
    content: str
    passed: bool
    when: int
    health: Mapping[str, Any]
    packages: Sequence[Mapping[str, Any]] = ()

    def save(self, state: State) -> Path:
        """Write the record, atomically; it takes the place of an older one of the same image and feed."""
        file = state.boot_record(self.feed_key, self.image)
        replace_text(file, json.dumps({"format": _FORMAT} | asdict(self), indent=1, default=str) + "\n")
        return file

    @classmethod
    def load(cls, file: Path) -> BootRecord:
        """Read a record. Raises OutsideError for one that cannot be read."""
        try:
            table = json.loads(file.read_text("utf-8"))
            if table.pop("format") != _FORMAT:
                raise ValueError("it is of another version of Bluejacket")
            return cls(**table)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"is no record of a boot test: {error}"
            raise OutsideError(Fault(what, "boot the image again", Place(file))) from error


def content_of_feed(store: Store, feed_key: str) -> str:
    """Give the digest of a built feed's set of packages. Raises OutsideError if the store has it not."""
    files = store.hashes_of(feed_key)
    return content_of((d, name.rpartition("/")[2]) for name, d in files.items() if name.endswith(".rpm"))


def boot_of(state: State, feed_key: str, content: str, image: str) -> BootRecord | None:
    """Give the boot test of an image that was built from this feed, or from the same packages.

    Two feeds of the same packages differ in their times alone. The newest record counts.
    """
    exact = state.boot_record(feed_key, image)
    others = (state.root / "records" / "boots").glob(f"*/{image}.json")
    found = [BootRecord.load(file) for file in {exact, *others} if file.exists()]
    fitting = [one for one in found if one.feed_key == feed_key or one.content == content]
    return max(fitting, key=lambda one: one.when, default=None)
