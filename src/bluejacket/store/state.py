"""The state folder: everything that Bluejacket keeps, and who may work in it at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from bluejacket.report import SILENT, Report
from bluejacket.store.locks import locked
from bluejacket.store.store import Store


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Give $BLUEJACKET_STATE, else the folder that the XDG base directory specification names."""
    chosen = environ.get("BLUEJACKET_STATE")
    home = environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(chosen or f"{home}/bluejacket").expanduser().absolute()


class State:
    """The state folder `root`; nothing below it is needed by hand."""

    def __init__(self, root: Path, report: Report = SILENT) -> None:
        self.root = root
        self.report = report

    @cached_property
    def store(self) -> Store:
        """The content-addressed store."""
        return Store(self.root / "store", self.report)

    @property
    def indexes(self) -> Path:
        """Which signed index of each upstream suite was accepted last."""
        return self.root / "indexes"

    @property
    def keys(self) -> Path:
        """Signing keys, mode 0700."""
        return self.root / "keys"

    @property
    def logs(self) -> Path:
        """Output of sandboxed programs."""
        return self.root / "logs"

    @property
    def machines(self) -> Path:
        """One folder a machine."""
        return self.root / "machines"

    def feed_link(self, distribution: str, release: str) -> Path:
        """Give the link to the newest feed of a distribution's release."""
        return self.root / "feeds" / distribution / release

    def image_link(self, distribution: str, release: str, image: str) -> Path:
        """Give the link to the newest build of an image."""
        return self.images(distribution, release) / image

    def images(self, distribution: str, release: str) -> Path:
        """Give the folder of the links to the newest builds of a release's images."""
        return self.root / "images" / distribution / release

    def snapshots(self, distribution: str, release: str) -> Path:
        """Give the folder of the links to a release's snapshots."""
        return self.root / "snapshots" / distribution / release

    def snapshot_link(self, distribution: str, release: str, snapshot: str) -> Path:
        """Give the link to one snapshot of a release."""
        return self.snapshots(distribution, release) / snapshot

    def channel_file(self, distribution: str, release: str, channel: str) -> Path:
        """Give the record of what a channel points at."""
        return self.root / "channels" / distribution / release / f"{channel}.json"

    def boot_record(self, feed_key: str, image: str) -> Path:
        """Give the record of the boot test of an image that was built from the feed with this key."""
        return self.root / "records" / "boots" / feed_key / f"{image}.json"

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Hold the state while building from it: any number of builds may, `store gc` then waits."""
        with locked(self.root / "lock", shared=True, waiting=self._say_waiting):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the state alone, after all builds have ended."""
        with locked(self.root / "lock", waiting=self._say_waiting):
            yield

    def _say_waiting(self) -> None:
        self.report.line(f"waiting for another bluejacket that works in {self.root}")
