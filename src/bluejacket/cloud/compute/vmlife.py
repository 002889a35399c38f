"""The life of a virtual machine: made, told who it is, changed, stopped and started, and gone.

Every function comes to the same end when it is called again from its start, as after a crash it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from time import monotonic
from typing import Any

from bluejacket.cloud.access.identities import Identities
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import SYSTEM, Cloud
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.disks import DISKS
from bluejacket.cloud.compute.ephemeral import is_ephemeral
from bluejacket.cloud.compute.machines import CloudMachines, nics_of
from bluejacket.cloud.compute.source import DEFINITIONS
from bluejacket.cloud.compute.vmprofile import provision_of
from bluejacket.cloud.compute.vmrequest import platform_image
from bluejacket.cloud.guest.agents import Agents
from bluejacket.cloud.guest.reports import Reports, Told
from bluejacket.cloud.network.host import Networks

STOPPED, DEALLOCATED = "stopped", "deallocated"
_LOOK_S = 1.0  # how often it is looked whether a machine that is being made still lives
_AGENT_S = 90.0


def build(cloud: Cloud, vm: Resource) -> None:
    """Do what a PUT means: make the machine and wait until it is ready, or make it what its record says."""
    vm = _identify(cloud, vm)
    _claim_nics(cloud, vm)
    _make_disks(cloud, vm)
    machines = cloud.service(CloudMachines)
    if vm.hidden.get("provisioned"):
        machines.plug(cloud, vm)
        release_disks(cloud, vm, disks_of(vm))
        _resize(cloud, vm)
        return
    release_disks(cloud, vm, disks_of(vm))
    first_start(cloud, vm)


def first_start(cloud: Cloud, vm: Resource) -> None:
    """Start a system that nobody has told yet who it is, and wait until it says that it is ready."""
    machines, reports = cloud.service(CloudMachines), cloud.service(Reports)
    vm_id = str(vm.properties["vmId"])
    told = provision_of(vm)
    if not machines.running(vm):
        if told is not None:
            machines.provision(vm, told)
            reports.expect(vm_id)
        start(cloud, vm)
    else:
        remember_start(cloud, vm)
    profile = vm.properties.get("osProfile") or {}
    if told is not None and profile.get("requireGuestProvisionSignal", True):
        _judge(vm, _await_report(cloud, vm, machines.limits.provision_s))
        if (profile.get("linuxConfiguration") or {}).get("provisionVMAgent", True):
            _await_agent(cloud, vm)
    cloud.resources.change(vm.id, lambda one: one.hidden.update(provisioned=True))
    machines.machine(vm_id).forget(provision_only=True)


def start(cloud: Cloud, vm: Resource) -> None:
    """Start the machine; raises CloudError for one that is generalized."""
    if vm.hidden.get("generalized"):
        what = f"Operation 'start' is not allowed on VM '{vm.id.name}' since the VM is generalized."
        raise CloudError(409, "OperationNotAllowed", what)
    cloud.service(CloudMachines).start(cloud, vm)
    remember_start(cloud, vm)


def remember_start(cloud: Cloud, vm: Resource) -> None:
    """Write down that the machine shall run, and as which size it was started."""
    size = vm.properties["hardwareProfile"]["vmSize"]

    def started(one: Resource) -> None:
        one.hidden.pop("power", None)
        one.hidden["started_size"] = size

    cloud.resources.change(vm.id, started)


def stop(cloud: Cloud, vm: Resource, power: str, *, gently: bool) -> None:
    """Stop the machine, and write down how it now counts."""
    cloud.service(CloudMachines).stop(cloud, vm, gently=gently)
    cloud.resources.change(vm.id, lambda one: one.hidden.update(power=power))
    if power == DEALLOCATED:
        for nic in nics_of(vm):
            cloud.service(Networks).detach(nic)


def restart(cloud: Cloud, vm: Resource) -> None:
    """Stop the machine as its button does, and start it."""
    cloud.service(CloudMachines).stop(cloud, vm, gently=True)
    start(cloud, vm)


def move(cloud: Cloud, vm: Resource) -> None:
    """Do what another host or another size means: a restart, and the loss of an ephemeral system disk."""
    if is_ephemeral(vm):
        reimage(cloud, vm)
    else:
        restart(cloud, vm)


def reimage(cloud: Cloud, vm: Resource) -> None:
    """Give the machine a new system disk from its image, and tell it again who it is."""
    system = ResourceId.parse(vm.properties["storageProfile"]["osDisk"]["managedDisk"]["id"])
    disk = cloud.resources.need(system)
    if "base" not in disk.hidden:
        what = f"The VM '{vm.id.name}' was not created from an image, and cannot be reimaged."
        raise CloudError(409, "OperationNotAllowed", what)
    machines = cloud.service(CloudMachines)
    machines.stop(cloud, vm, gently=False)
    machines.machine(str(vm.properties["vmId"])).forget()
    machines.remove_disk(str(disk.hidden["file"]))
    machines.volumes.overlay(
        str(disk.hidden["file"]), str(disk.hidden["base"]), int(disk.properties["diskSizeBytes"])
    )
    cloud.resources.change(vm.id, lambda one: one.hidden.pop("provisioned", None))
    first_start(cloud, vm)


def release_disks(cloud: Cloud, vm: Resource, kept: Iterable[ResourceId]) -> None:
    """Let go of all disks that count as this machine's, but for those that are `kept`."""
    still = set(kept)
    for disk in cloud.resources.list(type_name=DISKS):
        user = disk.top.get("managedBy")
        if user and ResourceId.parse(user) == vm.id and disk.id not in still:
            change_if_there(cloud, disk.id, lambda one: one.top.pop("managedBy", None))


