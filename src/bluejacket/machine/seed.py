"""The NoCloud seed: what the guest's cloud-init is told at its first boot.

A FAT image labelled CIDATA with three files, as cloud-init's NoCloud data source wants it
(cloud-init, reference/datasources/nocloud). YAML is a superset of JSON, so JSON is what is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bluejacket.machine.launch import FOLDER, SEED
from bluejacket.tools import Sandbox

SIZE_KIB = 512
FILES = ("meta-data", "user-data", "network-config")


@dataclass(frozen=True, slots=True)
class Seed:
    """What a machine is told. `variables` are DNF variables by name, such as the feed's address.

    `packages` are installed at the end of its first boot.
    """

    name: str
    instance: str
    user: str
    public_key: str
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    packages: Sequence[str] = ()


def documents(seed: Seed) -> dict[str, str]:
    """Give the seed's files by name."""
    files = {f"/etc/dnf/vars/{name}": f"{value}\n" for name, value in seed.variables.items()} | dict(
        seed.files
    )
    person = {
        "name": seed.user,
        "gecos": "Bluejacket",
        "lock_passwd": True,
        "shell": "/bin/bash",
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "ssh_authorized_keys": [seed.public_key],
    }
    user_data: dict[str, object] = {
        "users": [person],
        "ssh_pwauth": False,
    }
    if files:  # cloud-init's schema has no empty lists
        user_data["write_files"] = [
            {"path": path, "content": text, "owner": "root:root", "permissions": "0644"}
            for path, text in files.items()
        ]
    if seed.packages:
        user_data["packages"] = list(seed.packages)
    ethernet = {"match": {"driver": "virtio_net"}, "dhcp4": True, "dhcp6": False, "accept-ra": False}
    return {
        "meta-data": _json({"instance-id": seed.instance, "local-hostname": seed.name}),
        "user-data": "#cloud-config\n" + _json(user_data),
        "network-config": _json({"version": 2, "ethernets": {"net": ethernet}}),
    }


def make_seed(box: Sandbox, folder: Path, seed: Seed) -> Path:
    """Write the seed's image into `folder`; raises ToolFailed if that fails."""
    for name, text in documents(seed).items():
        (folder / name).write_text(text, "utf-8")
    image = folder / SEED
    binds = {folder: str(FOLDER)}
    names = [str(FOLDER / name) for name in FILES]
    box.run(
        ["mkfs.vfat", "-n", "CIDATA", "-C", str(FOLDER / SEED), str(SIZE_KIB)], binds=binds, name="seed-mkfs"
    )
    box.run(["mcopy", "-i", str(FOLDER / SEED), *names, "::"], binds=binds, name="seed-mcopy")
    for name in FILES:
        (folder / name).unlink()
    return image


def _json(found: object) -> str:
    return json.dumps(found, indent=1) + "\n"
