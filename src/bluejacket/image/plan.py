"""What an image's bytes depend on, worked out before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from bluejacket.definition import Image, Profile, Release
from bluejacket.image.choose import Chosen
from bluejacket.package.bootkey import BootKey
from bluejacket.package.keys import Signer
from bluejacket.report import Report
from bluejacket.store import Store
from bluejacket.store.steps import canonical
from bluejacket.tools import Sandbox

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Workbench:
    """Where images are made: `tools` is the key of the tools tree of `box`."""

    store: Store
    box: Sandbox
    tools: str
    signer: Signer
    boot_key: BootKey
    report: Report


@dataclass(frozen=True, slots=True)
class Plan:
    """One image to make: what it is, of which packages, and the time (Unix seconds) of all in it."""

    release: Release
    image: Image
    profile: Profile
    packages: tuple[Chosen, ...]
    epoch: int

    @property
    def seed(self) -> UUID:
        """What disk, partitions and file systems get their identities from: equal inputs, equal ones."""
        parts = [self.image.name, self.release.version, *(package.sha256 for package in self.packages)]
        return _uuid(canonical(parts))

    def identity(self, what: str) -> UUID:
        """Give the identity of one part of the image, such as its root file system."""
        return _uuid(f"{self.seed} {what}")

    @property
    def arguments(self) -> tuple[str, ...]:
        """The kernel arguments that the image adds to those inside its UKIs."""
        return (*self.profile.kernel_arguments, *self.image.kernel_arguments)

    def base_options(self) -> dict[str, object]:
        """Give what the system without the image's own files depends on, beside its packages."""
        return {
            "name": self.image.name,
            "release": self.release.version,
            "distribution": self.release.distribution.model_dump(mode="json"),
            "label": self.image.label,
            "root_mib": self.image.root_size_mib,
            "esp_mib": self.image.esp_size_mib,
            "tries": self.image.boot_tries,
            "arguments": self.arguments,
            "selinux": self.profile.selinux.value,
            "presets": list(self.preset_lines()),
            "masked": self.profile.services.mask,
            "expected": [expected.path for expected in self.image.expected],
            "epoch": self.epoch,
        }

    def preset_lines(self) -> Iterator[str]:
        """Give the profile's presets (systemd.preset(5)); the first line that names a unit counts."""
        for unit in self.profile.services.enable:
            yield f"enable {unit}"
        for unit in self.profile.services.disable:
            yield f"disable {unit}"


def _uuid(text: str) -> UUID:
    raw = bytearray(sha256(text.encode()).digest()[:16])
    # RFC 9562 section 5.8: version 8 is for identities made in one's own way.
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return UUID(bytes=bytes(raw))
