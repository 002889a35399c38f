"""The image as a file: what is on its disk, what its papers say, and the same bytes from another build."""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from bluejacket.definition import Image, Release
from bluejacket.definition.image import ImageFormat
from bluejacket.definition.overlay import AddedFile, Link
from bluejacket.errors import UserError
from bluejacket.feed.built import Built
from bluejacket.foundation.lock import Lock
from bluejacket.image import BuiltImage, Workbench, build_image
from bluejacket.image.base import CONTENTS, DIFFERENCES, make_base
from bluejacket.image.build import SUMS
from bluejacket.image.choose import choose
from bluejacket.image.copied import apply, copy_sparse
from bluejacket.image.files import changes_of
from bluejacket.image.gpt import ESP, ROOT, only, read_partitions
from bluejacket.image.papers import MANIFEST, PROVENANCE, SBOM
from bluejacket.image.plan import Plan
from bluejacket.image.root import differences
from bluejacket.inquiry.images import materials_of
from bluejacket.store import Store
from bluejacket.store.blobs import sha256_of

pytestmark = pytest.mark.integration

# Not in QEMU, and without them a machine of Azure finds no disk, no provisioning DVD or no network.
AZURE = ("hv_storvsc", "hv_netvsc", "sd_mod", "sr_mod", "isofs", "udf", "vfat")
MIB = 1 << 20
SOURCE = "packages/bluejacket-release/bluejacket.preset"  # a file of the definitions, to be put in


@pytest.fixture(scope="session")
def plan(release: Release, feed: Built) -> Plan:
    image = release.images["vm"]
    return Plan(release, image, release.profile_of(image), choose(feed.folder, image), feed.epoch)


@pytest.fixture(scope="session")
def base(bench: Workbench, plan: Plan, feed: Built) -> Path:
    return make_base(bench, plan, feed.folder)[0]


