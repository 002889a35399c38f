"""What a cloud's machine is told: Azure's marks, its taps, its LUNs, and only what was asked for."""

from __future__ import annotations

from dataclasses import replace

from bluejacket.machine.azure import (
    ASSET_TAG,
    CloudHardware,
    Interface,
    Lun,
    arguments,
    lun_add,
    lun_blockdev,
    with_tpm,
)

VM = "5a6b1c2d-0000-4000-8000-0000000000aa"
PLAIN = CloudHardware("vm", VM, "tcg,thread=multi", 2, 1024, "disks/os.qcow2")


def values(hardware: CloudHardware, option: str) -> list[str]:
    line = arguments(hardware)
    return [line[index + 1] for index, word in enumerate(line) if word == option]


def test_azure_is_known_by_its_chassis_and_the_machine_by_its_uuid() -> None:
    assert values(PLAIN, "-uuid") == [VM]
    chassis = next(words for words in values(PLAIN, "-smbios") if words.startswith("type=3"))
    assert f"asset={ASSET_TAG}" in chassis.split(",")
    system = next(words for words in values(PLAIN, "-smbios") if words.startswith("type=1"))
    assert f"uuid={VM}" in system.split(",")


def test_only_what_was_asked_for() -> None:
    kinds = [device.split(",")[0] for device in values(PLAIN, "-device")]
    assert kinds == ["nvme", "nvme-ns", "virtio-scsi-pci", "virtio-rng-pci"]
    assert values(PLAIN, "-netdev") == []
    assert values(PLAIN, "-tpmdev") == []


def test_a_tap_for_each_interface_in_their_order() -> None:
    two = replace(
        PLAIN, interfaces=(Interface("bjtap0", "00:0d:3a:00:00:01"), Interface("bjtap1", "00:0d:3a:00:00:02"))
    )
    assert values(two, "-netdev") == [
        "tap,id=net0,ifname=bjtap0,script=no,downscript=no",
        "tap,id=net1,ifname=bjtap1,script=no,downscript=no",
    ]
    cards = [device for device in values(two, "-device") if device.startswith("virtio-net")]
    assert ["mac=00:0d:3a:00:00:01" in cards[0], "mac=00:0d:3a:00:00:02" in cards[1]] == [True, True]


def test_a_lun_is_the_same_whether_it_was_there_at_the_start_or_came_later() -> None:
    lun = Lun(7, "disks/data.qcow2")
    line = values(replace(PLAIN, luns=(lun,)), "-device")
    words = dict(word.split("=") for word in line[3].split(",")[1:])
    later = {key: str(value) for key, value in lun_add(lun).items() if key != "driver"}
    assert words == later
    assert lun_blockdev(lun)["file"] == {"driver": "file", "filename": "/run/cloud/disks/data.qcow2"}


def test_secure_boot_has_its_own_firmware_and_guards_its_variables() -> None:
    secure = replace(PLAIN, secure_boot=True)
    assert "OVMF_CODE_4M.secboot.fd" in values(secure, "-drive")[0]
    assert "driver=cfi.pflash01,property=secure,value=on" in values(secure, "-global")
    assert "smm=on" in values(secure, "-machine")[0]
    assert "smm=on" not in values(PLAIN, "-machine")[0]


def test_the_vtpm_starts_before_the_machine() -> None:
    assert values(replace(PLAIN, tpm=True), "-tpmdev") == ["emulator,id=tpm0,chardev=tpm"]
    line = with_tpm(["qemu-system-x86_64", "-name", "a b"])
    assert line[:2] == ["sh", "-c"]
    assert line[2].startswith("swtpm socket --tpm2")
    assert line[-3:] == ["qemu-system-x86_64", "-name", "a b"]