def disks_of(vm: Resource) -> list[ResourceId]:
    """Give the disks of a machine's record, the system disk first."""
    storage = vm.properties["storageProfile"]
    listed = [storage["osDisk"], *(storage.get("dataDisks") or [])]
    return [ResourceId.parse(one["managedDisk"]["id"]) for one in listed]


def change_if_there(cloud: Cloud, resource_id: ResourceId, edit: Callable[[Resource], None]) -> None:
    """Edit a record that somebody else may be deleting at this moment."""
    try:
        cloud.resources.change(resource_id, edit)
    except CloudError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise


def _identify(cloud: Cloud, vm: Resource) -> Resource:
    wanted = vm.top.get("identity")
    shown = cloud.service(Identities).assign(vm.id, str(vm.properties["vmId"]), wanted)

    def edit(one: Resource) -> None:
        if shown is None:
            one.top.pop("identity", None)
        else:
            one.top["identity"] = shown

    return cloud.resources.change(vm.id, edit)


def _claim_nics(cloud: Cloud, vm: Resource) -> None:
    mine = nics_of(vm)
    for at, nic in enumerate(mine):

        def claim(one: Resource, primary: bool = at == 0) -> None:
            one.properties["virtualMachine"] = {"id": vm.id.text}
            one.properties["primary"] = primary

        cloud.resources.change(nic, claim)


def _make_disks(cloud: Cloud, vm: Resource) -> None:
    """Make the disks that are not there yet, and mark all of them as this machine's."""
    storage = vm.properties["storageProfile"]
    image = dict(storage.get("imageReference") or {})
    system = storage["osDisk"]
    if image and system["createOption"] == "FromImage":
        if "exactVersion" in image and not image.get("id"):
            plan = f"{image['publisher']}:{image['offer']}:{image['sku']}"
            image = {"id": platform_image(vm.location, plan, image["exactVersion"])}
        elif "exactVersion" in image and ResourceId.parse(image["id"]).type.lower() == DEFINITIONS.lower():
            image = {"id": f"{image['id']}/versions/{image['exactVersion']}"}  # what is latest now
        _make_disk(cloud, vm, system, {"createOption": "FromImage", "imageReference": {"id": image["id"]}})
    for disk in storage.get("dataDisks") or []:
        if disk["createOption"] == "Empty":
            _make_disk(cloud, vm, disk, {"createOption": "Empty"})
        elif disk["createOption"] == "FromImage":
            reference = {"id": image.get("id"), "lun": disk["lun"]}
            _make_disk(cloud, vm, disk, {"createOption": "FromImage", "imageReference": reference})
    for disk_id in disks_of(vm):
        cloud.resources.change(disk_id, lambda one: one.top.update(managedBy=vm.id.text))


