"""From a disk image to QEMU's command line. Paths are those inside the sandbox.

The machine is what boots fastest and needs nothing of the host: q35, one NVMe controller (built into the
kernel, so that neither an initrd nor a module is needed to find the root) whose first namespace is the
disk and whose second is the seed, virtio network and entropy, a serial console, no display.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

FOLDER = PurePosixPath("/run/machine")
IMAGE = PurePosixPath("/run/image")
FEED = PurePosixPath("/run/feed")
FEED_SERVER = PurePosixPath("/run/feed-server.py")
FIRMWARE = PurePosixPath("/usr/share/OVMF/OVMF_CODE_4M.fd")
SECURE_FIRMWARE = PurePosixPath("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd")
"""Firmware that demands signatures, and keeps its variables in System Management Mode."""
VARIABLES = PurePosixPath("/usr/share/OVMF/OVMF_VARS_4M.fd")

FEED_ADDRESS = "10.0.2.4"
"""Where the guest finds the feed; QEMU's user network (10.0.2.0/24) has no other use for it."""

WRITES = PurePosixPath("/run/writes.log")

OVERLAY, SEED, VARS, QMP, CONSOLE = "disk.qcow2", "seed.img", "vars.fd", "qmp.sock", "console.sock"


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a machine is made of. `durable` writes reach the disk when the guest says so.

    If it is `recorded`, each write and flush of the guest is in a log as well (see `writelog`). A `secure`
    one's firmware starts only what its variables vouch for.
    """

    name: str
    uuid: str
    accelerator: str
    cpus: int = 2
    memory_mib: int = 1536
    feed: bool = False
    outside: bool = False
    durable: bool = False
    recorded: bool = False
    secure: bool = False


def arguments(hardware: Hardware) -> list[str]:
    """Give QEMU's command line; raises nothing, the values are checked where they come in."""
    kvm = hardware.accelerator == "kvm"
    firmware = SECURE_FIRMWARE if hardware.secure else FIRMWARE
    return [
        *("qemu-system-x86_64", "-name", hardware.name, "-nodefaults", "-no-user-config", "-display", "none"),
        *(
            "-machine",
            "q35,vmport=off,sata=off" + (",smm=on" if hardware.secure else ""),
            "-accel",
            hardware.accelerator,
            "-cpu",
            "host" if kvm else "max,svm=off",
        ),
        *("-smp", str(hardware.cpus), "-m", f"{hardware.memory_mib}M"),
        *(("-global", "driver=cfi.pflash01,property=secure,value=on") if hardware.secure else ()),
        *("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={firmware}"),
        *("-drive", f"if=pflash,unit=1,format=raw,file={FOLDER / VARS}"),
        *(recorded_disk() if hardware.recorded else disk(durable=hardware.durable)),
        *("-drive", f"if=none,id=seed,format=raw,readonly=on,file={FOLDER / SEED}"),
        *("-device", f"nvme,id=nvme,serial={hardware.name}"),
        *("-device", "nvme-ns,bus=nvme,nsid=1,drive=disk,bootindex=0"),
        *("-device", "nvme-ns,bus=nvme,nsid=2,drive=seed"),
        *("-netdev", network(feed=hardware.feed, outside=hardware.outside)),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci"),
        *(
            "-chardev",
            f"socket,id=console,path={FOLDER / CONSOLE},server=on,wait=off,logfile=/run/console.log",
        ),
        *("-serial", "chardev:console"),
        *("-qmp", f"unix:{FOLDER / QMP},server=on,wait=off"),
        *("-smbios", f"type=1,manufacturer=Bluejacket,product=Virtual Machine,uuid={hardware.uuid}"),
        *("-smbios", "type=3,manufacturer=Bluejacket"),
    ]


def disk(*, durable: bool) -> list[str]:
    """Give the words for the guest's disk."""
    cache = "writeback" if durable else "unsafe"
    return ["-drive", f"if=none,id=disk,format=qcow2,cache={cache},discard=unmap,file={FOLDER / OVERLAY}"]


def recorded_disk() -> list[str]:
    """Give the words for a disk whose writes are recorded.

    The guest's flushes end in the log: what is below it need not survive anything.
    """
    below = "driver=qcow2,node-name=below,discard=unmap,cache.no-flush=on"
    below += f",file.driver=file,file.filename={FOLDER / OVERLAY}"
    log = f"driver=file,node-name=log,cache.no-flush=on,filename={WRITES}"
    above = "driver=blklogwrites,node-name=disk,discard=unmap,file=below,log=log,log-sector-size=512"
    return [word for node in (below, log, above) for word in ("-blockdev", node)]


def network(*, feed: bool, outside: bool) -> str:
    """Give QEMU's user network.

    The guest reaches the feed and nothing else, unless `outside`. The host reaches the guest's ssh on a
    port of its loopback that the kernel chooses (port 0), so that two machines never want the same.
    Each connection to the feed is a process of its own, with the connection as its standard input.
    """
    parts = ["user", "id=net", "ipv6=off", "hostfwd=tcp:127.0.0.1:0-:22"]
    if not outside:
        parts.append("restrict=on")
    if feed:
        command = f"/usr/bin/python3 -I -S {FEED_SERVER} {FEED}"
        parts.append(f"guestfwd=tcp:{FEED_ADDRESS}:80-cmd:{command}")
    return ",".join(parts)
