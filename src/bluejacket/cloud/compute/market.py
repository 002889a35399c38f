"""The marketplace: images that `bluejacket image publish` put into the cloud, by publisher, offer and SKU.

Each version is one file, `market/PUBLISHER+OFFER+SKU+VERSION.json`, written whole; its disk is an image of
`Volumes`, which never changes. Another process may publish while the cloud runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bluejacket.machine.volumes import Volumes
from bluejacket.store import locked, replace_text


@dataclass(frozen=True, slots=True)
class Plan:
    """Where an image is found: three names, as `publisher:offer:sku` of a URN."""

    publisher: str
    offer: str
    sku: str

    @classmethod
    def parse(cls, text: str) -> Plan:
        """Read `publisher:offer:sku`; raises ValueError."""
        publisher, offer, sku = text.split(":")
        return cls(publisher, offer, sku)

    def __str__(self) -> str:
        return f"{self.publisher}:{self.offer}:{self.sku}"


@dataclass(frozen=True, slots=True)
class Published:
    """One version. `file` is its image below the cloud's folder, `digest` that of what was published.

    `certificate` (PEM) vouches for its boot loader and kernels, or is empty when they are not signed.
    """

    plan: Plan
    version: str
    file: str
    digest: str
    image: str
    release: str
    published: str
    alias: str = ""
    certificate: str = ""

    @property
    def order(self) -> tuple[int, ...]:
        """What newer versions have more of."""
        return tuple(int(part) for part in self.version.split("."))


class Market:
    """What has been published below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[Published]:
        """Give every version, the oldest first."""
        found = [self._read(file) for file in self._folder.glob("[!.]*.json")]
        return sorted(found, key=lambda one: (str(one.plan).lower(), one.order))

    def versions(self, plan: Plan) -> list[Published]:
        """Give the versions of a SKU, the oldest first; names are compared without regard to case."""
        return [one for one in self.all() if str(one.plan).lower() == str(plan).lower()]

    def find(self, plan: Plan, version: str) -> Published | None:
        """Give a version, or with "latest" (or nothing) the newest; None if there is none."""
        known = self.versions(plan)
        if version.lower() in ("", "latest"):
            return known[-1] if known else None
        return next((one for one in known if one.version == version), None)

    def publish(
        self,
        volumes: Volumes,
        disk: Path,
        plans: tuple[Plan, ...],
        *,
        digest: str,
        image: str,
        release: str,
        alias: str = "",
        certificate: str = "",
        today: datetime | None = None,
    ) -> Published:
        """Publish a disk under all `plans`; what is the newest version already is not published again.

        The version is `RELEASE.0.YYYYMMDDn`, n counting a day's publications from 1.
        """
        now = today or datetime.now(UTC)
        with self.alone():
            newest = self.find(plans[0], "latest")
            if newest is None or newest.digest != digest:
                version = self._next(plans[0], release, now)
                file = volumes.take_image(disk, digest[:32])
                when = now.isoformat(timespec="seconds")
                newest = Published(plans[0], version, file, digest, image, release, when, alias, certificate)
            for plan in plans:
                self._write(plan, newest)
            return newest

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from publishing meanwhile."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self._folder / ".lock"):
            yield

    def files(self) -> set[str]:
        """Give the images that are published."""
        return {one.file for one in self.all()}

    def _next(self, plan: Plan, release: str, now: datetime) -> str:
        begin = f"{release.split('.')[0]}.0.{now:%Y%m%d}"
        taken = {one.version for one in self.versions(plan)}
        number = 1
        while f"{begin}{number}" in taken:
            number += 1
        return f"{begin}{number}"

    def _write(self, plan: Plan, published: Published) -> None:
        name = f"{plan.publisher}+{plan.offer}+{plan.sku}+{published.version}.json"
        found: dict[str, Any] = asdict(published) | {"plan": asdict(plan)}
        replace_text(self._folder / name, json.dumps(found, indent=1) + "\n")

    def _read(self, file: Path) -> Published:
        found = json.loads(file.read_text("utf-8"))
        return Published(**(found | {"plan": Plan(**found["plan"])}))
