"""Azure's own CLI makes a machine here that really boots, and does to it what people do."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from azcli import CloudProcess
from azmachine import AzMachine, Person
from bluejacket.cloud.compute.market import Market, Plan
from listeners import family, listening, name_of
from qcow2 import backing_file

pytestmark = [pytest.mark.integration, pytest.mark.boot]
PLAN = "Bluejacket:bluejacket-linux-4:4-lts"
INSIDE = ("-g", "myResourceGroup")
NAMED = (*INSIDE, "-n", "myVM")
GROUP = "group create -n myResourceGroup -l eastus"
CREATE = f"vm create --resource-group myResourceGroup --name myVM --image {PLAN}:latest --generate-ssh-keys"


@dataclass
class First:
    """What somebody has who made a machine with the first commands that they read of."""

    person: Person
    group: dict[str, Any]
    made: dict[str, Any]
    before: dict[str, tuple[bytes, int]]
    vm: AzMachine


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[First]:
    folder = tmp_path_factory.mktemp("vm")
    with CloudProcess(folder / "state") as cloud:
        person = Person.moved_in(folder / "home", cloud)
        before = person.azure()
        group, made = person.says('eval "$(bluejacket cloud env)"', f"az {GROUP}", f"az {CREATE}")
        key = person.home / ".ssh" / "id_rsa"
        vm = AzMachine(cloud, "myVM", made["publicIpAddress"], key, group="myResourceGroup")
        yield First(person, group, made, before, vm)


@pytest.fixture
def web(first: First) -> AzMachine:
    return first.vm


def test_the_usual_json_tells_of_a_machine_that_is_ready(first: First) -> None:
    """Source: Microsoft Learn, "Quickstart: Create a Linux virtual machine with the Azure CLI"."""
    assert first.group["properties"]["provisioningState"] == "Succeeded"
    wanted = {"fqdns", "id", "location", "macAddress", "powerState", "privateIpAddress", "publicIpAddress"}
    assert wanted | {"resourceGroup"} <= first.made.keys()
    assert first.made["id"].endswith(
        "/resourceGroups/myResourceGroup/providers/Microsoft.Compute/virtualMachines/myVM"
    )
    assert (first.made["location"], first.made["powerState"]) == ("eastus", "VM running")
    view = first.vm.az("get-instance-view")["instanceView"]
    assert [one["displayStatus"] for one in view["statuses"]] == ["Provisioning succeeded", "VM running"]
    assert first.vm.ssh("hostname; id -un").split() == ["myVM", "azureuser"]


def test_the_key_is_in_ones_home_and_ones_own_settings_are_not_touched(first: First) -> None:
    key = first.person.home / ".ssh" / "id_rsa"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    public = key.with_suffix(".pub").read_text().split()[:2]
    assert public in [line.split()[:2] for line in first.vm.ssh("cat .ssh/authorized_keys").splitlines()]
    assert first.person.azure() == first.before


def test_the_program_runs_the_same_commands_on_the_same_machine(first: First) -> None:
    """Nothing is made anew, neither the machine nor the key."""
    boot = first.vm.ssh("cat /proc/sys/kernel/random/boot_id")
    key = (first.person.home / ".ssh" / "id_rsa").read_bytes()
    group, made = first.person.says(f"bluejacket az -- {GROUP}", f"bluejacket az -- {CREATE}")
    assert (group["id"], made) == (first.group["id"], first.made)
    assert first.vm.ssh("cat /proc/sys/kernel/random/boot_id") == boot
    assert (first.person.home / ".ssh" / "id_rsa").read_bytes() == key
    assert first.person.azure() == first.before


def test_the_disk_stands_on_the_published_version(web: AzMachine) -> None:
    image = web.az("show")["storageProfile"]["imageReference"]
    names = [image[name] for name in ("publisher", "offer", "sku")]
    assert (":".join(names), image["version"]) == (PLAN, "latest")
    cloud = web.cloud.state / "cloud"
    published = Market(cloud / "market").find(Plan(*names), image["exactVersion"])
    assert published is not None
    (disk,) = (cloud / "disks").glob("*.qcow2")
    base = backing_file(disk)
    assert base is not None
    assert base.resolve() == (cloud / published.file).resolve()
    assert backing_file(base) is None


def test_the_host_is_listened_on_by_the_control_plane_alone_and_on_loopback(web: AzMachine) -> None:
    """Machines, name servers and what machines ask are in the networks' own namespaces."""
    daemon = int(web.cloud.status()["process"])
    ours = family(daemon, str(web.cloud.state))
    names = [name_of(one) for one in ours]
    assert any("qemu-system" in name for name in names)
    assert "dnsmasq" in names
    port = int(web.cloud.status()["address"].rpartition(":")[2])
    assert [each for one in ours for each in listening(one)] == [("tcp", "127.0.0.1", port)]


