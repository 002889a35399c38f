"""Scans of real disks: what their RPM database lists, whatever form they have, and what is no such disk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bluejacket.cli.entry import main
from bluejacket.definition import Release
from bluejacket.errors import ToolFailed, UserError
from bluejacket.feed.built import Built, signer_of
from bluejacket.feed.take import take_snapshot
from bluejacket.foundation.lock import Lock
from bluejacket.image import BuiltImage
from bluejacket.image.gpt import ROOT, only, read_partitions
from bluejacket.inquiry.disk import disk_format, read_disk
from bluejacket.inquiry.inventory import Inventory, read_inventory
from bluejacket.store import State
from bluejacket.store.files import replace_link
from bluejacket.tools import Sandbox

MIB = 1 << 20


@pytest.fixture
def manifest(image: BuiltImage) -> Inventory:
    return read_inventory(image.folder / "packages.json")


def read(box: Sandbox, disk: Path, scratch: Path) -> Inventory:
    found = read_disk(box, disk, scratch, "bluejacket")
    assert list(scratch.glob(".scan-*")) == []
    return found


@pytest.mark.parametrize("form", ["raw", "qcow2", "vhd"])
def test_a_built_disk_lists_what_its_manifest_does(
    form: str, image: BuiltImage, manifest: Inventory, sandbox: Sandbox, tmp_path: Path
) -> None:
    """To the last package with version, architecture and source; and says of which release it is."""
    disk = image.folder / f"disk.{form}"
    assert disk_format(disk) == {"vhd": "raw"}.get(form, form)  # a fixed one is raw with a footer
    before = disk.stat()
    found = read(sandbox, disk, tmp_path)
    assert len(found.packages) == image.packages
    assert set(found.packages) == set(manifest.packages)
    assert (found.release, found.name, found.uri) == ("4", "disk", disk.name)
    assert (disk.stat().st_mtime_ns, disk.stat().st_size) == (before.st_mtime_ns, before.st_size)


def converted(box: Sandbox, disk: Path, into: Path, form: str) -> Path:
    line = ["qemu-img", "convert", "-f", "qcow2", "-O", form, "/run/disk", f"/run/into/disk.{form}"]
    box.run(line, name="convert", binds={into: "/run/into"}, ro_binds={disk.resolve(): "/run/disk"})
    return into / f"disk.{form}"


@pytest.mark.parametrize("form", ["vpc", "vhdx", "vmdk"])
def test_other_clouds_disks_are_read_too(
    form: str, image: BuiltImage, manifest: Inventory, sandbox: Sandbox, tmp_path: Path
) -> None:
    disk = converted(sandbox, image.folder / "disk.qcow2", tmp_path, form)
    assert disk_format(disk) == form
    assert set(read(sandbox, disk, tmp_path).packages) == set(manifest.packages)


def bare(disk: Path, into: Path) -> Path:
    """Give the root file system alone, without a partition table."""
    root = only(read_partitions(disk), ROOT)
    with disk.open("rb") as source, into.open("wb") as sink:
        source.seek(root.offset)
        for _ in range(root.size // MIB):
            sink.write(source.read(MIB))
    return into


def with_mbr(disk: Path, into: Path) -> Path:
    """Give the root file system as the second partition of a disk with an old table."""
    with into.open("wb") as sink:
        sink.truncate(MIB)
        for at, first in ((0, 64), (1, MIB // 512)):
            sink.seek(446 + 16 * at)
            sink.write(bytes([0, 0, 0, 0, 0x83, 0, 0, 0]) + first.to_bytes(4, "little") + b"\0\0\1\0")
        sink.seek(510)
        sink.write(b"\x55\xaa")
    whole = bare(disk, into.with_suffix(".part"))
    with into.open("ab") as sink, whole.open("rb") as source:
        sink.seek(0, 2)
        while data := source.read(MIB):
            sink.write(data)
    whole.unlink()
    return into


@pytest.mark.parametrize("layout", [bare, with_mbr])
def test_a_disk_without_a_gpt(
    layout: Callable[[Path, Path], Path],
    image: BuiltImage,
    manifest: Inventory,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    disk = layout(image.folder / "disk.raw", tmp_path / "other.img")
    assert disk_format(disk) == "raw"
    assert set(read(sandbox, disk, tmp_path).packages) == set(manifest.packages)


def test_a_disk_that_holds_no_packages_says_what_would_do(sandbox: Sandbox, tmp_path: Path) -> None:
    disk = tmp_path / "empty.img"
    with disk.open("wb") as stream:
        stream.truncate(16 * MIB)
    sandbox.run(["mke2fs", "-q", "-F", "/run/disk"], name="mke2fs", binds={disk: "/run/disk"})
    with pytest.raises(UserError, match=r"empty\.img: has no RPM database .*ext2, ext3 and ext4 can be"):
        read(sandbox, disk, tmp_path)


def test_a_disk_gets_no_file_of_this_host(image: BuiltImage, sandbox: Sandbox, tmp_path: Path) -> None:
    """A qcow2 file may name any other file as what lies below it: the sandbox has none."""
    secret = tmp_path / "secret.raw"
    secret.symlink_to(image.folder / "disk.raw")
    line = ["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", str(secret.resolve())]
    sandbox.run([*line, "/run/into/disk.qcow2", "2G"], name="create", binds={tmp_path: "/run/into"})
    with pytest.raises(ToolFailed, match="No such file"):
        read(sandbox, tmp_path / "disk.qcow2", tmp_path)


def test_a_table_that_makes_no_sense_is_refused(image: BuiltImage, sandbox: Sandbox, tmp_path: Path) -> None:
    head = bytearray((image.folder / "disk.raw").open("rb").read(2 * MIB))
    for at, value in ((80, 0xFFFFFFFF), (84, 0)):
        harmed = head.copy()
        harmed[512 + at : 512 + at + 4] = value.to_bytes(4, "little")
        (tmp_path / "harmed.img").write_bytes(harmed)
        with pytest.raises(UserError, match="its partition table makes no sense"):
            read(sandbox, tmp_path / "harmed.img", tmp_path)


@pytest.fixture
def own(tmp_path: Path, state: State, release: Release, lock: Lock, feed: Built, image: BuiltImage) -> State:
    """A state folder with the store and keys of all others, and one snapshot of the real feed."""
    found = State(tmp_path / "state")
    found.root.mkdir()
    for folder in (state.store.root, state.keys, state.indexes):
        (found.root / folder.name).symlink_to(folder)
    replace_link(found.image_link(release.distribution.id, release.version, "vm"), image.folder)
    take_snapshot(found, release, lock, feed, signer_of(found, release), int(time.time()))
    return found


def test_a_scan_finds_in_a_disk_what_it_finds_in_the_image(
    own: State, distro: Path, image: BuiltImage, capfd: pytest.CaptureFixture[str]
) -> None:
    told = []
    for what in ("vm", str(image.folder / "disk.qcow2")):
        words = ["--distro", str(distro), "--state", str(own.root), "scan", what, "--format", "json"]
        status = main(words)
        found = json.loads(capfd.readouterr().out)
        told.append((status, found["packages"], found["advisories"], found["snapshot"], found["findings"]))
    assert told[0] == told[1]
    assert told[0][1] == image.packages