def _make_disk(cloud: Cloud, vm: Resource, disk: dict[str, Any], data: dict[str, Any]) -> None:
    disk_id = ResourceId.parse(disk["managedDisk"]["id"])
    known = cloud.resources.get(disk_id)
    if known is not None and known.state == "Succeeded":
        return
    body: dict[str, Any] = {
        "location": vm.location,
        "tags": dict(vm.tags),
        "sku": {"name": disk["managedDisk"].get("storageAccountType") or "Standard_LRS"},
        "properties": {"creationData": data},
    }
    if disk.get("diskSizeGB"):
        body["properties"]["diskSizeGB"] = disk["diskSizeGB"]
    if vm.top.get("zones"):
        body["zones"] = vm.top["zones"]
    made = cloud.put(disk_id, body, SYSTEM)
    disk.setdefault("diskSizeGB", made.properties["diskSizeGB"])


def _resize(cloud: Cloud, vm: Resource) -> None:
    """Restart a running machine whose size has changed, as Azure does: on another host."""
    size = vm.properties["hardwareProfile"]["vmSize"]
    if cloud.service(CloudMachines).running(vm) and vm.hidden.get("started_size") not in (None, size):
        move(cloud, vm)


def _await_report(cloud: Cloud, vm: Resource, limit_s: float) -> Told:
    """Wait for the guest's report, as long as there is a guest and somebody who wants it."""
    reports, machines = cloud.service(Reports), cloud.service(CloudMachines)
    vm_id, end = str(vm.properties["vmId"]), monotonic() + limit_s
    while monotonic() < end:
        try:
            return reports.wait(vm_id, _LOOK_S)
        except TimeoutError:
            known = cloud.resources.get(vm.id)
            if known is None or known.state == "Deleting":
                what = "The operation was preempted by a deletion of the machine."
                raise CloudError(409, "OperationPreempted", what) from None
            if not machines.running(vm):
                what = "The machine went down before it was provisioned; see its boot log."
                raise CloudError(409, "OSProvisioningInternalError", what) from None
    raise CloudError(
        409,
        "OSProvisioningTimedOut",
        f"OS Provisioning for VM '{vm.id.name}' did not finish in the allotted time. The VM may still finish "
        "provisioning successfully. Please check provisioning state later. For details on how to check "
        "current provisioning state of Windows VMs, refer to https://aka.ms/WindowsVMLifecycle and Linux "
        "VMs, refer to https://aka.ms/LinuxVMLifecycle.",
    )


def _await_agent(cloud: Cloud, vm: Resource) -> None:
    """Give the guest's agent a moment: it comes after sshd, and people log in as soon as they are told.

    cloud-init reports Ready before either runs. A guest without an agent is as good as one with it.
    """
    agents, machines = cloud.service(Agents), cloud.service(CloudMachines)
    vm_id, end = str(vm.properties["vmId"]), monotonic() + _AGENT_S
    while not agents.wait_for(vm_id, _LOOK_S) and monotonic() < end:
        known = cloud.resources.get(vm.id)
        if known is None or known.state == "Deleting" or not machines.running(vm):
            return


def _judge(vm: Resource, told: Told) -> None:
    if not told.ready:
        what = f"OS Provisioning failed for VM '{vm.id.name}' due to an internal error: {told.description}"
        raise CloudError(409, "OSProvisioningClientError", what)
