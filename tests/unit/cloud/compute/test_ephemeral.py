"""Ephemeral system disks: which there may be, and what is not done to their machines."""

from __future__ import annotations

from typing import Any

import pytest

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.ephemeral import (
    check_room,
    checked_settings,
    has_moved,
    keep_settings,
    refuse_deallocation,
)
from bluejacket.cloud.compute.sizes import need_size

LOCAL = {"diffDiskSettings": {"option": "Local"}}
VM = ResourceId.parse("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web")
ROOMY = "Standard_D2ds_v5"


def machine(system: dict[str, Any], **properties: Any) -> Resource:
    given = {"storageProfile": {"osDisk": system}, "hardwareProfile": {"vmSize": ROOMY}}
    return Resource(VM, properties=given | properties)


def checked(system: dict[str, Any], size: str = ROOMY, **properties: Any) -> dict[str, Any]:
    checked_settings(machine(system, **properties), system, need_size(size, "eastus"))
    return system


def test_what_follows_from_it() -> None:
    assert checked({"diffDiskSettings": {"option": "local"}}) == {
        "diffDiskSettings": {"option": "Local", "placement": "ResourceDisk"},
        "createOption": "FromImage",
        "caching": "ReadOnly",
        "deleteOption": "Delete",
    }


@pytest.mark.parametrize(
    ("system", "more", "code"),
    [
        ({"diffDiskSettings": {"option": "Remote"}}, {}, "InvalidParameter"),
        ({"diffDiskSettings": {"option": "Local", "placement": "Shed"}}, {}, "InvalidParameter"),
        (LOCAL | {"caching": "ReadWrite"}, {}, "InvalidParameter"),
        (LOCAL | {"createOption": "Attach"}, {}, "InvalidParameter"),
        (LOCAL | {"deleteOption": "Detach"}, {}, "InvalidParameter"),
        (dict(LOCAL), {"size": "Standard_D2s_v5"}, "NotSupported"),
        (dict(LOCAL), {"priority": "Spot"}, "InvalidParameter"),
    ],
)
def test_what_cannot_be(system: dict[str, Any], more: dict[str, str], code: str) -> None:
    with pytest.raises(CloudError) as told:
        checked(dict(system), **more)
    assert told.value.code == code


def test_it_has_to_fit_into_the_temporary_disk() -> None:
    size = need_size("Standard_DS1_v2", "eastus")
    fits = checked({**LOCAL, "diskSizeGB": 7}, "Standard_DS1_v2")
    check_room(fits, size)
    with pytest.raises(CloudError, match="greater than 7 GB is not allowed for VM size Standard_DS1_v2"):
        check_room(fits | {"diskSizeGB": 8}, size)
    check_room({"diskSizeGB": 8}, size)


def test_its_machine_is_not_deallocated() -> None:
    with pytest.raises(CloudError, match="Operation 'deallocate' is not supported"):
        refuse_deallocation(machine(checked(dict(LOCAL))))
    refuse_deallocation(machine({"createOption": "FromImage"}))


def test_another_size_is_another_host() -> None:
    vm = machine(checked(dict(LOCAL)))
    assert not has_moved(vm), "it was never started"
    vm.hidden["started_size"] = ROOMY
    assert not has_moved(vm)
    vm.hidden["started_size"] = "Standard_D4ds_v5"
    assert has_moved(vm)
    kept = machine({"createOption": "FromImage"})
    kept.hidden["started_size"] = "Standard_D4ds_v5"
    assert not has_moved(kept)


def test_it_stays_what_it_is() -> None:
    before = checked(dict(LOCAL))
    keep_settings(before, {})
    keep_settings(before, dict(LOCAL))
    keep_settings({}, {})
    with pytest.raises(CloudError, match="PropertyChangeNotAllowed"):
        keep_settings({}, dict(LOCAL))
