"""A machine's deletion that is killed and begun again, and one that was asked for during a write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from armcloud import ArmCloud
from bluejacket.cloud.access.identities import Identities
from bluejacket.cloud.access.principals import Principals
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import DELETE, SYSTEM, Job
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute import vmend
from bluejacket.cloud.compute.disks import Disks
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.guest.agents import Agents
from bluejacket.cloud.guest.reports import Reports
from bluejacket.cloud.network.host import Networks
from bluejacket.cloud.network.nics import NetworkInterfaces
from bluejacket.cloud.network.publicips import PublicAddresses
from bluejacket.tools import Sandbox

VM_ID = "02aab8a4-74ef-476e-8182-f6d2ba4166a6"


class Killed(BaseException):
    """The control plane is no more."""


@pytest.fixture
def arm(tmp_path: Path) -> ArmCloud:
    found = ArmCloud(tmp_path, [Disks(), NetworkInterfaces(), PublicAddresses()])
    cloud, subscription, tenant = found.cloud, found.account.subscription, found.account.tenant
    principals = Principals(found.store, subscription, tenant)
    for service in (
        CloudMachines(tmp_path / "cloud", Sandbox(tmp_path, tmp_path / "logs")),  # no program runs here
        Networks(cloud, tmp_path),
        Reports(tmp_path / "machines"),
        Agents(tmp_path / "machines"),
        Identities(found.store, principals, subscription),
    ):
        cloud.provide(service)
    found.group()
    return found


def put(arm: ArmCloud, name: str, properties: dict[str, Any], **more: Any) -> ResourceId:
    place = ResourceId.parse(f"{arm.root}/resourceGroups/g1/providers/{name}")
    return arm.store.put(Resource(place, "eastus", properties=properties, **more)).id


def whole(arm: ArmCloud, state: str = "Deleting") -> Resource:
    """Give a machine with a card, an address and two disks; all but the system disk go with it."""
    address = put(arm, "Microsoft.Network/publicIPAddresses/door", {"ipAddress": "127.64.0.4"})
    public = {"id": address.text, "properties": {"deleteOption": "Delete"}}
    card = put(
        arm,
        "Microsoft.Network/networkInterfaces/card",
        {"ipConfigurations": [{"name": "first", "properties": {"publicIPAddress": public}}]},
    )
    place = card.sibling("Microsoft.Compute/virtualMachines", "ship")
    owned = {"top": {"managedBy": place.text}}
    keel = put(arm, "Microsoft.Compute/disks/keel", {}, hidden={"file": "disks/keel.qcow2"}, **owned)
    hold = put(arm, "Microsoft.Compute/disks/hold", {}, hidden={"file": "disks/hold.qcow2"}, **owned)
    properties = {
        "vmId": VM_ID,
        "provisioningState": state,
        "networkProfile": {
            "networkInterfaces": [{"id": card.text, "properties": {"deleteOption": "Delete"}}]
        },
        "storageProfile": {
            "osDisk": {"managedDisk": {"id": keel.text}, "deleteOption": "Detach"},
            "dataDisks": [{"managedDisk": {"id": hold.text}, "deleteOption": "Delete"}],
        },
    }
    put(arm, "Microsoft.Compute/virtualMachines/ship", properties)
    arm.store.change(card, lambda one: one.properties.update(virtualMachine={"id": place.text}))
    return arm.store.need(place)


def names(arm: ArmCloud) -> set[str]:
    return {one.id.name for one in arm.store.list() if one.id.provider}


@pytest.mark.parametrize("done", [0, 1, 2])
def test_what_goes_along_goes_although_the_deletion_was_killed(
    arm: ArmCloud, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    vm = whole(arm)
    job, delete, seen = Job("one", DELETE, vm.id, SYSTEM), arm.cloud.delete, list[str]()

    def dies(resource_id: ResourceId, caller: Any) -> None:
        if len(seen) == done:
            raise Killed
        seen.append(resource_id.name)
        delete(resource_id, caller)

    monkeypatch.setattr(arm.cloud, "delete", dies)
    with pytest.raises(Killed):
        vmend.remove(arm.cloud, job, vm)
    monkeypatch.setattr(arm.cloud, "delete", delete)
    vmend.remove(arm.cloud, job, arm.store.need(vm.id))
    assert names(arm) == {"ship", "keel"}


def test_another_deletion_takes_what_belongs_to_the_machine_then(
    arm: ArmCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = whole(arm)

    def refuse(resource_id: ResourceId, caller: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(arm.cloud, "delete", refuse)
        vmend.remove(arm.cloud, Job("one", DELETE, vm.id, SYSTEM), vm)

    def keep(one: Resource) -> None:
        one.properties["storageProfile"]["dataDisks"][0]["deleteOption"] = "Detach"

    vm = arm.store.change(vm.id, keep)
    vmend.remove(arm.cloud, Job("two", DELETE, vm.id, SYSTEM), vm)
    assert names(arm) == {"ship", "keel", "hold"}


def test_the_system_disk_is_free_also_when_a_write_ended_meanwhile(arm: ArmCloud) -> None:
    vm = whole(arm, state="Succeeded")
    vmend.remove(arm.cloud, Job("one", DELETE, vm.id, SYSTEM), vm)
    keel = arm.store.need(vm.id.sibling("Microsoft.Compute/disks", "keel"))
    assert "managedBy" not in keel.top
