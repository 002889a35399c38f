"""The end of a virtual machine: what it was made of goes, what it used is let go, what is to go with it goes.

It may be killed at any moment and begun again, while deletions that it had begun are under way by themselves.
"""

from __future__ import annotations

from bluejacket.cloud.access.identities import Identities
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import SYSTEM, Cloud, Job
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.machines import CloudMachines, nics_of
from bluejacket.cloud.compute.vmlife import change_if_there, disks_of, release_disks
from bluejacket.cloud.guest.agents import Agents
from bluejacket.cloud.guest.reports import Reports


def remove(cloud: Cloud, job: Job, vm: Resource) -> None:
    """End the machine and let go of all that it used; what is to go with it, goes."""
    going = _going_along(cloud, job, vm)
    vm_id = str(vm.properties["vmId"])
    cloud.service(CloudMachines).remove(cloud, vm)
    for nic in nics_of(vm):
        change_if_there(cloud, nic, lambda one: one.properties.pop("virtualMachine", None))
    release_disks(cloud, vm, ())
    cloud.service(Reports).forget(vm_id)
    cloud.service(Agents).forget(vm_id)
    cloud.service(Identities).release(vm.id, vm_id)
    for part in going:
        cloud.delete(part, SYSTEM)


def _going_along(cloud: Cloud, job: Job, vm: Resource) -> list[ResourceId]:
    """Give what this deletion takes with it: interfaces, their addresses, and disks, in that order.

    It is written down before anything goes: which address an interface had, nobody can tell once it is gone.
    """
    noted = vm.hidden.get("going") or {}
    if noted.get("operation") != job.name:
        found = [one.text for one in _belonging(cloud, vm)]
        noted = {"operation": job.name, "ids": found}
        cloud.resources.change(vm.id, lambda one: one.hidden.update(going=noted))
    return [ResourceId.parse(one) for one in noted["ids"]]


def _belonging(cloud: Cloud, vm: Resource) -> list[ResourceId]:
    going, addresses = [], []
    for one in vm.properties["networkProfile"]["networkInterfaces"]:
        nic = cloud.resources.get(ResourceId.parse(one["id"]))
        if nic is None or str(one["properties"].get("deleteOption", "")).lower() != "delete":
            continue
        going.append(nic.id)
        for configuration in nic.properties.get("ipConfigurations") or []:
            address = configuration["properties"].get("publicIPAddress") or {}
            if str((address.get("properties") or {}).get("deleteOption", "")).lower() == "delete":
                addresses.append(ResourceId.parse(address["id"]))
    storage = vm.properties["storageProfile"]
    doomed = [
        one.get("deleteOption") == "Delete" for one in [storage["osDisk"], *storage.get("dataDisks", [])]
    ]
    disks = [disk for disk, goes in zip(disks_of(vm), doomed, strict=True) if goes]
    return [*going, *addresses, *disks]
