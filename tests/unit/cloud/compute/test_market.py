"""What is published stays, under all its names, and `latest` is the newest by number."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from armcloud import ArmCloud
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.compute.catalogue import aliases
from bluejacket.cloud.compute.documents import spelled, unchanged, whole
from bluejacket.cloud.compute.limits import Limits
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.compute.market import Market, Plan, Published
from bluejacket.cloud.compute.sizes import need_size
from bluejacket.machine.volumes import Volumes
from bluejacket.tools import Sandbox

PLANS = (Plan("Bluejacket", "bluejacket-linux-4", "4-lts"), Plan("AzureLinux", "azure-linux-4", "4-lts"))
DAY = datetime(2026, 9, 1, tzinfo=UTC)


def publish(folder: Path, content: bytes, digest: str) -> Published:
    disk = folder / f"{digest}.qcow2"
    disk.write_bytes(content)
    volumes = Volumes(folder / "cloud", Sandbox(folder, folder / "logs"))  # which starts no program here
    market = Market(folder / "cloud" / "market")
    return market.publish(volumes, disk, PLANS, digest=digest, image="vm", release="4", today=DAY)


def test_a_version_has_its_release_and_day_and_is_found_under_all_names(tmp_path: Path) -> None:
    assert publish(tmp_path, b"one", "1" * 64).version == "4.0.202609011"
    assert publish(tmp_path, b"two", "2" * 64).version == "4.0.202609012"
    market = Market(tmp_path / "cloud" / "market")
    for plan in (*PLANS, Plan("azurelinux", "AZURE-linux-4", "4-LTS")):
        found = market.find(plan, "latest")
        assert found is not None
        assert (tmp_path / "cloud" / found.file).read_bytes() == b"two"
    old = market.find(PLANS[0], "4.0.202609011")
    assert old is not None
    assert (tmp_path / "cloud" / old.file).read_bytes() == b"one"
    assert market.find(PLANS[0], "9.9.9") is None


def test_the_same_image_is_not_published_twice(tmp_path: Path) -> None:
    assert publish(tmp_path, b"one", "1" * 64) == publish(tmp_path, b"one", "1" * 64)
    assert len(Market(tmp_path / "cloud" / "market").versions(PLANS[0])) == 1


def test_the_tenth_version_of_a_day_is_newer_than_the_ninth(tmp_path: Path) -> None:
    last = [publish(tmp_path, b"x", f"{number:064x}").version for number in range(10)][-1]
    found = Market(tmp_path / "cloud" / "market").find(PLANS[0], "latest")
    assert found is not None
    assert found.version == last


def test_an_unknown_size_is_refused_as_azure_does() -> None:
    with pytest.raises(CloudError, match="Standard_X1 provided for the VM size is not valid") as told:
        need_size("Standard_X1", "eastus")
    assert (told.value.status, told.value.code) == (400, "InvalidParameter")
    assert need_size("standard_d2S_v5", "eastus").name == "Standard_D2s_v5"


def test_a_size_gives_no_more_than_there_is() -> None:
    limits = Limits(memory_mib=1536, cpus=2)
    large = need_size("Standard_D8s_v5", "eastus")
    small = need_size("Standard_B1s", "eastus")
    assert (limits.cpus_of(large), limits.memory_of(large)) == (2, 1536)
    assert (limits.cpus_of(small), limits.memory_of(small)) == (1, 1024)


def test_documents_are_read_however_they_are_spelled() -> None:
    assert spelled({"osDisk": {"diskSizeGb": 4, "createOption": "fromImage"}}) == {
        "osDisk": {"diskSizeGB": 4, "createOption": "FromImage"}
    }
    assert whole("64", "lun", 0, 64) == 64


@pytest.mark.parametrize("value", ["x", "65", -1, None])
def test_what_is_no_number_in_its_range(value: Any) -> None:
    with pytest.raises(CloudError, match="parameter 'lun'"):
        whole(value, "lun", 0, 64)


def test_what_is_made_stays_as_it_was_made() -> None:
    unchanged({"a": 1}, {"b": 2}, ("a", "b"))
    with pytest.raises(CloudError, match="is not allowed") as told:
        unchanged({"a": 1}, {"a": 2}, ("a",), "osProfile")
    assert told.value.code == "PropertyChangeNotAllowed"


def test_every_name_of_an_image_has_an_alias(tmp_path: Path) -> None:
    publish(tmp_path, b"one", "1" * 64)
    arm = ArmCloud(tmp_path)
    arm.cloud.provide(CloudMachines(tmp_path / "cloud", Sandbox(tmp_path, tmp_path / "logs")))
    found = aliases(arm.cloud)["outputs"]["aliases"]["value"]["Linux"]
    plans = {name: f"{one['publisher']}:{one['offer']}:{one['sku']}" for name, one in found.items()}
    assert plans == {"Bluejacket4": str(PLANS[0]), "AzureLinux4": str(PLANS[1])}
