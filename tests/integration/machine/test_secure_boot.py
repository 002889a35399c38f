"""Secure Boot: the firmware starts what our key signed, and nothing that was changed or signed by others."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.image import BOOT_CERTIFICATE, BuiltImage
from bluejacket.image.disk import partitions_of
from bluejacket.machine import Boot, Machines, expected_of
from bluejacket.package.bootkey import obtain_boot_key
from bluejacket.package.own import Workshop
from guests import LIMIT_S

pytestmark = [pytest.mark.boot]

REFUSED = ("Access Denied", "Access denied", "Security Violation")
STARTED = "Linux version"


def test_the_image_boots_with_it(release: Release, image: BuiltImage, shop: Workshop, tmp_path: Path) -> None:
    """Loader, kernel and the image's kernel arguments are signed: without the last it would not enforce."""
    expected = expected_of(release.profile_of(release.images["vm"]), release.pretty_name)
    boot = Boot(
        image.disks["raw"],
        "vm",
        secure_boot=image.folder / BOOT_CERTIFICATE,
        limit_s=LIMIT_S,
        expected=expected | {"secure_boot": "enabled"},
    )
    machines = Machines(tmp_path / "state", shop.box)
    with machines.booted(boot) as (machine, health):
        assert health.reasons == ()
        locked = machines.run(machine, ["cat", "/sys/kernel/security/lockdown"]).out
        modules = machines.run(machine, ["sh", "-c", "lsmod | wc -l"]).out
    assert health.secure_boot == "enabled"
    assert "[integrity]" in locked or "[confidentiality]" in locked
    assert int(modules) > 10, "the foundation's modules carry signatures that the kernel takes"


def test_another_key_s_firmware_refuses_the_loader(image: BuiltImage, shop: Workshop, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.crt"
    stranger.write_bytes(obtain_boot_key(tmp_path, "stranger", "Somebody").certificate)
    told = console_of(Boot(image.disks["raw"], "vm", secure_boot=stranger), shop, tmp_path)
    assert any(word in told for word in REFUSED), told[-2000:]
    assert STARTED not in told


@pytest.mark.parametrize("part", ["loader", pytest.param("kernel", marks=pytest.mark.long)])
def test_a_changed_program_is_refused(part: str, image: BuiltImage, shop: Workshop, tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    shutil.copyfile(image.disks["raw"], disk)
    change_on_esp(shop, disk, {"loader": "EFI/BOOT/BOOTX64.EFI", "kernel": "EFI/Linux/*.efi"}[part])
    told = console_of(Boot(disk, "vm", secure_boot=image.folder / BOOT_CERTIFICATE), shop, tmp_path)
    assert any(word in told for word in REFUSED), told[-2000:]
    assert STARTED not in told


def change_on_esp(shop: Workshop, disk: Path, pattern: str) -> None:
    """Change one bit in the middle of a program on the disk's EFI system partition."""
    esp, _ = partitions_of(disk)
    work = disk.parent / "esp"
    work.mkdir()
    binds = {disk.parent: "/run/work"}
    drive = f"/run/work/{disk.name}@@{esp}"
    shop.box.run(["mcopy", "-n", "-i", drive, f"::{pattern}", "/run/work/esp/"], name="mcopy", binds=binds)
    (program,) = work.iterdir()
    content = bytearray(program.read_bytes())
    content[len(content) // 2] ^= 1
    program.write_bytes(content)
    target = f"::{Path(pattern).parent}/{program.name}"
    shop.box.run(
        ["mcopy", "-o", "-i", drive, f"/run/work/esp/{program.name}", target], name="mcopy", binds=binds
    )


def console_of(boot: Boot, shop: Workshop, tmp_path: Path) -> str:
    """Give the machine's console up to the refusal, or to a kernel that has started."""
    machines = Machines(tmp_path / "state", shop.box)
    with machines.started(boot) as machine:
        end = time.monotonic() + 400
        while time.monotonic() < end:
            told = machine.console.read_text("utf-8", "replace")
            if any(word in told for word in (*REFUSED, STARTED)):
                return told
            time.sleep(1)
    return told
