"""A machine becomes an image, and the image becomes a machine that is somebody else: with Azure's own CLI.

Source: Microsoft Learn, "Tutorial: Create a custom image of an Azure VM with the Azure CLI", and "Remove
machine specific information by deprovisioning or generalizing a VM before creating an image".
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from azcli import CloudProcess

pytestmark = [pytest.mark.integration, pytest.mark.boot, pytest.mark.long]
URN = "AzureLinux:azure-linux-4:4-lts:latest"
DEFINITION = ("-g", "g1", "-r", "shelf", "-i", "web")
VERSION = (*DEFINITION, "-e", "1.0.0")
# What makes a machine somebody: the agent's deprovisioning takes away the same.
DEPROVISION = (
    "sudo cloud-init clean --logs --machine-id --seed && sudo rm -f /etc/ssh/ssh_host_*_key* && "
    "sudo userdel -f -r azureuser; sync"
)


class Origin:
    """The first machine, and ssh to it and to the second one with the same key."""

    def __init__(self, cloud: CloudProcess, key: Path) -> None:
        self.cloud, self.key = cloud, key

    def create(self, name: str, image: str, *words: str) -> Any:
        line = ["vm", "create", "-g", "g1", "-n", name, "--image", image, "--size", "Standard_B1ms"]
        return self.cloud.az(*line, "--ssh-key-values", f"{self.key}.pub", *words)

    def ssh(self, made: Any, user: str, command: str, limit_s: float = 300) -> str:
        options = (
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "BatchMode=yes",
        )
        words = [word for one in options for word in ("-o", one)]
        line = ["ssh", "-i", str(self.key), *words, f"{user}@{made['publicIpAddress']}", command]
        end = monotonic() + limit_s
        while True:
            done = subprocess.run(line, capture_output=True, text=True, timeout=limit_s, check=False)
            if "port 22" not in done.stderr or monotonic() > end:
                break
            sleep(1)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    folder = tmp_path_factory.mktemp("gallery")
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(key)], check=True)
    with CloudProcess(folder / "state") as cloud:
        cloud.az("group", "create", "-n", "g1", "-l", "eastus")
        yield Origin(cloud, key)


def test_a_machine_becomes_an_image_and_the_image_another_machine(origin: Origin) -> None:
    az = origin.cloud.az
    first = origin.create("first", URN, "--admin-username", "azureuser")
    origin.ssh(first, "azureuser", "echo kept | sudo tee /srv/cargo")
    number = origin.ssh(first, "azureuser", "cat /etc/machine-id")
    host_key = origin.ssh(first, "azureuser", "cat /etc/ssh/ssh_host_ed25519_key.pub")

    words = ("-g", "g1", "-n", "first")
    assert "since the VM is running" in origin.cloud.refused("vm", "generalize", *words)
    origin.ssh(first, "azureuser", DEPROVISION)
    az("vm", "deallocate", *words)
    az("vm", "generalize", *words)
    assert "generalized" in origin.cloud.refused("vm", "start", *words)
    view = az("vm", "get-instance-view", *words)["instanceView"]["statuses"]
    assert "OSState/generalized" in [one["code"] for one in view]

    az("sig", "create", "-g", "g1", "-r", "shelf")
    az(
        "sig",
        "image-definition",
        "create",
        *DEFINITION,
        "-p",
        "me",
        "-f",
        "web",
        "-s",
        "4",
        "--os-type",
        "Linux",
    )
    version = az("sig", "image-version", "create", *VERSION, "--virtual-machine", first["id"])
    assert version["storageProfile"]["source"]["virtualMachineId"].lower() == first["id"].lower()
    # An image stands on its own: the machine and its disk may go.
    before = az("vm", "show", *words)
    disk = before["storageProfile"]["osDisk"]["managedDisk"]["id"]
    az("vm", "delete", *words, "--yes")
    az("disk", "delete", "--ids", disk, "--yes")

    definition = az("sig", "image-definition", "show", *DEFINITION)["id"]
    second = origin.create("second", definition, "--admin-username", "captain")
    shown = az("vm", "show", "-g", "g1", "-n", "second")
    assert shown["storageProfile"]["imageReference"]["exactVersion"] == "1.0.0"
    assert shown["vmId"] != before["vmId"]
    assert origin.ssh(second, "captain", "cat /srv/cargo").strip() == "kept"
    assert origin.ssh(second, "captain", "hostname").strip() == "second"
    assert origin.ssh(second, "captain", "cat /etc/machine-id") != number
    assert origin.ssh(second, "captain", "cat /etc/ssh/ssh_host_ed25519_key.pub") != host_key
    assert origin.ssh(second, "captain", "id azureuser || true").strip() == ""
    told = origin.cloud.refused(
        "disk", "delete", "-g", "g1", "-n", shown["storageProfile"]["osDisk"]["name"], "--yes"
    )
    assert "is attached to VM second" in told
