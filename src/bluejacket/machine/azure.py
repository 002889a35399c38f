"""A cloud's virtual machine as QEMU sees it: Azure's marks in the firmware tables, taps, LUNs, a vTPM.

What makes a machine Azure's for its guest (cloud-init, "Azure" data source; systemd's and others' tests):
the chassis' asset tag, the system's UUID, which is the machine's `vmId`, and a CD with `ovf-env.xml` at its
first boot. The system disk is NVMe, as in Azure's newest sizes; data disks are LUNs of a SCSI controller,
so that they come and go while the machine runs. Paths are those inside the sandbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from bluejacket.machine.launch import CONSOLE, FIRMWARE, FOLDER, QMP, VARS

ASSET_TAG = "7783-7084-3265-9085-8269-3286-77"
"""What every chassis of Azure bears."""

DISKS = PurePosixPath("/run/cloud")
"""Where the machine finds all disks, with their files named as on the host below the cloud's folder."""

PROVISION, LOG, TPM, TPM_SOCKET = "provision.iso", "console.log", "tpm", "tpm.sock"

SECURE_FIRMWARE = PurePosixPath("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd")
SECURE_VARIABLES = PurePosixPath("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
"""Variables with Microsoft's keys: only what they have signed boots, as in Azure."""

SYSTEM, CD = "os", "provision"
"""Names of the block nodes."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A tap that exists in the machine's network namespace, and the address of the guest's end of it."""

    device: str
    mac: str


@dataclass(frozen=True, slots=True)
class Lun:
    """A data disk: its number, and its file below the cloud's folder."""

    number: int
    file: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class CloudHardware:
    """What a cloud's machine is made of. `vm_id` is a UUID; `disk` the system disk's file (qcow2).

    With `secure_boot` the firmware starts what Microsoft or the `certificate` (PEM) vouches for.
    """

    name: str
    vm_id: str
    accelerator: str
    cpus: int
    memory_mib: int
    disk: str
    interfaces: tuple[Interface, ...] = ()
    luns: tuple[Lun, ...] = ()
    provision: bool = False
    secure_boot: bool = False
    certificate: str = ""
    tpm: bool = False


def arguments(hardware: CloudHardware) -> list[str]:
    """Give QEMU's command line."""
    return [
        *("qemu-system-x86_64", "-name", hardware.name, "-nodefaults", "-no-user-config", "-display", "none"),
        *_board(hardware),
        *("-blockdev", ",".join(_node(SYSTEM, hardware.disk))),
        *("-device", f"nvme,id=nvme,serial={hardware.vm_id.replace('-', '')[:20]}"),
        *("-device", f"nvme-ns,bus=nvme,nsid=1,drive={SYSTEM},bootindex=0"),
        *("-device", "virtio-scsi-pci,id=scsi"),
        *(_cd() if hardware.provision else ()),
        *(word for lun in hardware.luns for word in _lun(lun)),
        *(word for at, one in enumerate(hardware.interfaces) for word in _interface(at, one)),
        *("-device", "virtio-rng-pci"),
        "-chardev",
        f"socket,id=console,path={FOLDER / CONSOLE},server=on,wait=off,logfile={FOLDER / LOG},logappend=on",
        *("-serial", "chardev:console"),
        *("-qmp", f"unix:{FOLDER / QMP},server=on,wait=off"),
        *_tables(hardware.vm_id),
    ]


def with_tpm(command: Sequence[str]) -> list[str]:
    """Give a command that starts the vTPM and then, in its place, QEMU; both end together."""
    start = (
        f"swtpm socket --tpm2 --daemon --terminate --tpmstate dir={FOLDER / TPM},mode=0600 "
        f"--ctrl type=unixio,path={FOLDER / TPM_SOCKET} --flags startup-clear"
    )
    return ["sh", "-c", f'{start} && exec "$@"', "sh", *command]


def lun_node(number: int) -> str:
    """Give the name of a data disk's block node."""
    return f"lun{number}"


def lun_device(number: int) -> str:
    """Give the id of a data disk's device."""
    return f"disk{number}"


def lun_blockdev(lun: Lun) -> dict[str, object]:
    """Give what QMP's `blockdev-add` wants for a data disk."""
    return {
        "node-name": lun_node(lun.number),
        "driver": "qcow2",
        "read-only": lun.read_only,
        "discard": "unmap",
        "file": {"driver": "file", "filename": str(DISKS / lun.file)},
    }


def lun_add(lun: Lun) -> dict[str, object]:
    """Give what QMP's `device_add` wants for a data disk."""
    return {
        "driver": "scsi-hd",
        "id": lun_device(lun.number),
        "bus": "scsi.0",
        "channel": 0,
        "scsi-id": 1,
        "lun": lun.number,
        "drive": lun_node(lun.number),
        "serial": f"lun{lun.number}",
    }


def _board(hardware: CloudHardware) -> list[str]:
    kvm = hardware.accelerator == "kvm"
    secure = hardware.secure_boot
    words = [
        "-machine",
        "q35,vmport=off,sata=off" + (",smm=on" if secure else ""),
        *("-accel", hardware.accelerator, "-cpu", "host" if kvm else "max,svm=off"),
        *("-smp", str(hardware.cpus), "-m", f"{hardware.memory_mib}M"),
    ]
    if secure:
        words += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    firmware = SECURE_FIRMWARE if secure else FIRMWARE
    words += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={firmware}"]
    words += ["-drive", f"if=pflash,unit=1,format=raw,file={FOLDER / VARS}"]
    if hardware.tpm:
        words += ["-chardev", f"socket,id=tpm,path={FOLDER / TPM_SOCKET}"]
        words += ["-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm0"]
    return words


def _node(name: str, file: str) -> list[str]:
    return [
        f"driver=qcow2,node-name={name},discard=unmap",
        f"file.driver=file,file.filename={DISKS / file}",
    ]


def _cd() -> list[str]:
    node = f"driver=file,node-name={CD}-file,read-only=on,filename={FOLDER / PROVISION}"
    above = f"driver=raw,node-name={CD},read-only=on,file={CD}-file"
    device = f"scsi-cd,id={CD},bus=scsi.0,channel=0,scsi-id=0,lun=0,drive={CD}"
    return ["-blockdev", node, "-blockdev", above, "-device", device]


def _lun(lun: Lun) -> list[str]:
    node = [*_node(lun_node(lun.number), lun.file), f"read-only={'on' if lun.read_only else 'off'}"]
    words = {key: value for key, value in lun_add(lun).items() if key != "driver"}
    device = ",".join(["scsi-hd", *(f"{key}={value}" for key, value in words.items())])
    return ["-blockdev", ",".join(node), "-device", device]


def _interface(at: int, interface: Interface) -> list[str]:
    net = f"tap,id=net{at},ifname={interface.device},script=no,downscript=no"
    return ["-netdev", net, "-device", f"virtio-net-pci,netdev=net{at},mac={interface.mac},romfile="]


def _tables(vm_id: str) -> list[str]:
    system = "manufacturer=Microsoft Corporation,product=Virtual Machine,version=Bluejacket"
    return [
        *("-uuid", vm_id),
        *("-smbios", f"type=1,{system},uuid={vm_id}"),
        *("-smbios", "type=2,manufacturer=Microsoft Corporation,product=Virtual Machine,version=Bluejacket"),
        *("-smbios", f"type=3,manufacturer=Microsoft Corporation,version=Bluejacket,asset={ASSET_TAG}"),
    ]
