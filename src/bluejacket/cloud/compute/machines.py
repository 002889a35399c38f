"""The machines of a cloud: what their records mean for QEMU.

A machine's folder is `machines/<vmId>` below the cloud's; its disks are those of its records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Cloud
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.downloads import Downloads
from bluejacket.cloud.compute.limits import Limits
from bluejacket.cloud.compute.market import Market
from bluejacket.cloud.compute.sizes import need_size
from bluejacket.cloud.guest.agents import Agents
from bluejacket.cloud.network.host import Networks
from bluejacket.errors import OutsideError
from bluejacket.machine import kvm
from bluejacket.machine.azure import SYSTEM, CloudHardware, Interface, Lun, lun_node
from bluejacket.machine.provision import Provision, make_disk
from bluejacket.machine.virtual import VirtualMachine
from bluejacket.machine.volumes import Volumes
from bluejacket.report import SILENT, Report
from bluejacket.store.files import remove_tree
from bluejacket.tools import Sandbox


class CloudMachines:
    """QEMU machines of VM records. `state` is the cloud's folder, `box` runs programs of the tools tree."""

    def __init__(
        self,
        state: Path,
        box: Sandbox,
        report: Report = SILENT,
        limits: Limits | None = None,
        accelerator: str | None = None,
    ) -> None:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = state / "machines"
        self._box = box
        self._report = report
        self._accelerator = accelerator
        self._kvm_verdict = state / "kvm.json"
        self.limits = limits or Limits.read(state / "limits.json")
        self.files = Condition()  # held while it is looked which files stand on which, and while one goes
        self._read: Counter[str] = Counter()  # how many copies are being made of a disk's file
        self.volumes = Volumes(state, box)
        self.market = Market(state / "market")
        self.downloads = Downloads(state / "downloads.key")

    def machine(self, vm_id: str) -> VirtualMachine:
        """Give the machine of a vmId, whether it was ever started or not."""
        return VirtualMachine(self._folder / vm_id.lower(), self.volumes, self._box, self._report)

    def running(self, vm: Resource) -> bool:
        """True while the machine's process lives."""
        return self.machine(str(vm.properties["vmId"])).running

    def cpu_seconds(self, vm_id: str) -> float:
        """Give the processor time that a machine has used since it was made, in seconds."""
        return self.machine(vm_id).cpu_seconds

    def provision(self, vm: Resource, told: Provision) -> None:
        """Write the machine's provisioning disk, for its next start."""
        folder = self.machine(str(vm.properties["vmId"])).folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_disk(self._box, folder, told)

    def start(self, cloud: Cloud, vm: Resource) -> None:
        """Start the machine with the network interfaces and disks of its record, unless it runs.

        Raises CloudError (AllocationFailed) when QEMU does not start.
        """
        machine = self.machine(str(vm.properties["vmId"]))
        taps = [cloud.service(Networks).attach(nic) for nic in nics_of(vm)]
        if machine.running or not taps:
            return
        size = need_size(str(vm.properties["hardwareProfile"]["vmSize"]), vm.location)
        security = vm.properties.get("securityProfile") or {}
        uefi = security.get("uefiSettings") or {}
        hardware = CloudHardware(
            name=vm.id.name,
            vm_id=str(vm.properties["vmId"]),
            accelerator=self._accelerator or kvm.verdict(self._kvm_verdict).accelerator,
            cpus=self.limits.cpus_of(size),
            memory_mib=self.limits.memory_of(size),
            disk=self.system_file(cloud, vm),
            interfaces=tuple(Interface(tap.device, tap.mac.replace("-", ":").lower()) for tap in taps),
            luns=tuple(self.luns(cloud, vm)),
            provision=machine.provisioning,
            secure_boot=bool(uefi.get("secureBootEnabled")),
            certificate=str(vm.hidden.get("certificate", "")),
            tpm=bool(uefi.get("vTpmEnabled")),
        )
        try:
            machine.start(hardware, taps[0].namespace)
        except OutsideError as error:
            self._report.warn(f"{vm.id.name}: {error}")
            raise CloudError(
                409, "AllocationFailed", f"Allocation failed. The machine could not be started: {error}"
            ) from error

    def stop(self, cloud: Cloud, vm: Resource, *, gently: bool) -> None:
        """Stop the machine; gently means that the guest is asked first."""
        machine = self.machine(str(vm.properties["vmId"]))
        if not (gently and machine.power_down(self.limits.power_down_s)):
            machine.end()
        cloud.service(Agents).gone(str(vm.properties["vmId"]))

    def remove(self, cloud: Cloud, vm: Resource) -> None:
        """End the machine at once and remove what it is made of, but for its disks."""
        self.machine(str(vm.properties["vmId"])).remove()
        for nic in nics_of(vm):
            cloud.service(Networks).detach(nic)

    def system_file(self, cloud: Cloud, vm: Resource) -> str:
        """Give the file of the machine's system disk; raises CloudError when its record is gone."""
        return file_of(
            cloud, ResourceId.parse(vm.properties["storageProfile"]["osDisk"]["managedDisk"]["id"])
        )

    def luns(self, cloud: Cloud, vm: Resource) -> list[Lun]:
        """Give the data disks of the machine's record."""
        return [
            Lun(int(disk["lun"]), file_of(cloud, ResourceId.parse(disk["managedDisk"]["id"])))
            for disk in vm.properties["storageProfile"].get("dataDisks") or []
        ]

    def plug(self, cloud: Cloud, vm: Resource) -> None:
        """Make the data disks of the running machine those of its record."""
        machine = self.machine(str(vm.properties["vmId"]))
        if not machine.running:
            return
        wanted = self.luns(cloud, vm)
        for number in machine.luns() - {lun.number for lun in wanted}:
            machine.detach(number)
        for lun in wanted:
            machine.attach(lun)

    def copy_disk(self, cloud: Cloud, vm: Resource | None, file: str, target: str) -> None:
        """Copy a disk, which the machine `vm` may be using now, into the new disk `target`.

        Source: QEMU, "Live Block Device Operations": the copy is the disk as it was when it began. Raises
        CloudError (ResourceNotFound) for a disk that has gone.
        """
        if self.volumes.path(target).exists():
            return
        with self._reading(file):
            self._copy(cloud, vm, file, target)

    def remove_disk(self, file: str) -> None:
        """Remove a disk's file, once nobody copies it any more.

        Until then the image that both stand on is needed by nothing but this file.
        """
        with self.files:
            self.files.wait_for(lambda: not self._read[file])
            self.volumes.remove(file)

    @contextmanager
    def _reading(self, file: str) -> Iterator[None]:
        with self.files:
            if not self.volumes.path(file).exists():
                raise CloudError(404, "ResourceNotFound", "The disk that is to be copied has been deleted.")
            self._read[file] += 1
        try:
            yield
        finally:
            with self.files:
                self._read[file] -= 1
                self.files.notify_all()

    def _copy(self, cloud: Cloud, vm: Resource | None, file: str, target: str) -> None:
        node = self._node(cloud, vm, file)
        if vm is None or node is None:
            self.volumes.copy(file, target)
            return
        with self.volumes.part(target) as made:
            part = f"{Path(target).parent}/{made.name}"
            self.volumes.like(part, file)
            self.machine(str(vm.properties["vmId"])).copy(node, part)
            made.replace(self.volumes.path(target))

    def grow(self, cloud: Cloud, vm: Resource | None, file: str, size: int) -> None:
        """Make a disk larger, also while a machine uses it."""
        node = self._node(cloud, vm, file)
        if vm is None or node is None:
            self.volumes.resize(file, size)
        elif self.volumes.size(file) < size:
            self.machine(str(vm.properties["vmId"])).resize(node, size)

    def keep_only(self, vm_ids: Sequence[str]) -> None:
        """Remove the machines that no record is left of."""
        known = {one.lower() for one in vm_ids}
        for folder in self._folders():
            if folder.name not in known:
                VirtualMachine(folder, self.volumes, self._box, self._report).remove()

    def close(self) -> None:
        """End all machines, as when the cloud is taken down."""
        for folder in self._folders():
            VirtualMachine(folder, self.volumes, self._box, self._report).end()

    def forget(self) -> None:
        """End all machines and remove them, with their disks."""
        self.close()
        remove_tree(self._folder)

    def _folders(self) -> list[Path]:
        if not self._folder.exists():
            return []
        return [folder for folder in self._folder.iterdir() if folder.is_dir()]

    def _node(self, cloud: Cloud, vm: Resource | None, file: str) -> str | None:
        """Give the name under which the running machine knows a disk; None when nothing uses it."""
        if vm is None or not self.running(vm):
            return None
        if self.system_file(cloud, vm) == file:
            return SYSTEM
        machine = self.machine(str(vm.properties["vmId"]))
        numbers = [lun.number for lun in self.luns(cloud, vm) if lun.file == file]
        return next((lun_node(number) for number in numbers if number in machine.luns()), None)


def nics_of(vm: Resource) -> list[ResourceId]:
    """Give the network interfaces of a machine, the primary one first."""
    listed = (vm.properties.get("networkProfile") or {}).get("networkInterfaces") or []
    ranked = sorted(
        listed, key=lambda one: not (one.get("properties") or {}).get("primary", len(listed) == 1)
    )
    return [ResourceId.parse(one["id"]) for one in ranked]


def file_of(cloud: Cloud, disk: ResourceId) -> str:
    """Give a disk's or a snapshot's file below the cloud's folder; raises CloudError when it has none."""
    found = cloud.resources.need(disk)
    if not found.hidden.get("file"):
        raise CloudError(409, "ResourceNotReady", f"The resource '{disk}' is not ready yet.")
    return str(found.hidden["file"])
