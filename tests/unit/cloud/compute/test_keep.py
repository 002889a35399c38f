"""Deleting a record removes the image files that nothing needs any more, and no others."""

from __future__ import annotations

from pathlib import Path

from armcloud import ArmCloud
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.disks import Disks
from bluejacket.cloud.compute.keep import drop_images
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.machine.volumes import image_file
from bluejacket.tools import Sandbox

HEADER = b"QFI\xfb" + (3).to_bytes(4, "big") + bytes(24)  # an empty qcow2 without a backing file


def test_an_image_goes_when_no_record_names_it(tmp_path: Path) -> None:
    arm = ArmCloud(tmp_path)
    machines = CloudMachines(tmp_path / "cloud", Sandbox(tmp_path, tmp_path / "logs"))  # runs no program here
    arm.cloud.provide(machines)

    def keep(kind: str, name: str, **hidden: object) -> ResourceId:
        where = f"{arm.root}/resourceGroups/g1/providers/Microsoft.Compute/{kind}/{name}"
        return arm.cloud.resources.put(Resource(ResourceId.parse(where), hidden=hidden)).id

    for name in ("doomed", "based", "data"):
        machines.volumes.path(image_file(name)).write_bytes(HEADER)
    machines.volumes.path("disks/empty.qcow2").write_bytes(HEADER)
    doomed = keep("images", "doomed", file=image_file("doomed"))
    keep("disks", "empty", file="disks/empty.qcow2")
    keep("disks", "based", file="disks/unmade.qcow2", base=image_file("based"))
    keep("galleries/shelf/images/web/versions", "1.0.0", data={"0": [image_file("data"), 1]})
    drop_images(arm.cloud, without=doomed)
    left = sorted(one.name for one in (machines.volumes.root / "images").iterdir())
    assert left == ["based.qcow2", "data.qcow2"]
    assert machines.volumes.path("disks/empty.qcow2").exists()


def test_what_a_killed_cloud_was_making_goes_at_the_next_start(tmp_path: Path) -> None:
    arm = ArmCloud(tmp_path, [Disks()])
    machines = CloudMachines(tmp_path / "cloud", Sandbox(tmp_path, tmp_path / "logs"))  # runs no program here
    arm.cloud.provide(machines)
    root = machines.volumes.root
    for name in ("images/.part-a.qcow2", "images/a.qcow2", "disks/.part-b.qcow2", "disks/b.qcow2"):
        (root / name).write_bytes(HEADER)
    (root / ".download-c").mkdir()
    (root / ".download-c" / "disk.raw").write_bytes(b"\0")
    arm.cloud.resume()
    left = sorted(str(one.relative_to(root)) for one in root.rglob("*") if one.suffix in (".qcow2", ".raw"))
    assert left == ["disks/b.qcow2", "images/a.qcow2"]
    assert not (root / ".download-c").exists()
