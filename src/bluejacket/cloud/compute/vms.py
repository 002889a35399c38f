"""Microsoft.Compute/virtualMachines: records that really boot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.kind import (
    DELETE,
    GET,
    LIST,
    PATCH,
    PUT,
    SYSTEM,
    Call,
    Cloud,
    Grade,
    Job,
    Kind,
    Verb,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute import attaching, vmend, vmlife, vmrequest, vmview
from bluejacket.cloud.compute.ephemeral import has_moved, refuse_deallocation
from bluejacket.cloud.compute.limits import VMS, check_quota
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.compute.patches import assess, install
from bluejacket.cloud.compute.runcommand import checked_command, run_command
from bluejacket.cloud.compute.sizes import SIZES, as_vm_size, need_size

_SERIAL_S = 3600.0
_LONG = Verb(Grade.REAL, long=True)


class VirtualMachines(Kind):
    """A virtual machine."""

    type = VMS
    verbs: ClassVar = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL, long=True),
        PATCH: Verb(Grade.REAL, long=True, created=202),
        DELETE: _LONG,
        "start": _LONG,
        "poweroff": _LONG,
        "restart": _LONG,
        "deallocate": _LONG,
        "redeploy": _LONG,
        "reapply": _LONG,
        "reimage": _LONG,
        "generalize": Verb(Grade.REAL),
        "retrievebootdiagnosticsdata": Verb(Grade.REAL),
        "instanceview": Verb(Grade.REAL, method="GET"),
        "vmsizes": Verb(Grade.REAL, method="GET"),
        "simulateeviction": Verb(Grade.REAL, done=204),
        "assesspatches": _LONG,
        "installpatches": _LONG,
        "runcommand": _LONG,
        "attachdetachdatadisks": _LONG,
        "performmaintenance": Verb(Grade.REFUSED, note="no maintenance is ever planned"),
        "converttomanageddisks": Verb(Grade.REFUSED, note="all disks are managed disks"),
        "capture": Verb(Grade.REFUSED, note="all disks are managed disks; create an image"),
        "migratetovirtualmachinescaleset": Verb(Grade.REFUSED, note="machines stay what they are"),
    }
    versions = ("2026-04-01", "2025-04-01", "2024-11-01", "2024-07-01", "2023-09-01", "2022-11-01")

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record that a PUT asks for."""
        return vmrequest.checked(cloud, call, old)

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Do it to the machine."""
        return _WORKS[job.verb](cloud, job, resource)

    def act(self, cloud: Cloud, call: Call, resource: Resource, action: str) -> dict[str, Any]:
        """Check an action while the client waits."""
        if action in ("restart", "redeploy") and not cloud.service(CloudMachines).running(resource):
            what = (
                f"Operation '{action}' is not allowed on VM '{resource.id.name}' since the VM is not running."
            )
            if action == "restart" and resource.hidden.get("power") == vmlife.DEALLOCATED:
                raise CloudError(409, "OperationNotAllowed", what)
        if action == "deallocate":
            refuse_deallocation(resource)
        if action == "start" and resource.hidden.get("power") == vmlife.DEALLOCATED:
            size = need_size(str(resource.properties["hardwareProfile"]["vmSize"]), resource.location)
            limits = cloud.service(CloudMachines).limits
            check_quota(cloud.resources, limits, resource.id, resource.location, size)
        if action in ("runcommand", "assesspatches", "installpatches"):
            vmview.need_running(cloud, resource)
        if action == "attachdetachdatadisks":
            attaching.accept(cloud, call, resource)
        if action == "runcommand":
            checked_command(call.body)
        if action == "poweroff":
            skip = call.query.get("skipshutdown", "false").lower()
            if skip not in ("true", "false"):
                raise invalid(f"The value '{skip}' of parameter 'skipShutdown' is invalid.", "skipShutdown")
            return {"skip": skip == "true"}
        return dict(call.body)

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document, with what `$expand` asks for."""
        return vmview.document(cloud, resource, call)

    def listed(self, cloud: Cloud, found: Sequence[Resource], call: Call) -> Iterable[dict[str, Any]]:
        """Give the documents of a list, asking for all extensions at once."""
        parts: dict[str, list[Resource]] = {}
        for one in cloud.resources.list(type_name=vmview.EXTENSIONS, group=call.id.group):
            parts.setdefault(one.id.parent.key, []).append(one)
        return [vmview.document(cloud, one, call, parts.get(one.id.key, ())) for one in found]

    def settle(self, cloud: Cloud) -> None:
        """Forget machines without a record; those that run go on, with their taps as the records say."""
        machines = cloud.service(CloudMachines)
        known = cloud.resources.list(type_name=VMS)
        instances = cloud.resources.list(
            type_name="Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
        )
        machines.keep_only([str(vm.properties.get("vmId", "")) for vm in (*known, *instances)])


