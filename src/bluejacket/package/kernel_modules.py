"""Kernel modules as files: what each says of itself, and what has to be loaded before it.

Sources: modules.dep(5), Linux Documentation/kbuild/modules.rst (`.modinfo`), elf(5).
"""

from __future__ import annotations

import lzma
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import zstandard

from bluejacket.errors import Fault, OutsideError


@dataclass(frozen=True, slots=True)
class Module:
    """One module: `name` with underscores, `path` below the kernel's folder without compression suffix."""

    name: str
    path: str
    data: bytes
    depends: tuple[str, ...]
    before: tuple[str, ...]  # soft dependencies that are loaded first
    aliases: tuple[str, ...]


def plain_name(name: str) -> str:
    """Give a module's name as the kernel writes it: `dm-verity` and `dm_verity` are one."""
    return name.replace("-", "_")


def builtin_modules(kernel: Path) -> frozenset[str]:
    """Give the names of what is built into the kernel whose module folder is `kernel`."""
    lines = (kernel / "modules.builtin").read_text("ascii").split()
    return frozenset(plain_name(Path(line).name.removesuffix(".ko")) for line in lines)


def module_closure(kernel: Path, wanted: Iterable[str]) -> list[Module]:
    """Give `wanted` modules and all that they depend on, each after what it depends on.

    A name that is built into the kernel needs no file. Raises OutsideError for a name that this kernel
    has neither as a file nor built in.
    """
    builtin = builtin_modules(kernel)
    files = {plain_name(file.name.split(".ko")[0]): file for file in kernel.rglob("*.ko*")}
    found: dict[str, Module] = {}

    def visit(name: str, needed_by: str, optional: bool) -> None:
        if name in found or name in builtin:
            return
        if name not in files:
            if optional:
                return
            raise OutsideError(
                Fault(f"the kernel {kernel.name} has no module {name}, which {needed_by} needs")
            )
        module = read_module(files[name], kernel)
        for other in module.before:
            visit(other, name, optional=True)
        for other in module.depends:
            visit(other, name, optional=False)
        found[name] = module

    for name in wanted:
        visit(plain_name(name), "the initrd", optional=False)
    return list(found.values())


def read_module(file: Path, kernel: Path) -> Module:
    """Read one module file, uncompressed or compressed with xz or zstd."""
    data = _unpacked(file)
    path = str(file.relative_to(kernel))
    path = path[: path.index(".ko") + 3]
    depends: list[str] = []
    before: list[str] = []
    aliases: list[str] = []
    for key, value in _modinfo(data, file):
        if key == "depends":
            depends += [plain_name(name) for name in value.split(",") if name]
        elif key == "softdep" and value.startswith("pre:"):
            before += [plain_name(name) for name in value.removeprefix("pre:").split("post:")[0].split()]
        elif key == "alias":
            aliases.append(value)
    name = plain_name(Path(path).name.removesuffix(".ko"))
    return Module(name, path, data, tuple(depends), tuple(before), tuple(aliases))


def _unpacked(file: Path) -> bytes:
    data = file.read_bytes()
    if file.suffix == ".xz":
        return lzma.decompress(data)
    if file.suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data


def _modinfo(data: bytes, file: Path) -> list[tuple[str, str]]:
    # elf(5), ELF64 little endian: e_shoff at 40; e_shentsize, e_shnum, e_shstrndx at 58, 60, 62.
    if data[:6] != b"\x7fELF\x02\x01":
        raise OutsideError(Fault(f"{file} is no 64-bit kernel module"))
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)

    def section(index: int) -> tuple[int, int, int]:
        name, _, _, _, offset, length = struct.unpack_from("<IIQQQQ", data, table + index * size)
        return name, offset, length

    strings = section(names)[1]
    for index in range(count):
        name, offset, length = section(index)
        if data[strings + name : strings + name + 9] == b".modinfo\0":
            pairs = (item.partition(b"=") for item in data[offset : offset + length].split(b"\0") if item)
            return [(key.decode(), value.decode("utf-8", "replace")) for key, _, value in pairs]
    raise OutsideError(Fault(f"{file} has no .modinfo section"))
