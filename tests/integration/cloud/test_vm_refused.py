"""Machines that cannot be made: how Azure's own CLI ends, and which of Azure's codes it shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azcli import CloudProcess
from azmachine import URN

pytestmark = [pytest.mark.integration, pytest.mark.boot]
WHO = ("--admin-username", "azureuser", "--generate-ssh-keys")
CREATE = ("vm", "create", "-g", "g1", *WHO)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    state = tmp_path_factory.mktemp("refused") / "state"
    (state / "cloud").mkdir(parents=True, mode=0o700)
    (state / "cloud" / "limits.json").write_text(json.dumps({"provision_s": 6, "cores": 3}))
    with CloudProcess(state) as cloud:
        cloud.az("group", "create", "-n", "g1", "-l", "eastus")
        yield cloud


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Where the CLI makes its keys for ssh."""
    return {"HOME": str(tmp_path)}


@pytest.fixture(scope="module")
def nic(cloud: CloudProcess) -> str:
    """A network interface that machines may ask for."""
    cloud.az("network", "vnet", "create", "-g", "g1", "-n", "net", "--subnet-name", "one")
    words = ("-n", "card", "--vnet-name", "net", "--subnet", "one")
    return str(cloud.az("network", "nic", "create", "-g", "g1", *words)["NewNIC"]["id"])


def codes(said: str) -> list[str]:
    """Give the codes of an error as the client shows them, each once, those of the outer ones first."""
    return list(dict.fromkeys(re.findall(r'(?:"code": ?"|^Code: |^ERROR: \()(\w+)', said, re.MULTILINE)))


def asked_for(cloud: CloudProcess, nic: str, name: str, image: str) -> str:
    """Ask for a machine without looking for its image first, as a program may, and give what is said."""
    named = [one for one in nic.split("/") if one]
    url = f"/subscriptions/{named[1]}/resourceGroups/g1/providers/Microsoft.Compute/virtualMachines/{name}"
    properties: dict[str, Any] = {
        "storageProfile": {"imageReference": {"id": image}, "osDisk": {"createOption": "FromImage"}},
        "osProfile": {"computerName": name, "adminUsername": "azureuser", "adminPassword": "Ahoy-1234"},
        "networkProfile": {"networkInterfaces": [{"id": nic}]},
    }
    body = json.dumps({"location": "eastus", "properties": properties})
    base = cloud.status()["address"]
    words = ("--method", "put", "--url", f"{base}{url}?api-version=2024-07-01", "--body", body)
    return cloud.refused("rest", *words)


def test_an_unknown_size(cloud: CloudProcess, home: dict[str, str]) -> None:
    words = ("-n", "one", "--image", URN, "--size", "Standard_Enormous")
    said = cloud.refused(*CREATE, *words, env=home)
    assert codes(said) == ["DeploymentFailed", "InvalidParameter"]
    assert "The value Standard_Enormous provided for the VM size is not valid" in said
    assert cloud.az("vm", "list", "-g", "g1") == []


def test_an_image_that_nobody_has(cloud: CloudProcess, home: dict[str, str]) -> None:
    words = ("-n", "two", "--image", "AzureLinux:azure-linux-4:4-lts:9.9.9")
    said = cloud.refused(*CREATE, *words, env=home, status=2)
    assert "Code: PlatformImageNotFound" in said


def test_a_version_that_a_gallery_has_not(cloud: CloudProcess, home: dict[str, str], nic: str) -> None:
    cloud.az("sig", "create", "-g", "g1", "-r", "shelf")
    kind = ("-g", "g1", "-r", "shelf", "-i", "web", "-p", "me", "-f", "web", "-s", "4", "--os-type", "Linux")
    definition = cloud.az("sig", "image-definition", "create", *kind)["id"]
    missing = f"{definition}/versions/9.9.9"
    said = cloud.refused(*CREATE, "-n", "four", "--image", missing, env=home, status=2)
    assert codes(said) == ["ResourceNotFound"]
    for image in (missing, definition):  # there is not even a latest one
        said = asked_for(cloud, nic, "four", image)
        assert codes(said) == ["GalleryImageNotFound"]
        assert f"The gallery image {image} is not available in eastus region" in said
    assert cloud.az("vm", "list", "-g", "g1") == []


def test_a_managed_image_that_is_not_there(cloud: CloudProcess, home: dict[str, str], nic: str) -> None:
    missing = nic.replace("Microsoft.Network/networkInterfaces/card", "Microsoft.Compute/images/gone")
    said = cloud.refused(*CREATE, "-n", "five", "--image", missing, env=home, status=2)
    assert codes(said) == ["ResourceNotFound"]
    said = asked_for(cloud, nic, "five", missing)
    assert codes(said) == ["ImageNotFound"]
    assert cloud.az("vm", "list", "-g", "g1") == []


def test_more_processors_than_the_quota(cloud: CloudProcess, home: dict[str, str]) -> None:
    said = cloud.refused(*CREATE, "-n", "three", "--image", URN, "--size", "Standard_DS3_v2", env=home)
    assert codes(said) == ["DeploymentFailed", "OperationNotAllowed"]
    assert "exceeding approved Total Regional Cores quota" in said
    assert "Current Limit: 3, Current Usage: 0, Additional Required: 4" in said


def test_a_template_that_is_none(cloud: CloudProcess, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"contentVersion": "1.0.0.0", "resources": [{"type": "Microsoft.Compute/disks"}]}')
    said = cloud.refused("deployment", "group", "create", "-g", "g1", "--template-file", str(file))
    assert "InvalidTemplate" in said or "InvalidRequestContent" in said


def test_a_guest_that_never_reports(cloud: CloudProcess, home: dict[str, str]) -> None:
    """Its image is an empty disk; the name that it was given is then taken, in another place."""
    cloud.az("disk", "create", "-g", "g1", "-n", "empty", "--size-gb", "1", "--os-type", "Linux")
    image = ("--source", "empty", "--os-type", "Linux", "--hyper-v-generation", "V2")
    made = cloud.az("image", "create", "-g", "g1", "-n", "blank", *image)
    words = ("-n", "mute", "--image", made["id"], "--size", "Standard_DS1_v2")
    said = cloud.refused(*CREATE, *words, env=home)
    assert "OSProvisioningTimedOut" in said
    assert cloud.az("vm", "show", "-g", "g1", "-n", "mute")["provisioningState"] == "Failed"
    taken = cloud.refused(*CREATE, *words, "--location", "westus2", env=home)
    assert "already exists" in taken
    cloud.az("vm", "delete", "-g", "g1", "-n", "mute", "--yes")
    assert cloud.az("vm", "list", "-g", "g1") == []
