"""The initrd: a static shell, one script, and the modules that lead to the root file system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bluejacket.errors import Fault, Place, UserError
from bluejacket.package.cpio import Entry, write_cpio
from bluejacket.package.kernel_modules import Module, module_closure

# What the script `init` calls; each is a link to the one static program.
APPLETS = [
    "cat",
    "chroot",
    "dd",
    "dmesg",
    "echo",
    "find",
    "findfs",
    "grep",
    "hexdump",
    "insmod",
    "ls",
    "mkdir",
    "modprobe",
    "mount",
    "readlink",
    "reboot",
    "sed",
    "sh",
    "sleep",
    "sort",
    "switch_root",
    "sync",
    "tr",
    "umount",
    "uname",
]


@dataclass(frozen=True, slots=True)
class InitrdRecipe:
    """What an initrd is made of.

    `shell` is a static busybox, `init` the script that the kernel starts, `modules` the names to carry
    with all that they depend on, `always` those that no hardware asks for and that are loaded at once.
    """

    shell: Path
    init: Path
    modules: tuple[str, ...]
    always: tuple[str, ...]


def read_module_list(file: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read a list of modules: one a line, `#` begins a comment, `always` after a name loads it at once.

    Gives all names and the names to load at once. Raises UserError for a line of another form.
    """
    names: list[str] = []
    always: list[str] = []
    faults: list[Fault] = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1):
        match line.partition("#")[0].split():
            case []:
                continue
            case [name] | [name, "always"] if name in names:
                faults.append(Fault(f"{name} is there twice", "remove one line", Place(file, number)))
            case [name]:
                names.append(name)
            case [name, "always"]:
                names.append(name)
                always.append(name)
            case [name, *rest]:
                what = f"{' '.join(rest)!r} after the module {name}"
                faults.append(Fault(what, "a line is a name, or a name and `always`", Place(file, number)))
    if faults:
        raise UserError(*faults)
    return tuple(names), tuple(always)


def write_initrd(recipe: InitrdRecipe, kernel: Path, out: BinaryIO, time: int) -> list[Module]:
    """Write the uncompressed initrd for the kernel whose modules are below `kernel` (…/lib/modules/VERSION).

    Gives the modules that it carries, in loading order. Raises OutsideError for a module that the
    kernel lacks.
    """
    modules = module_closure(kernel, recipe.modules)
    home = f"lib/modules/{kernel.name}"
    entries = [
        Entry.file("init", recipe.init.read_bytes(), 0o755),
        Entry.file("bin/busybox", recipe.shell.read_bytes(), 0o755),
        *(Entry.link(f"bin/{applet}", "busybox") for applet in APPLETS),
        Entry.link("sbin", "bin"),  # the kernel calls /sbin/modprobe
        # Without a console node the kernel starts init with no standard output.
        Entry.node("dev/console", 5, 1),
        *(Entry.folder(folder, 0o755) for folder in ("proc", "sys", "sysroot", "run", "tmp")),
        *(Entry.file(f"{home}/{module.path}", module.data) for module in modules),
        Entry.file(f"{home}/modules.dep", _dependencies(modules)),
        Entry.file(f"{home}/modules.alias", _aliases(modules)),
        Entry.file("etc/modules", "".join(f"{name}\n" for name in recipe.always).encode()),
    ]
    write_cpio(entries, out, time)
    return modules


def _dependencies(modules: list[Module]) -> bytes:
    """modules.dep(5): a module, then all that it needs, the one to load first last."""
    by_name = {module.name: module for module in modules}

    def needs(module: Module, seen: dict[str, None]) -> dict[str, None]:
        for name in (*module.depends, *module.before):
            if name in by_name:
                needs(by_name[name], seen)
                seen.setdefault(name)
        return seen

    lines = []
    for module in modules:
        earlier = [by_name[name].path for name in reversed(needs(module, {}))]
        lines.append(" ".join([f"{module.path}:", *earlier]))
    return "\n".join([*lines, ""]).encode()


def _aliases(modules: list[Module]) -> bytes:
    lines = [f"alias {alias} {module.name}" for module in modules for alias in module.aliases]
    return "\n".join([*lines, ""]).encode()
