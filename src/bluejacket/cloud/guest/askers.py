"""Which machine asks: known by the network that its packet came from, and its address there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Resources
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.guest.seams import Owners


@dataclass(frozen=True, slots=True)
class Asker:
    """A machine's record and those of all its network interfaces, the primary one first."""

    vm: Resource
    nics: tuple[Resource, ...]

    @property
    def vm_id(self) -> str:
        """The machine's vmId, in lower case."""
        return str(self.vm.properties["vmId"]).lower()


class Askers:
    """Finds the machine behind a request."""

    def __init__(self, resources: Resources, owners: Owners) -> None:
        self._resources = resources
        self._owners = owners

    def find(self, namespace: str, address: str) -> Asker | None:
        """Give the machine, or None for an address that belongs to none."""
        nic_id = self._owners.owner(namespace, address)
        nic = self._resources.get(nic_id) if nic_id else None
        vm_id = str((nic.properties.get("virtualMachine") or {}).get("id", "")) if nic else ""
        vm = self.resource(vm_id)
        if vm is None or not vm.properties.get("vmId"):
            return None
        return Asker(vm, tuple(self._nics(vm)))

    def resource(self, text: str) -> Resource | None:
        """Give the record of an id as it stands in another record; None for none."""
        try:
            return self._resources.get(ResourceId.parse(text)) if text else None
        except CloudError:
            return None

    def _nics(self, vm: Resource) -> Iterator[Resource]:
        named = (vm.properties.get("networkProfile") or {}).get("networkInterfaces") or []
        named = sorted(named, key=lambda one: not (one.get("properties") or {}).get("primary"))
        for one in named:
            if (nic := self.resource(str(one.get("id", "")))) is not None:
                yield nic