def test_cloud_init_is_well_and_selinux_enforces(web: AzMachine) -> None:
    told = web.ssh("cloud-init status --long --wait")
    assert "extended_status: done" in told
    assert "DataSourceAzure [seed=/dev/sr0]" in told
    assert web.ssh("getenforce").strip() == "Enforcing"


def test_a_command_runs_through_the_agent(web: AzMachine) -> None:
    script = "echo it is $1; id -un"
    words = ("--command-id", "RunShellScript", "--scripts", script, "--parameters", "arg1=here")
    message = web.cloud.az("vm", "run-command", "invoke", *NAMED, *words)["value"][0]["message"]
    assert "it is here" in message
    assert "root" in message


def test_a_data_disk_comes_and_goes_while_the_machine_runs(web: AzMachine) -> None:
    words = (*INSIDE, "--vm-name", "myVM", "-n", "cargo")
    web.cloud.az("vm", "disk", "attach", *words, "--new", "--size-gb", "2")
    assert web.ssh("udevadm settle; lsblk -dnbo SIZE /dev/sda").strip() == str(2 << 30)
    web.cloud.az("vm", "disk", "detach", *words)
    assert web.ssh("udevadm settle; test -e /dev/sda && echo there || echo gone").strip() == "gone"
    assert web.cloud.az("disk", "show", *INSIDE, "-n", "cargo")["diskState"] == "Unattached"


def test_a_snapshot_of_a_disk_in_use_is_the_disk_of_its_moment(web: AzMachine) -> None:
    web.ssh("echo before | sudo tee /var/lib/mark && sudo sync")
    system = web.az("show")["storageProfile"]["osDisk"]["name"]
    made = web.cloud.az("snapshot", "create", *INSIDE, "-n", "then", "--source", system)
    assert made["provisioningState"] == "Succeeded"
    web.ssh("echo after | sudo tee /var/lib/mark && sudo sync")
    web.cloud.az("disk", "create", *INSIDE, "-n", "copied", "--source", "then")
    words = (*INSIDE, "--vm-name", "myVM", "-n", "copied")
    web.cloud.az("vm", "disk", "attach", *words)
    seen = web.ssh(
        "udevadm settle; sudo mount -o ro /dev/sda2 /mnt && cat /mnt/var/lib/mark && sudo umount /mnt"
    )
    assert seen == "before\n"
    web.cloud.az("vm", "disk", "detach", *words)
    web.cloud.az("disk", "delete", *INSIDE, "-n", "copied", "--yes")
    web.cloud.az("snapshot", "delete", *INSIDE, "-n", "then")


def test_the_boot_log_is_what_the_machine_wrote(web: AzMachine) -> None:
    done = web.cloud.run("vm", "boot-diagnostics", "get-boot-log", *NAMED)
    assert "myVM login:" in done.stdout + done.stderr


def test_a_package_comes_from_the_feed(web: AzMachine) -> None:
    assert "not installed" in web.ssh("rpm -q dosfstools || true")
    web.ssh("sudo dnf5 -y install dosfstools", 600)
    assert web.ssh("rpm -q --qf '%{name}' dosfstools") == "dosfstools"
    assert "mkfs.fat" in web.ssh("sudo sh -c 'command -v mkfs.fat'")


def test_a_restart_is_another_boot_of_the_same_machine(web: AzMachine) -> None:
    before = web.ssh("cat /proc/sys/kernel/random/boot_id")
    web.cloud.az("vm", "restart", *NAMED)
    assert web.ssh("cat /proc/sys/kernel/random/boot_id") != before
    assert web.ssh("hostname").strip() == "myVM"


def test_power(web: AzMachine) -> None:
    web.cloud.az("vm", "stop", *NAMED)
    assert web.power() == "VM stopped"
    web.cloud.az("vm", "deallocate", *NAMED)
    assert web.power() == "VM deallocated"
    web.cloud.az("vm", "start", *NAMED)
    assert web.power() == "VM running"


def test_a_deleted_machine_leaves_its_disk(web: AzMachine) -> None:
    web.cloud.az("vm", "delete", *NAMED, "--yes")
    assert web.cloud.az("vm", "list", *INSIDE) == []
    (disk,) = [one for one in web.cloud.az("disk", "list", *INSIDE) if one.get("osType") == "Linux"]
    assert disk["diskState"] == "Unattached"
