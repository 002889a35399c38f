"""The initrd's list of modules, and what it says when the list or the kernel is wrong."""

from __future__ import annotations

import lzma
import struct
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError, UserError
from bluejacket.package.initrd import read_module_list
from bluejacket.package.kernel_modules import module_closure, plain_name

RECIPE = Path(__file__).parents[3] / "distro/packages/bluejacket-uki"


def module(info: dict[str, str]) -> bytes:
    """Give an ELF64 file with nothing but a .modinfo section."""
    text = b"".join(f"{key}={value}".encode() + b"\0" for key, value in info.items())
    names = b"\0.modinfo\0.shstrtab\0"
    table = 64 + len(text) + len(names)
    header = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2)
    )
    sections = [
        (0, 0, 0, 0, 0, 0),
        (1, 1, 0, 0, 64, len(text)),
        (10, 3, 0, 0, 64 + len(text), len(names)),
    ]
    return header + text + names + b"".join(struct.pack("<IIQQQQ", *s) + bytes(24) for s in sections)


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    folder = tmp_path / "7.2-test"
    (folder / "kernel").mkdir(parents=True)
    (folder / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\nkernel/lib/crc16.ko\n")
    for name, info in {
        "a-one": {"depends": "b_two,c_three", "alias": "pci:v1*"},
        "b_two": {"depends": "c_three"},
        "c_three": {"depends": "", "softdep": "pre: d_four missing post: a_one"},
        "d_four": {"depends": "crc16"},
        "broken": {"depends": "nowhere"},
    }.items():
        (folder / "kernel" / f"{name}.ko.xz").write_bytes(lzma.compress(module(info)))
    return folder


def test_a_module_comes_after_what_it_needs(kernel: Path) -> None:
    assert [m.name for m in module_closure(kernel, ["a_one", "ext4"])] == [
        "d_four",
        "c_three",
        "b_two",
        "a_one",
    ]


def test_modules_are_unpacked_and_keep_their_aliases(kernel: Path) -> None:
    found = {m.name: m for m in module_closure(kernel, ["a-one"])}["a_one"]
    assert found.path == "kernel/a-one.ko"
    assert found.data.startswith(b"\x7fELF")
    assert found.aliases == ("pci:v1*",)


@pytest.mark.parametrize(("wanted", "missing"), [("absent", "absent"), ("broken", "nowhere")])
def test_a_module_that_the_kernel_lacks_is_named(kernel: Path, wanted: str, missing: str) -> None:
    with pytest.raises(OutsideError, match=f"7.2-test has no module {missing}"):
        module_closure(kernel, [wanted])


def test_what_is_no_module_is_named(kernel: Path) -> None:
    (kernel / "kernel/text.ko").write_text("not a module")
    with pytest.raises(OutsideError, match=r"text\.ko is no 64-bit kernel module"):
        module_closure(kernel, ["text"])


def test_the_list_names_each_wrong_line(tmp_path: Path) -> None:
    file = tmp_path / "modules"
    file.write_text("# disks\nsd_mod\n\nnvme always # at once\nsd_mod\next4 sometimes\n")
    with pytest.raises(UserError) as caught:
        read_module_list(file)
    assert str(caught.value).splitlines() == [
        f"{file}:5: sd_mod is there twice (remove one line)",
        f"{file}:6: 'sometimes' after the module ext4 (a line is a name, or a name and `always`)",
    ]


def test_our_list_has_what_azure_needs() -> None:
    """QEMU shows none of these missing: Azure's own machines would not find their disk."""
    names, always = read_module_list(RECIPE / "modules")
    wanted = [
        "hv_vmbus",
        "hv_storvsc",
        "hv_netvsc",
        "sd_mod",
        "sr_mod",
        "isofs",
        "udf",
        "nvme",
        "vfat",
        "erofs",
    ]
    assert set(wanted) | {"dm_verity", "overlay", "virtio_blk"} <= {plain_name(name) for name in names}
    assert always == ("efivarfs",)
