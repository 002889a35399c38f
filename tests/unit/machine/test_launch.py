"""What QEMU is told: nothing of the host is open to the guest but what is named here."""

from __future__ import annotations

from dataclasses import replace

from bluejacket.machine.launch import Hardware, arguments, network

PLAIN = Hardware("vm", "5a6b1c2d-0000-4000-8000-0000000000aa", "tcg,thread=multi")


def values(hardware: Hardware, option: str) -> list[str]:
    line = arguments(hardware)
    return [line[index + 1] for index, word in enumerate(line) if word == option]


def test_no_device_that_was_not_asked_for() -> None:
    line = arguments(PLAIN)
    assert {"-nodefaults", "-no-user-config"} <= set(line)
    assert values(PLAIN, "-display") == ["none"]
    kinds = [device.split(",")[0] for device in values(PLAIN, "-device")]
    assert kinds == ["nvme", "nvme-ns", "nvme-ns", "virtio-net-pci", "virtio-rng-pci"]


def test_the_processor_fits_the_accelerator() -> None:
    assert values(PLAIN, "-cpu") == ["max,svm=off"]
    assert values(replace(PLAIN, accelerator="kvm"), "-cpu") == ["host"]


def test_a_kept_disk_is_durable_and_another_is_fast() -> None:
    disks = [drive for drive in values(PLAIN, "-drive") if "id=disk" in drive]
    assert ["cache=unsafe" in disk for disk in disks] == [True]
    disks = [drive for drive in values(replace(PLAIN, durable=True), "-drive") if "id=disk" in drive]
    assert ["cache=writeback" in disk for disk in disks] == [True]


def test_a_recorded_disk_lets_no_write_past_the_log() -> None:
    recorded = replace(PLAIN, recorded=True)
    below, log, disk = values(recorded, "-blockdev")
    assert disk.startswith("driver=blklogwrites,node-name=disk,")
    assert {"file=below", "log=log", "log-sector-size=512"} <= set(disk.split(","))
    assert "node-name=below" in below
    assert "node-name=log" in log
    assert not [drive for drive in values(recorded, "-drive") if "id=disk" in drive]
    assert "nvme-ns,bus=nvme,nsid=1,drive=disk,bootindex=0" in values(recorded, "-device")


def test_firmware_and_seed_are_read_only() -> None:
    drives = values(PLAIN, "-drive")
    assert [("readonly=on" in drive) for drive in drives] == [True, False, False, True]
    assert "OVMF_CODE" in drives[0]
    assert "id=seed" in drives[3]


def test_the_guest_is_shut_in_unless_let_out() -> None:
    assert network(feed=False, outside=False).split(",") == [
        "user",
        "id=net",
        "ipv6=off",
        "hostfwd=tcp:127.0.0.1:0-:22",
        "restrict=on",
    ]
    assert "restrict" not in network(feed=True, outside=True)


def test_ssh_is_forwarded_from_the_loopback_only() -> None:
    assert network(feed=True, outside=True).count("hostfwd=") == 1
    assert "hostfwd=tcp:127.0.0.1:0-:22" in network(feed=True, outside=True)


def test_the_feed_is_the_one_door() -> None:
    (feed,) = [part for part in network(feed=True, outside=False).split(",") if part.startswith("guestfwd")]
    assert feed == "guestfwd=tcp:10.0.2.4:80-cmd:/usr/bin/python3 -I -S /run/feed-server.py /run/feed"
