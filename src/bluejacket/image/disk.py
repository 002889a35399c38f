"""The disk of an image: GPT, EFI system partition, root file system, each with identities of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from bluejacket.errors import Fault, OutsideError
from bluejacket.image.gpt import ESP, ROOT, only, read_partitions
from bluejacket.image.plan import MIB, Plan
from bluejacket.image.root import policy_contexts
from bluejacket.package.bootkey import BootKey, sign_efi
from bluejacket.tools import Sandbox

DISK = "disk.raw"
UKIS = "usr/lib/bluejacket/uki"  # where kernel packages put their UKIs; a file trigger takes them to the ESP
_BOOT = "usr/lib/systemd/boot/efi"
_LOADER = "systemd-bootx64.efi"
_REPART = {
    "10-esp": "[Partition]\nType=esp\nLabel=esp\nFormat=vfat\nSizeMinBytes={esp}M\nSizeMaxBytes={esp}M\n"
    "CopyFiles=/run/work/esp:/\n",
    # systemd-repart leaves it empty: copying a file system in would write every block of it once more.
    "20-root": "[Partition]\nType=root\nLabel=root\nSizeMinBytes={root}M\nSizeMaxBytes={root}M\n"
    "GrowFileSystem=yes\n",
}
# systemd-boot(7), loader.conf(5): the newest kernel with tries left; nobody edits its command line
_LOADER_CONF = "timeout 0\nconsole-mode keep\neditor no\n"


def label(box: Sandbox, plan: Plan, tree: Path) -> None:
    """Give every file of the tree its SELinux label, by the file contexts of the tree's own policy."""
    if contexts := policy_contexts(tree):
        box.run(
            ["setfiles", "-F", "-m", "-r", "/run/root", f"/run/root/{contexts}/file_contexts", "/run/root"],
            name=f"label-{plan.image.name}",
            binds={tree: "/run/root"},
        )


def write_disk(box: Sandbox, plan: Plan, boot_key: BootKey, tree: Path, work: Path, into: Path) -> None:
    """Write the disk with the tree as its root file system and the tree's UKIs on its ESP to `into`/disk.raw.

    What is made for the firmware here is signed with the `boot_key`, as the loader and the UKIs are.

    Raises ToolFailed for a program that fails, such as for a tree that the file system cannot hold.
    """
    _fill_esp(box, plan, boot_key, tree, work)
    (work / "repart").mkdir()
    for name, text in _REPART.items():
        sizes = {"esp": plan.image.esp_size_mib, "root": plan.image.root_size_mib}
        (work / "repart" / f"{name}.conf").write_text(text.format(**sizes))
    epoch = str(plan.epoch)
    box.run(
        [
            *("systemd-repart", "--definitions=/run/work/repart", "--empty=create", f"--size={_size(plan)}M"),
            *("--offline=yes", "--dry-run=no", f"--seed={plan.seed}", f"/run/into/{DISK}"),
        ],
        name=f"repart-{plan.image.name}",
        binds={work: "/run/work", into: "/run/into"},
        env={"SOURCE_DATE_EPOCH": epoch},
    )
    root = only(read_partitions(into / DISK), ROOT)
    extended = (
        f"offset={root.offset},hash_seed={plan.identity('directory hash')},nodiscard,lazy_itable_init=1,"
        "lazy_journal_init=1"
    )
    box.run(
        [
            *("mke2fs", "-q", "-F", "-t", "ext4", "-L", plan.image.label, "-m", "1"),
            *("-U", str(plan.identity("root file system")), "-E", extended),
            *("-d", "/run/root", f"/run/into/{DISK}", f"{root.size // MIB}M"),
        ],
        name=f"mke2fs-{plan.image.name}",
        binds={into: "/run/into"},
        ro_binds={tree: "/run/root"},
        env={"SOURCE_DATE_EPOCH": epoch, "E2FSPROGS_FAKE_TIME": epoch},
    )


def _size(plan: Plan) -> int:
    """Give the disk's size in MiB: the partitions, and one for the table at each end."""
    return plan.image.esp_size_mib + plan.image.root_size_mib + 2


def _fill_esp(box: Sandbox, plan: Plan, boot_key: BootKey, tree: Path, work: Path) -> None:
    esp = work / "esp"
    loader = tree / _BOOT / f"{_LOADER}.signed"
    ukis = sorted((tree / UKIS).glob("*.efi"))
    if not loader.is_file() or not ukis:
        missing = "signed boot loader" if ukis else "kernel (a package with a UKI)"
        raise OutsideError(Fault(f"the packages of the image {plan.image.name} bring no {missing}"))
    for target in ("EFI/BOOT/BOOTX64.EFI", f"EFI/systemd/{_LOADER}"):
        _copy(loader, esp / target)
    for uki in ukis:
        # Automatic boot assessment: a kernel that fails this often gives way to the one before it.
        _copy(uki, esp / "EFI/Linux" / f"{uki.stem}+{plan.image.boot_tries}.efi")
    (esp / "loader").mkdir()
    (esp / "loader/loader.conf").write_text(_LOADER_CONF)
    if plan.arguments:
        _write_arguments(box, plan, boot_key, tree, work)


def _write_arguments(box: Sandbox, plan: Plan, boot_key: BootKey, tree: Path, work: Path) -> None:
    """Put the image's kernel arguments beside the UKIs: an addon for every kernel (systemd-stub(7))."""
    (work / "cmdline").write_text(" ".join(plan.arguments))
    (work / "esp/loader/addons").mkdir()
    box.run(
        [
            *(
                "ukify",
                "build",
                "--cmdline=@/run/work/cmdline",
                f"--stub=/run/root/{_BOOT}/addonx64.efi.stub",
            ),
            "--output=/run/work/image.addon.efi",
        ],
        name=f"arguments-{plan.image.name}",
        binds={work: "/run/work"},
        ro_binds={tree: "/run/root"},
        env={"SOURCE_DATE_EPOCH": str(plan.epoch)},
    )
    addon = work / "esp/loader/addons/image.addon.efi"
    sign_efi(box, boot_key, work / "image.addon.efi", addon, plan.epoch)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def partitions_of(disk: Path) -> tuple[int, int]:
    """Give where ESP and root file system begin on a disk of ours, in bytes."""
    partitions = read_partitions(disk)
    return only(partitions, ESP).offset, only(partitions, ROOT).offset
