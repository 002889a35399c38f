"""Which image files are still needed: those of records, of the marketplace, and what these stand on."""

from __future__ import annotations

from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Cloud
from bluejacket.cloud.compute.machines import CloudMachines

_KEEPERS = (
    "Microsoft.Compute/disks",
    "Microsoft.Compute/images",
    "Microsoft.Compute/galleries/images/versions",
)


def drop_halves(cloud: Cloud) -> None:
    """Remove the files that a control plane was making when it was killed; before anything is made again."""
    machines = cloud.service(CloudMachines)
    with machines.files, machines.market.alone():  # somebody may be publishing an image
        for file in machines.volumes.sweep():
            cloud.report.line(f"{file} was never finished, and is removed")


def drop_images(cloud: Cloud, without: ResourceId) -> None:
    """Remove image files that nothing needs once the record `without` is gone."""
    machines = cloud.service(CloudMachines)
    with machines.files, machines.market.alone():
        kept = machines.market.files()
        for type_name in _KEEPERS:
            for one in cloud.resources.list(type_name=type_name):
                if one.id != without:
                    kept |= {str(one.hidden.get("file", "")), str(one.hidden.get("base", ""))}
                    kept |= {str(file) for file, _ in one.hidden.get("data", {}).values()}
        machines.volumes.collect(kept - {""})  # a disk that began empty stands on nothing
