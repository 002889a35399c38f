"""Disks that go at the same time, while the images below them are looked for."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from armcloud import ArmCloud
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import SYSTEM
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.disks import Disks, Snapshots
from bluejacket.cloud.compute.images import seal
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.tools import Sandbox

HEADER = b"QFI\xfb" + (3).to_bytes(4, "big") + bytes(24)  # an empty qcow2 without a backing file
GIB = 1 << 30


def above(base: str) -> bytes:
    """Give the header of a disk of 1 GiB that stands on an image (QEMU, "qcow2 image format", header)."""
    name = f"../{base}".encode()
    numbers = (3).to_bytes(4, "big") + (32).to_bytes(8, "big") + len(name).to_bytes(4, "big")
    return b"QFI\xfb" + numbers + (16).to_bytes(4, "big") + GIB.to_bytes(8, "big") + name


class Quay:
    """Disks whose files are there; looking at them begins with a pause, in which the other one may go."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.arm = ArmCloud(folder, [Disks(), Snapshots()])
        self.machines = CloudMachines(folder / "cloud", Sandbox(folder, folder / "logs"))  # runs no program
        self.arm.cloud.provide(self.machines)
        self.looking, self.gone = threading.Event(), threading.Event()
        backing = self.machines.volumes.backing

        def looked(file: str) -> str | None:
            self.looking.set()
            self.gone.wait(0.5)
            return backing(file)

        patch.setattr(self.machines.volumes, "backing", looked)

    def disk(self, name: str) -> ResourceId:
        place = f"{self.arm.root}/resourceGroups/g1/providers/Microsoft.Compute/disks/{name}"
        file = f"disks/{name}.qcow2"
        self.machines.volumes.path(file).write_bytes(HEADER)
        return self.arm.store.put(Resource(ResourceId.parse(place), hidden={"file": file})).id

    def delete(self, disk: ResourceId) -> None:
        self.arm.cloud.delete(disk, SYSTEM)
        self.gone.set()


@pytest.fixture
def quay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Quay:
    return Quay(tmp_path, monkeypatch)


def test_two_disks_may_go_at_once(quay: Quay) -> None:
    one, other = quay.disk("one"), quay.disk("other")
    quay.disk("kept")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(quay.delete, one)
        assert quay.looking.wait(10)
        second = pool.submit(quay.delete, other)
        first.result()
        second.result()
    assert [file.name for file in (quay.machines.volumes.root / "disks").iterdir()] == ["kept.qcow2"]


def test_a_disk_may_become_an_image_meanwhile(quay: Quay) -> None:
    one, source = quay.disk("one"), quay.disk("source")
    (quay.machines.volumes.root / "disks" / "image-new.qcow2").write_bytes(HEADER)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(quay.delete, one)
        assert quay.looking.wait(10)
        second = pool.submit(seal, quay.arm.cloud, quay.arm.store.need(source), source, "images/new.qcow2")
        second.add_done_callback(lambda _: quay.gone.set())
        first.result()
        second.result()
    assert (quay.machines.volumes.root / "images" / "new.qcow2").read_bytes() == HEADER


class Copying:
    """Copies that stop in their middle, until they may go on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        copyfile = shutil.copyfile

        def copied(source: Path, target: Path) -> Path:
            copyfile(source, target)
            self.begun.set()
            assert self.go.wait(10)
            return target

        patch.setattr("bluejacket.machine.volumes.shutil.copyfile", copied)


@pytest.mark.parametrize("of", ["snapshots", "images"])
def test_a_disk_goes_while_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str) -> None:
    """What both stand on is an image that nothing else needs: its own record has gone before."""
    quay, copying = Quay(tmp_path, monkeypatch), Copying(monkeypatch)
    quay.gone.set()
    quay.arm.group()
    source, volumes = quay.disk("source"), quay.machines.volumes
    volumes.path("images/base.qcow2").write_bytes(HEADER)
    volumes.path("disks/source.qcow2").write_bytes(above("images/base.qcow2"))
    quay.arm.store.change(source, lambda one: one.properties.update(diskSizeGB=1, diskSizeBytes=GIB))
    snapshot = ResourceId.parse(source.text.replace("/disks/source", "/snapshots/moment"))
    body = {"location": "eastus", "properties": {"creationData": _copy_of(source)}}

    image = ResourceId.parse(source.text.replace("/disks/source", "/images/new"))

    def copy() -> None:
        if of == "images":
            user = quay.arm.store.put(Resource(image, hidden={"file": "images/new.qcow2"}))
            seal(quay.arm.cloud, user, source, "images/new.qcow2")
        else:
            quay.arm.cloud.put(snapshot, body, SYSTEM)

    with ThreadPoolExecutor(2) as pool:
        made = pool.submit(copy)
        assert copying.begun.wait(10)
        deleted = pool.submit(quay.arm.cloud.delete, source, SYSTEM)
        deleted.add_done_callback(lambda _: copying.go.set())
        try:
            deleted.result(1)  # a deletion that does not wait ends well within this time
        except TimeoutError:
            copying.go.set()
        made.result(10)
        deleted.result(10)
    file = "images/new.qcow2"
    if of == "snapshots":
        file = str(quay.arm.store.need(snapshot).hidden["file"])
    assert volumes.backing(file) == "images/base.qcow2"
    assert volumes.path("images/base.qcow2").exists()
    assert quay.arm.store.get(source) is None
    assert not volumes.path("disks/source.qcow2").exists()


def test_what_is_gone_already_is_not_copied(quay: Quay) -> None:
    source = quay.disk("source")
    quay.machines.volumes.remove("disks/source.qcow2")
    with pytest.raises(CloudError, match="ResourceNotFound"):
        quay.machines.copy_disk(quay.arm.cloud, None, "disks/source.qcow2", "disks/target.qcow2")
    assert quay.arm.store.get(source) is not None


def _copy_of(source: ResourceId) -> dict[str, str]:
    return {"createOption": "Copy", "sourceResourceId": source.text}
