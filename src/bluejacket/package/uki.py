"""The unified kernel image: kernel, initrd and command line in one file for the firmware's loader.

UAPI group, Unified Kernel Image specification; ukify(1).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import rpm_rs
import zstandard

from bluejacket.errors import Fault, OutsideError, Place, UserError
from bluejacket.foundation.metadata import Evr
from bluejacket.package.bootkey import BootKey, sign_efi
from bluejacket.package.describe import description_of
from bluejacket.package.initrd import InitrdRecipe, read_module_list, write_initrd
from bluejacket.package.made import Made
from bluejacket.store import Step, Store, code_of
from bluejacket.store.blobs import sha256_of
from bluejacket.store.steps import canonical
from bluejacket.tools import Sandbox

_CODE = (
    "bluejacket.package.bootkey",
    "bluejacket.package.cpio",
    "bluejacket.package.initrd",
    "bluejacket.package.kernel_modules",
    "bluejacket.package.uki",
)
_IMAGE = re.compile(r"/boot/vmlinuz-(.+)|/usr/lib/modules/([^/]+)/vmlinuz")
_MODULE = re.compile(r"/usr/lib/modules/([^/]+)/kernel/")
_PART = re.compile(r"/usr/lib/modules/([^/]+)/.")
_SHELL = "usr/bin/busybox"
_LEVEL = 19  # of the initrd's zstd: it is written once and read at every boot
UKI, MANIFEST = "uki.efi", "initrd-modules.json"


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel of the foundation: its version (uname -r), and the packages with image and modules.

    `path` is where the image lies in its package; `parts` are all packages with something for its
    modules' folder, `modules` the one of them with the modules.
    """

    version: str
    image: Made
    path: str
    modules: Made
    parts: tuple[Made, ...]

    @property
    def evr(self) -> Evr:
        """The version of the package that holds its image."""
        assert self.image.package is not None
        return Evr.parse(self.image.package.evr)


def find_kernel(packages: Sequence[Made], wanted: str) -> Kernel:
    """Find the kernel to which the package `wanted` leads, among a release's packages.

    Raises UserError when it leads to none or to several.
    """
    by_name = {made.name: made for made in packages}
    if wanted not in by_name:
        raise UserError(Fault(f"the feed has no package {wanted}, which should lead to the kernel"))
    images: dict[str, tuple[Made, str]] = {}
    modules: dict[str, Made] = {}
    parts: dict[str, list[Made]] = {}
    for made in _reached(by_name, wanted):
        paths = _paths(made)
        for version in {found[1] for path in paths if (found := _PART.match(path))}:
            parts.setdefault(version, []).append(made)
        for path in paths:
            if found := _IMAGE.fullmatch(path):
                images[found[1] or found[2]] = (made, path)
            elif found := _MODULE.match(path):
                modules[found[1]] = made
    both = sorted(images.keys() & modules.keys())
    if len(both) != 1:
        told = ", ".join(both) or "none"
        raise UserError(Fault(f"{wanted} should lead to one kernel with its modules, and leads to {told}"))
    version = both[0]
    return Kernel(version, *images[version], modules[version], tuple(parts[version]))


def _reached(by_name: Mapping[str, Made], start: str) -> list[Made]:
    seen = {start}
    todo = [start]
    while todo:
        package = by_name[todo.pop()].package
        for relation in (*package.requires, *package.requires_pre) if package else ():
            name = relation.split()[0]
            if name in by_name and name not in seen:
                seen.add(name)
                todo.append(name)
    return [by_name[name] for name in sorted(seen)]


def _paths(made: Made) -> list[str]:
    filelists = json.loads(description_of(made.rpm).read_text("utf-8"))["filelists"]
    return [line.partition(">")[2].partition("<")[0] for line in filelists.splitlines() if "<file" in line]


def make_uki(
    store: Store,
    box: Sandbox,
    tools: str,
    kernel: Kernel,
    folder: Path,
    os_release: str,
    boot_key: BootKey,
    epoch: int,
) -> tuple[Path, str]:
    """Give the folder with `uki.efi`, signed, and the list of the initrd's modules, and the step's key.

    `folder` holds `init`, `modules` and `cmdline`; `tools` is the key of the tools tree. Raises
    UserError for what is wrong in that folder, OutsideError for a module that the kernel lacks.
    """
    sources = {name: _source(folder / name) for name in ("init", "modules", "cmdline")}
    step = Step(
        "uki",
        code_of(*_CODE),
        canonical([{n: sha256_of(p) for n, p in sources.items()}, kernel.version, os_release, epoch]),
        (tools, boot_key.identity, kernel.image.key, *(part.key for part in kernel.parts)),
    )

    def work(into: Path) -> None:
        with TemporaryDirectory(dir=into, prefix=".work-") as scratch:
            _write(box, kernel, sources, os_release, epoch, Path(scratch))
            sign_efi(box, boot_key, Path(scratch, "out", UKI), into / UKI, epoch)
            shutil.copyfile(Path(scratch, MANIFEST), into / MANIFEST)

    return store.obtain(step, work), step.key


def _source(file: Path) -> Path:
    if not file.is_file():
        raise UserError(Fault("this file is missing; the UKI is made with it", place=Place(file)))
    return file


def _write(
    box: Sandbox,
    kernel: Kernel,
    sources: Mapping[str, Path],
    os_release: str,
    epoch: int,
    scratch: Path,
) -> None:
    """Write the UKI to `out` in the folder `scratch`, and the list of the initrd's modules beside that."""
    extract(kernel.image.rpm, kernel.path, scratch)
    for part in kernel.parts:
        extract(part.rpm, f"/usr/lib/modules/{kernel.version}/", scratch)
    names, always = read_module_list(sources["modules"])
    recipe = InitrdRecipe(box.tools / _SHELL, sources["init"], names, always)
    plain = scratch / "initrd"
    with plain.open("wb") as out:
        modules = write_initrd(recipe, scratch / "usr/lib/modules" / kernel.version, out, epoch)
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(plain.read_bytes())
    (scratch / "initrd.zst").write_bytes(packed)
    (scratch / "os-release").write_text(os_release, "utf-8")
    (scratch / "cmdline").write_text(command_line(sources["cmdline"]), "utf-8")
    (scratch / "out").mkdir()
    box.run(
        [
            *("ukify", "build", f"--linux=/run/uki{kernel.path}"),
            *(
                "--initrd=/run/uki/initrd.zst",
                "--cmdline=@/run/uki/cmdline",
                "--os-release=@/run/uki/os-release",
            ),
            *(f"--uname={kernel.version}", f"--output=/run/uki/out/{UKI}"),
        ],
        name="ukify",
        binds={scratch: "/run/uki"},
        env={"SOURCE_DATE_EPOCH": str(epoch)},
    )
    listed = {"kernel": kernel.version, "modules": sorted(module.name for module in modules)}
    (scratch / MANIFEST).write_text(json.dumps(listed, indent=1) + "\n")


def extract(rpm: Path, prefix: str, into: Path) -> None:
    """Write the files of a package whose path begins with `prefix`."""
    try:
        for file in rpm_rs.Package.open(str(rpm)).files():
            path = str(file.metadata.path)
            if path.startswith(prefix) and file.content:
                target = into / path.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.content)
    except RuntimeError as error:
        raise OutsideError(Fault(f"cannot be unpacked: {error}", place=Place(rpm))) from error


def command_line(file: Path) -> str:
    """Read a kernel command line: words and lines joined by blanks, `#` begins a comment."""
    lines = (line.partition("#")[0].split() for line in file.read_text("utf-8").splitlines())
    return " ".join(word for line in lines for word in line)