@pytest.fixture(scope="session")
def contents(base: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((base / CONTENTS).read_text("utf-8"))
    return found


def debugfs(bench: Workbench, disk: Path, request: str) -> str:
    root = only(read_partitions(disk), ROOT)
    told = bench.box.output(
        ["debugfs", "-R", request, f"/run/disk/{disk.name}?offset={root.offset}"],
        name="debugfs",
        ro_binds={disk.parent: "/run/disk"},
    )
    return told.split("\n", 1)[1]  # after the program's name and version


# -- the disk ----------------------------------------------------------------------------------


def test_the_disk_has_an_esp_and_a_root_that_grows(image: BuiltImage, release: Release) -> None:
    partitions = read_partitions(image.disks["raw"])
    wanted = release.images["vm"]
    assert [p.type for p in partitions] == [ESP, ROOT]
    assert [p.size for p in partitions] == [wanted.esp_size_mib * MIB, wanted.root_size_mib * MIB]
    assert all(p.offset % MIB == 0 for p in partitions)
    assert partitions[1].attributes >> 59 & 1, "Discoverable Partitions Specification: grow file system"


def test_the_file_system_is_whole(bench: Workbench, image: BuiltImage) -> None:
    disk = image.disks["raw"]
    root = only(read_partitions(disk), ROOT)
    command = ["e2fsck", "-f", "-n", f"/run/disk/{disk.name}?offset={root.offset}"]
    bench.box.run(command, name="e2fsck", ro_binds={disk.parent: "/run/disk"})


def test_the_esp_has_the_loader_and_a_kernel_on_trial(bench: Workbench, image: BuiltImage) -> None:
    disk = image.disks["raw"]
    esp = only(read_partitions(disk), ESP)
    listed = bench.box.output(
        ["mdir", "-/", "-b", "-i", f"/run/disk/{disk.name}@@{esp.offset}", "::"],
        name="mdir",
        ro_binds={disk.parent: "/run/disk"},
    )
    names = {line.removeprefix("::") for line in listed.split()}
    assert {"/EFI/BOOT/BOOTX64.EFI", "/EFI/systemd/systemd-bootx64.efi", "/loader/loader.conf"} <= names
    kernels = [name for name in names if name.startswith("/EFI/Linux/")]
    assert len([name for name in kernels if name.endswith("+3.efi")]) == 1


def test_rpm_finds_only_what_the_image_expects(base: Path, plan: Plan) -> None:
    """Size, digest and time of the users' files alone (rpm(8), VERIFY OPTIONS), as packages add users."""
    found = set(differences((base / DIFFERENCES).read_text("utf-8")))
    assert ("S.5....T.", "/etc/passwd") in found, "a report that lacks it was never made"
    assert found == {("S.5....T.", one.path) for one in plan.image.expected}
    assert all(one.reason for one in plan.image.expected)


def test_nothing_is_there_that_a_machine_must_make_itself(
    bench: Workbench, image: BuiltImage, contents: dict[str, str]
) -> None:
    assert not [p for p in contents if "/ssh_host_" in p or p == "/var/lib/systemd/random-seed"]
    assert not [
        p for p, kind in contents.items() if p.startswith(("/var/log/", "/tmp/", "/run/")) and kind == "f"
    ]
    assert "Size: 0" in debugfs(bench, image.disks["raw"], "stat /etc/machine-id")


def test_nothing_is_there_that_no_machine_needs(contents: dict[str, str]) -> None:
    unwanted = (
        "/usr/bin/perl",
        "/usr/bin/dracut",
        "/usr/bin/gcc",
        "/usr/bin/dpkg",
        "/usr/share/man/man1/ls.1.gz",
    )
    assert not set(unwanted) & set(contents)
    assert not [p for p in contents if p.startswith("/usr/share/locale/de/LC_MESSAGES/libc")]


def test_every_file_has_a_label(bench: Workbench, image: BuiltImage) -> None:
    for path, label in {
        "/usr/lib/systemd/systemd": "init_exec_t",
        "/etc/shadow": "shadow_t",
        "/etc/machine-id": "etc_runtime_t",
        "/usr/sbin/sshd": "sshd_exec_t",
    }.items():
        told = debugfs(bench, image.disks["raw"], f"ea_get {path} security.selinux")
        assert f":{label}:" in told, told


# -- the initrd --------------------------------------------------------------------------------


def section(image: bytes, wanted: bytes) -> bytes:
    """Give one section of a PE file (Microsoft PE format, section table)."""
    (pe,) = struct.unpack_from("<I", image, 0x3C)
    count, optional = struct.unpack_from("<H12xH", image, pe + 6)
    for at in range(pe + 24 + optional, pe + 24 + optional + 40 * count, 40):
        name, size, _, _, offset = struct.unpack_from("<8sIIII", image, at)
        if name.rstrip(b"\0") == wanted:
            return image[offset : offset + size]
    raise AssertionError(f"no section {wanted!r}")


def test_the_kernel_carries_what_azure_needs_and_its_hardened_command_line(
    bench: Workbench, release: Release, image: BuiltImage, contents: dict[str, str]
) -> None:
    (path,) = [p for p in contents if p.startswith("/usr/lib/bluejacket/uki/") and p.endswith(".efi")]
    uki = Path(bench.store.root, "uki-under-test.efi")
    bench.box.run(
        [
            *("debugfs", "-R", f"dump {path} /run/out/{uki.name}"),
            f"/run/disk/disk.raw?offset={only(read_partitions(image.disks['raw']), ROOT).offset}",
        ],
        name="dump",
        ro_binds={image.folder: "/run/disk"},
        binds={uki.parent: "/run/out"},
    )
    data = uki.read_bytes()
    uki.unlink()
    initrd = zstandard.ZstdDecompressor().decompressobj().decompress(section(data, b".initrd"))
    for module in AZURE:
        assert f"/{module}.ko\0".encode() in initrd, module
    words = section(data, b".cmdline").rstrip(b"\0").decode().split()
    wanted = release.path("packages/bluejacket-uki/cmdline").read_text().splitlines()
    assert words == [word for line in wanted if not line.startswith("#") for word in line.split()]
    assert {"lsm=landlock,lockdown,yama,integrity,selinux,bpf", "init_on_alloc=1", "slab_nomerge"} <= set(
        words
    )


# -- the forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "known"), [("vhd", "vpc"), ("qcow2", "qcow2")])
def test_qemu_reads_each_form_as_the_same_disk(
    bench: Workbench, image: BuiltImage, form: str, known: str
) -> None:
    compare = [
        "qemu-img",
        "compare",
        "-f",
        "raw",
        "-F",
        known,
        "/run/disk/disk.raw",
        f"/run/disk/disk.{form}",
    ]
    told = bench.box.output(compare, name="compare", ro_binds={image.folder: "/run/disk"})
    assert "Images are identical" in told


def test_the_vhd_is_as_azure_wants_it(bench: Workbench, image: BuiltImage) -> None:
    info = ["qemu-img", "info", "--output=json", "-f", "vpc", "/run/disk/disk.vhd"]
    told = json.loads(bench.box.output(info, name="info", ro_binds={image.folder: "/run/disk"}))
    assert told["virtual-size"] % MIB == 0
    assert image.disks["vhd"].stat().st_size == told["virtual-size"] + 512
    assert image.disks["vhd"].stat().st_blocks * 512 < told["virtual-size"] // 2, "holes stay holes"


# -- the papers --------------------------------------------------------------------------------


def test_the_bill_of_materials_is_valid_and_complete(image: BuiltImage, plan: Plan) -> None:
    document = parse_file(str(image.folder / SBOM))
    assert validate_full_spdx_document(document) == []
    listed = {(p.name, p.version) for p in document.packages} - {("bluejacket-4-vm", "4")}
    assert listed == {(p.name, p.evr) for p in plan.packages}


def test_the_list_of_packages_is_what_rpm_installed(image: BuiltImage, plan: Plan) -> None:
    rows = json.loads((image.folder / MANIFEST).read_text("utf-8"))
    assert [row["name"] for row in rows] == [package.name for package in plan.packages]
    assert image.packages == len(rows)


def inputs_of(plan: Plan, lock: Lock, feed: Built) -> set[tuple[str, str]]:
    """Give kind and SHA-256 of all that an image is made from, worked out without its papers."""
    locks = plan.release.folder / "locks"
    by_kind = {
        "feed": [sha256_of(feed.folder / "repodata/repomd.xml")],
        "package": [sha256_of(package.rpm) for package in plan.packages],
        "upstream": [locked.package.sha256 for locked in lock.packages],
        "tool": [locked.package.sha256 for locked in lock.tools],
        "source": [locked.package.sha256 for locked in lock.materials],
        "index": [index.sha256 for index in lock.indexes],
        "lock": [sha256_of(locks / f"{plan.release.version}.json")],
        "file": [sha256_of(plan.release.folder / file.source) for file in plan.image.files if file.source],
    }
    return {(kind, digest) for kind, digests in by_kind.items() for digest in digests}


def test_the_provenance_names_every_input_by_hash_and_nothing_else(
    image: BuiltImage, plan: Plan, lock: Lock, feed: Built
) -> None:
    statement = json.loads((image.folder / PROVENANCE).read_text("utf-8"))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    for subject in statement["subject"]:
        assert subject["digest"]["sha256"] == sha256_of(image.folder / subject["name"])
    assert {(kind, digest) for kind, _, digest in materials_of(statement)} == inputs_of(plan, lock, feed)
    assert statement["predicate"]["buildDefinition"]["internalParameters"]["tolerated"] == list(
        lock.tolerated
    )


def test_gpgv_accepts_the_sums_and_refuses_changed_ones(
    bench: Workbench, image: BuiltImage, tmp_path: Path
) -> None:
    (tmp_path / "key.asc").write_text(bench.signer.certificate())
    check = (
        "cd /run/work && gpg --homedir /tmp --dearmor <key.asc >key && "
        "gpgv --keyring ./key /run/image/SHA256SUMS.asc "
    )
    binds = {tmp_path: "/run/work"}
    ro = {image.folder: "/run/image"}
    bench.box.run(["sh", "-c", check + "/run/image/SHA256SUMS"], name="gpgv", binds=binds, ro_binds=ro)
    (tmp_path / "changed").write_text((image.folder / "SHA256SUMS").read_text().replace("a", "b", 1))
    bench.box.run(["sh", "-c", check + "changed"], name="gpgv", binds=binds, ro_binds=ro, statuses=(1,))


# -- the same again, and with a change ---------------------------------------------------------


@pytest.fixture
def strange_place() -> Iterator[None]:
    """Another time zone and umask than the first build's."""
    old, zone = os.umask(0o077), os.environ.get("TZ")
    os.environ["TZ"] = "Pacific/Kiritimati"
    time.tzset()
    yield
    os.umask(old)
    os.environ.pop("TZ")
    if zone is not None:
        os.environ["TZ"] = zone
    time.tzset()


def only_raw(image: Image, **changes: object) -> Image:
    return image.model_copy(update={"formats": (ImageFormat.RAW,), **changes})


@pytest.mark.usefixtures("strange_place")
def test_another_build_elsewhere_gives_the_same_bytes(
    bench: Workbench, release: Release, lock: Lock, feed: Built, image: BuiltImage, tmp_path: Path
) -> None:
    elsewhere = replace(bench, store=Store(tmp_path / "store"))
    again = build_image(elsewhere, release, release.images["vm"], lock, feed)
    assert digests(again.folder) == digests(image.folder)


def digests(folder: Path) -> dict[str, str]:
    """Give mode and SHA-256 of every file of an image."""
    found = {file.name: f"{file.stat().st_mode:o} {sha256_of(file)}" for file in folder.iterdir()}
    assert {"disk.raw", "disk.qcow2", "disk.vhd", SBOM, MANIFEST, PROVENANCE, SUMS, f"{SUMS}.asc"} <= set(
        found
    )
    return found


def test_a_changed_file_is_written_into_the_disk_and_nothing_is_installed_again(
    bench: Workbench,
    release: Release,
    lock: Lock,
    feed: Built,
    base: Path,
    plan: Plan,
    record_property: pytest.RecordProperty,
) -> None:
    words = f"Changed at {time.time_ns()}\n"

    files = (
        AddedFile.model_validate({"path": "/etc/motd", "content": words}),
        AddedFile.model_validate(
            {"path": "/etc/new/deep/secret", "content": "s\n", "mode": "0640", "group": "shadow"}
        ),
        AddedFile.model_validate({"path": "/etc/issue", "content": "replaced\n"}),
        AddedFile.model_validate({"path": "/etc/new/preset", "source": SOURCE}),
    )
    links = (Link(path="/etc/new/link", target="deep/secret"),)
    started = time.monotonic()
    wanted = only_raw(release.images["vm"], files=files, links=links)
    changed = build_image(bench, release, wanted, lock, feed)
    record_property("seconds", round(time.monotonic() - started, 2))
    disk = changed.disks["raw"]
    assert debugfs(bench, disk, "cat /etc/motd") == words
    assert debugfs(bench, disk, "cat /etc/issue") == "replaced\n"
    told = debugfs(bench, disk, "stat /etc/new/deep/secret")
    assert "Mode:  0640" in told
    assert "User:     0   Group:    42" in told
    assert ":etc_t:" in debugfs(bench, disk, "ea_get /etc/new/deep security.selinux")
    assert 'Fast link dest: "deep/secret"' in debugfs(bench, disk, "stat /etc/new/link")
    assert debugfs(bench, disk, "cat /etc/new/preset") == release.path(SOURCE).read_text("utf-8")
    named = materials_of(json.loads((changed.folder / PROVENANCE).read_text("utf-8")))
    assert ("file", SOURCE, sha256_of(release.path(SOURCE))) in named
    assert {(kind, digest) for kind, _, digest in named} == inputs_of(replace(plan, image=wanted), lock, feed)
    test_the_file_system_is_whole(bench, changed)
    assert sha256_of(base / "disk.raw") != sha256_of(disk)


def test_the_changes_are_those_that_debugfs_makes_in_the_whole_disk(
    bench: Workbench, plan: Plan, base: Path, tmp_path: Path
) -> None:
    files = (
        AddedFile.model_validate({"path": "/etc/issue", "content": "replaced\n"}),
        AddedFile.model_validate({"path": "/etc/services", "content": "\0" * 20_000 + "end"}),
        AddedFile.model_validate({"path": "/srv/far/down/large", "content": "0123456789abcdef" * 50_000}),
    )
    links = (Link(path="/etc/hostname", target="/run/" + "long/" * 20 + "name"),)
    image = plan.image.model_copy(update={"files": files, "links": links})
    changes = changes_of(bench.box, replace(plan, image=image), base, tmp_path)
    one, other = tmp_path / "one.raw", tmp_path / "other.raw"
    for disk in (one, other):
        copy_sparse(base / "disk.raw", disk)
    apply(changes, one)
    root = only(read_partitions(other), ROOT)
    epoch = str(plan.epoch)
    bench.box.run(
        ["debugfs", "-w", "-f", "/run/work/debugfs.commands", f"/run/work/other.raw?offset={root.offset}"],
        name="whole",
        binds={tmp_path: "/run/work"},
        env={"SOURCE_DATE_EPOCH": epoch, "E2FSPROGS_FAKE_TIME": epoch},
    )
    assert sha256_of(one) == sha256_of(other)
    assert sum(len(change.data) for change in changes) > 800_000


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"path": "/etc", "content": ""}, "images/vm.toml: image.file /etc: is a folder in the image"),
        ({"path": "/var/run/x", "content": ""}, "/var/run is no folder in the image; name the real one"),
        ({"path": "/etc/x", "content": "", "owner": "nobdy"}, "nobdy is no user or group of the image"),
    ],
    ids=["folder", "below a link", "owner"],
)
def test_a_file_that_cannot_be_put_is_the_persons_mistake(
    bench: Workbench, release: Release, lock: Lock, feed: Built, entry: dict[str, str], told: str
) -> None:

    wrong = only_raw(release.images["vm"], files=(AddedFile.model_validate(entry),))
    with pytest.raises(UserError) as caught:
        build_image(bench, release, wrong, lock, feed)
    assert told in str(caught.value)
    assert not list(bench.store.root.glob("parts/step-image-vm-*"))


def test_a_package_that_the_feed_lacks_is_named(
    bench: Workbench, release: Release, lock: Lock, feed: Built
) -> None:
    wanted = only_raw(release.images["vm"], packages=(*release.images["vm"].packages, "opensh-server"))
    with pytest.raises(UserError, match=r"opensh-server.*did you mean openssh-server"):
        build_image(bench, release, wanted, lock, feed)