def _start(cloud: Cloud, _: Job, vm: Resource) -> None:
    if has_moved(vm):
        vmlife.reimage(cloud, vm)
    elif vm.hidden.get("provisioned") or vm.state == "Failed":
        vmlife.start(cloud, vm)
    else:
        vmlife.first_start(cloud, vm)


def _power_off(cloud: Cloud, job: Job, vm: Resource) -> None:
    if vm.hidden.get("power") != vmlife.DEALLOCATED:
        vmlife.stop(cloud, vm, vmlife.STOPPED, gently=not job.payload.get("skip"))


def _generalize(cloud: Cloud, _: Job, vm: Resource) -> None:
    if cloud.service(CloudMachines).running(vm):
        raise CloudError(
            409,
            "OperationNotAllowed",
            f"Operation 'generalize' is not allowed on VM '{vm.id.name}' since the VM is running. Please "
            "power off or deallocate the VM first.",
        )
    cloud.resources.change(vm.id, lambda one: one.hidden.update(generalized=True))


def _boot_log(cloud: Cloud, _: Job, vm: Resource) -> dict[str, Any]:
    downloads = cloud.service(CloudMachines).downloads
    return {"serialConsoleLogBlobUri": downloads.serial_log(cloud.base, vm.id, _SERIAL_S)}


def _evict(cloud: Cloud, _: Job, vm: Resource) -> None:
    if str(vm.properties.get("priority", "Regular")).lower() != "spot":
        what = f"The VM '{vm.id.name}' is not a Spot VM, and cannot be evicted."
        raise CloudError(409, "OperationNotAllowed", what)
    if str(vm.properties.get("evictionPolicy", "Deallocate")).lower() == "delete":
        cloud.delete(vm.id, SYSTEM)
    else:
        vmlife.stop(cloud, vm, vmlife.DEALLOCATED, gently=False)


def _size_list(_cloud: Cloud, _job: Job, _vm: Resource) -> dict[str, Any]:
    return {"value": [as_vm_size(size) for size in SIZES.values()]}


def _alone(work: Callable[[Cloud, Resource], Any]) -> Callable[[Cloud, Job, Resource], Any]:
    """Make work that needs no payload look like all other."""
    return lambda cloud, _, vm: work(cloud, vm)


_WORKS: Mapping[str, Callable[[Cloud, Job, Resource], Any]] = {
    PUT: _alone(vmlife.build),
    DELETE: vmend.remove,
    "start": _start,
    "poweroff": _power_off,
    "restart": _alone(vmlife.restart),
    "deallocate": _alone(partial(vmlife.stop, power=vmlife.DEALLOCATED, gently=True)),
    "redeploy": _alone(vmlife.move),
    "reapply": _alone(vmlife.build),
    "reimage": _alone(vmlife.reimage),
    "generalize": _generalize,
    "retrievebootdiagnosticsdata": _boot_log,
    "instanceview": _alone(vmview.instance_view),
    "vmsizes": _size_list,
    "simulateeviction": _evict,
    "assesspatches": assess,
    "installpatches": install,
    "runcommand": run_command,
    "attachdetachdatadisks": attaching.attach,
}
