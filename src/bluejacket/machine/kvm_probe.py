"""Run a few guest instructions under KVM and leave with status 0 if they ran to their end.

A program of its own (`python -I -S kvm_probe.py [DEVICE]`), standard library only: a hypervisor that
accepts a machine and never runs it would hang the caller, so the caller gives this program a limit.

The guest starts in real mode, goes to protected mode, counts to ten million, writes the count's low byte to a
port and halts: three exits that a kernel's first steps need as well. The interface is that of the
kernel's Documentation/virt/kvm/api.rst.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import struct
import sys

KVM_GET_API_VERSION = 0xAE00
KVM_CREATE_VM = 0xAE01
KVM_GET_VCPU_MMAP_SIZE = 0xAE04
KVM_CREATE_VCPU = 0xAE41
KVM_SET_TSS_ADDR = 0xAE47
KVM_RUN = 0xAE80
KVM_SET_USER_MEMORY_REGION = 0x4020AE46
KVM_SET_REGS = 0x4090AE82
KVM_GET_SREGS = 0x8138AE83
KVM_SET_SREGS = 0x4138AE84

EXIT_IO = 2
EXIT_HLT = 5

PORT = 0x3F8
ANSWER = 0x80  # the low byte of 10,000,000

TSS_AT = 0x7FFBD000  # three pages outside the guest memory, for processors that emulate real mode
LOAD_AT = 0x1000
GDT_AT = 0x1100
GUEST = bytes.fromhex(
    "fa"  # cli
    "0f01161811"  # lgdt [0x1118]
    "0f20c0"  # mov eax, cr0
    "0c01"  # or al, 1
    "0f22c0"  # mov cr0, eax
    "ea13100800"  # jmp 0x08:0x1013
    "66b81000"  # 32 bits from here: mov ax, 0x10
    "8ed8"
    "8ec0"
    "8ed0"
    "8ee0"
    "8ee8"  # mov ds, es, ss, fs, gs, ax
    "31c0"  # xor eax, eax
    "b980969800"  # mov ecx, 10000000
    "40"  # count: inc eax
    "49"  # dec ecx
    "75fc"  # jnz count
    "66baf803"  # mov dx, 0x3f8
    "ee"  # out dx, al
    "f4"  # hlt
)
# A null descriptor, flat 32-bit code and data segments, then the table's own limit and base.
GDT = struct.pack("<QQQHI", 0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF, 23, GDT_AT)


def main(device: str = "/dev/kvm") -> int:
    """Give 0 when the guest ran to its end; 1 when it stopped elsewhere; OSError when KVM refuses."""
    kvm = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    if fcntl.ioctl(kvm, KVM_GET_API_VERSION, 0) != 12:
        return 1
    machine = fcntl.ioctl(kvm, KVM_CREATE_VM, 0)
    fcntl.ioctl(machine, KVM_SET_TSS_ADDR, TSS_AT)
    memory = mmap.mmap(-1, 0x10000, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
    memory[LOAD_AT : LOAD_AT + len(GUEST)] = GUEST
    memory[GDT_AT : GDT_AT + len(GDT)] = GDT
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    region = struct.pack("<IIQQQ", 0, 0, 0, len(memory), address)
    fcntl.ioctl(machine, KVM_SET_USER_MEMORY_REGION, region)
    cpu = fcntl.ioctl(machine, KVM_CREATE_VCPU, 0)
    run = mmap.mmap(cpu, fcntl.ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0))
    special = bytearray(0x138)
    fcntl.ioctl(cpu, KVM_GET_SREGS, special)
    # struct kvm_segment is 24 bytes: base (8), limit (4), selector (2), …; cs comes first.
    struct.pack_into("<Q", special, 0, 0)
    struct.pack_into("<H", special, 12, 0)
    fcntl.ioctl(cpu, KVM_SET_SREGS, bytes(special))
    # struct kvm_regs: 16 general registers, rip, rflags; bit 1 of rflags is always set.
    fcntl.ioctl(cpu, KVM_SET_REGS, struct.pack("<18Q", *([0] * 16), LOAD_AT, 2))
    return 0 if follow(cpu, run) else 1


def follow(cpu: int, run: mmap.mmap) -> bool:
    """Run until the guest halts; true if it gave the right answer before."""
    answered = False
    while True:
        fcntl.ioctl(cpu, KVM_RUN, 0)
        # struct kvm_run: the reason stands at 8, the union at 32.
        (reason,) = struct.unpack_from("<I", run, 8)
        if reason == EXIT_HLT:
            return answered
        if reason != EXIT_IO:
            return False
        _direction, size, port, count, offset = struct.unpack_from("<BBHIQ", run, 32)
        answered = (size, port, count, run[offset]) == (1, PORT, 1, ANSWER)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
