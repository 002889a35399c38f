"""What else Azure's own CLI does to machines: their disks are empty, so that nothing boots in them.

Machines are made from attached disks and from a specialized image, neither of which anybody waits for.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from azcli import CloudProcess
from azmachine import make_key
from azshell import AzShell

pytestmark = [pytest.mark.integration, pytest.mark.boot]
IN, WEB = ("-g", "g1"), ("-g", "g1", "-n", "web")
PART = ("-g", "g1", "--vm-name", "web")
SMALL = ("--size", "Standard_B1ms", "--public-ip-sku", "Standard")
WHO = ("--admin-username", "azureuser")
PASSWORD = "Tide-and-time-4"
LIMITS = {"provision_s": 3, "power_down_s": 1, "memory_mib": 128}
SOON = ("--interval", "1", "--timeout", "60")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[AzShell]:
    state = tmp_path_factory.mktemp("cloud") / "state"
    (state / "cloud").mkdir(parents=True, mode=0o700)
    (state / "cloud" / "limits.json").write_text(json.dumps(LIMITS))
    with CloudProcess(state) as cloud, AzShell(cloud, "vm create", "sig create", "role assignment") as made:
        made.az("group", "create", "-n", "g1", "-l", "eastus")
        made.az("network", "vnet", "create", "-n", "sea", *IN, "--subnet-name", "deck")
        for name in ("hold", "fore", "aft"):
            made.az("disk", "create", *IN, "-n", name, "--size-gb", "1", "--os-type", "Linux")
        yield made


@pytest.fixture(scope="module")
def web(shell: AzShell) -> Any:
    """A machine with the disk `hold`, which runs."""
    return shell.az("vm", "create", *WEB, "--attach-os-disk", "hold", "--os-type", "Linux", *SMALL)


@pytest.fixture(scope="module")
def image(shell: AzShell, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The words for a specialized image of an empty disk: its machines are not asked whether they are ready.

    The client wants a key although such a machine takes none; without this one it looks into the home of
    whoever runs the tests.
    """
    shell.az("snapshot", "create", *IN, "-n", "moment", "--source", "fore")
    shell.az("sig", "create", *IN, "-r", "shelf")
    definition = ("-r", "shelf", "-i", "blank", *IN)
    words = ("-p", "me", "-f", "blank", "-s", "4", "--os-type", "Linux", "--os-state", "Specialized")
    made = shell.az("sig", "image-definition", "create", *definition, *words)
    shell.az("sig", "image-version", "create", *definition, "-e", "1.0.0", "--os-snapshot", "moment")
    key = make_key(tmp_path_factory.mktemp("key") / "key")
    return ("--image", str(made["id"]), "--specialized", "--ssh-key-values", f"{key}.pub")


def names(found: list[dict[str, Any]]) -> set[str]:
    return {one["name"] for one in found}


def system_file(shell: AzShell, name: str) -> Path:
    """Give the file of a machine's system disk: there is none other of its size."""
    disk = shell.az("vm", "show", *IN, "-n", name)["storageProfile"]["osDisk"]["managedDisk"]["id"]
    found = shell.az("disk", "show", "--ids", disk)
    files = list((shell.cloud.state / "cloud" / "disks").glob("[!.]*"))
    (file,) = [one for one in files if _virtual_size(one) == found["diskSizeBytes"]]
    return file


def _virtual_size(file: Path) -> int:
    return int.from_bytes(file.read_bytes()[24:32], "big")  # QEMU, "QCOW2 image format", header


def test_machines_are_listed_with_what_they_do(shell: AzShell, web: Any) -> None:
    assert web["powerState"] == "VM running"
    for words in (IN, ()):
        (found,) = shell.az("vm", "list", "-d", *words)
        assert (found["name"], found["powerState"]) == ("web", "VM running")
        assert (found["publicIps"], found["privateIps"]) == (web["publicIpAddress"], web["privateIpAddress"])
    assert names(shell.az("vm", "list")) == {"web"}


def test_identities_come_and_go(shell: AzShell, web: Any) -> None:
    scope = shell.az("group", "show", "-n", "g1")["id"]
    given = ("--scope", scope, "--role", "Reader")
    own = shell.az("vm", "identity", "assign", *WEB, *given)["systemAssignedIdentity"]
    roles = shell.az("role", "assignment", "list", "--assignee", own, "--scope", scope)
    assert [one["roleDefinitionName"] for one in roles] == ["Reader"]
    crew = shell.az("identity", "create", *IN, "-n", "crew")
    shell.az("vm", "identity", "assign", *WEB, "--identities", crew["id"])
    shown = shell.az("vm", "identity", "show", *WEB)
    assert shown["type"] == "SystemAssigned, UserAssigned"
    assert shown["principalId"] == own
    (user,) = shown["userAssignedIdentities"].values()
    assert user["principalId"] == crew["principalId"]
    shell.az("vm", "identity", "remove", *WEB, "--identities", crew["id"])
    assert shell.az("vm", "identity", "show", *WEB)["type"] == "SystemAssigned"
    shell.az("vm", "identity", "remove", *WEB)
    assert not shell.az("vm", "show", *WEB).get("identity")


def test_what_a_machine_is_asked_and_told(shell: AzShell, web: Any) -> None:
    shell.az("vm", "reapply", *WEB)
    sizes = names(shell.az("vm", "list-vm-resize-options", *WEB))
    assert {"Standard_B1ms", "Standard_DS2_v2"} <= sizes
    logs = shell.az("vm", "boot-diagnostics", "get-boot-log-uris", *WEB, "--expire", "60")
    trust = ssl.create_default_context(cafile=shell.cloud.env()["REQUESTS_CA_BUNDLE"])
    with urlopen(logs["serialConsoleLogBlobUri"], context=trust, timeout=60) as log:
        assert log.status == 200
    card = web["networkProfile"]["networkInterfaces"][0]["id"] if "networkProfile" in web else ""
    nic = ("-g", "g1", "-n", card.rpartition("/")[2] or "webVMNic")
    (group,) = shell.az("network", "nic", "list-effective-nsg", *nic)["value"]
    rules = {one["name"]: one for one in group["effectiveSecurityRules"]}
    assert rules["securityRules/default-allow-ssh"]["destinationPortRange"] == "22-22"
    assert "defaultSecurityRules/DenyAllInBound" in rules
    routes = shell.az("network", "nic", "show-effective-route-table", *nic)["value"]
    hops = {prefix: one["nextHopType"] for one in routes for prefix in one["addressPrefix"]}
    assert hops["10.0.0.0/16"] == "VnetLocal"
    assert hops["0.0.0.0/0"] == "None", "nothing leaves the host unless asked"


def test_what_is_declared_refused(shell: AzShell, web: Any) -> None:
    shell.refuses("vm", "capture", *WEB, "--vhd-name-prefix", "x")
    shell.refuses("vm", "convert", *WEB)
    shell.refuses("vm", "perform-maintenance", *WEB)
    place = web["id"].partition("/virtualMachines/")[0]
    version = f"{place}/galleries/rack/applications/tool/versions/1.0.0"
    said = shell.refuses("vm", "application", "set", *WEB, "--app-version-ids", version)
    assert "gallery applications are not served" in said
    assert not (shell.az("vm", "show", *WEB).get("applicationProfile") or {}).get("galleryApplications")


def test_several_disks_come_and_go_at_once(shell: AzShell, web: Any) -> None:
    ids = [shell.az("disk", "show", *IN, "-n", name)["id"] for name in ("fore", "aft")]
    shell.az("vm", "update", *WEB, "--set", "tags.deck=upper")
    told = shell.az("vm", "disk", "attach", *PART, "--disk-ids", *ids)
    assert [(one["name"], one["lun"]) for one in told["dataDisks"]] == [("fore", 0), ("aft", 1)]
    shown = shell.az("vm", "show", *WEB)
    assert [one["managedDisk"]["id"] for one in shown["storageProfile"]["dataDisks"]] == ids
    assert (shown["tags"], shown["provisioningState"]) == ({"deck": "upper"}, "Succeeded")
    assert shell.az("disk", "show", "--ids", ids[1])["diskState"] == "Attached"
    shell.az("vm", "disk", "detach", *PART, "--disk-ids", ids[0])
    (left,) = shell.az("vm", "show", *WEB)["storageProfile"]["dataDisks"]
    assert (left["name"], left["lun"]) == ("aft", 1)
    assert shell.az("disk", "show", "--ids", ids[0])["diskState"] == "Unattached"
    assert "is not attached" in shell.refused("vm", "disk", "detach", *PART, "--disk-ids", ids[0])
    shell.az("vm", "disk", "detach", *PART, "--disk-ids", ids[1])


def test_extensions_that_there_are_and_one_that_is_kept(shell: AzShell, web: Any) -> None:
    found, where = ("vm", "extension", "image"), ("-l", "eastus")
    publisher = ("-p", "Microsoft.Azure.Security.LinuxAttestation")
    assert names(shell.az(*found, "list-names", *where, *publisher)) == {"GuestAttestation"}
    named = (*where, *publisher, "-n", "GuestAttestation")
    (version,) = shell.az(*found, "list-versions", *named)
    shown = shell.az(*found, "show", *named, "--version", version["name"])
    assert shown["operatingSystem"] == "Linux"
    one = ("-n", "GuestAttestation", *PART)
    shell.az("vm", "extension", "set", "-n", "GuestAttestation", *PART, "--publisher", publisher[1])
    shell.az("vm", "extension", "wait", *one, "--created", *SOON)
    view = shell.az("vm", "extension", "show", *one, "--instance-view")["instanceView"]
    assert "does nothing for it" in view["statuses"][0]["message"]
    shell.az("vm", "extension", "delete", *one)
    shell.az("vm", "extension", "wait", *one, "--deleted", *SOON)
    assert shell.az("vm", "extension", "list", *PART) == []
    other = ("-n", "Other", *PART, "--publisher", "Nobody", "--version", "1.0")
    assert "ArtifactNotFound" in shell.refused("vm", "extension", "set", *other, status=3)


def test_a_machine_becomes_an_image(shell: AzShell, web: Any) -> None:
    shell.az("vm", "deallocate", *WEB)
    assert shell.az("vm", "get-instance-view", *WEB)["instanceView"]["statuses"][-1]["code"] == (
        "PowerState/deallocated"
    )
    run = ("vm", "run-command")
    said = shell.refused(*run, "create", *PART, "--run-command-name", "probe", "--script", "true")
    assert "VM is not running" in said
    shell.az(*run, "wait", *PART, "--run-command-name", "probe", "--deleted", *SOON)
    early = shell.refused("image", "create", *IN, "-n", "taken", "--source", "web")
    assert "is not generalized" in early
    shell.az("vm", "generalize", *WEB)
    made = shell.az("image", "create", *IN, "-n", "taken", "--source", "web")
    assert made["sourceVirtualMachine"]["id"].endswith("/virtualMachines/web")
    assert made["storageProfile"]["osDisk"]["diskSizeGB"] == 1
    shell.az("vm", "delete", *WEB, "--yes")
    assert shell.az("vm", "list") == []


def test_a_machine_at_a_spot_price_is_evicted(shell: AzShell) -> None:
    for name, disk, policy in (("first", "fore", "Deallocate"), ("second", "aft", "Delete")):
        spot = ("--priority", "Spot", "--max-price", "-1", "--eviction-policy", policy)
        words = ("--attach-os-disk", disk, "--os-type", "Linux", "--public-ip-address", "", *SMALL)
        shell.az("vm", "create", *IN, "-n", name, *words, *spot)
        shell.az("vm", "simulate-eviction", *IN, "-n", name)
    (left,) = shell.az("vm", "list", "-d", *IN)
    assert (left["name"], left["powerState"]) == ("first", "VM deallocated")
    assert left["billingProfile"]["maxPrice"] == -1
    assert shell.az("disk", "show", *IN, "-n", "aft")["diskState"] == "Unattached"
    shell.az("vm", "delete", *IN, "-n", "first", "--yes")


def test_two_at_once_with_what_they_are_asked_for(shell: AzShell, image: tuple[str, ...]) -> None:
    words = (*image, "--size", "Standard_B1ms", "--public-ip-sku", "Standard")
    asked = ("--os-disk-size-gb", "2", "--zone", "2", "--user-data", "high tide", "--count", "2")
    made = shell.az("vm", "create", *IN, "-n", "pair", *words, *asked)
    assert [one["powerState"] for one in made] == ["VM running"] * 2
    assert len({one["publicIps"] for one in made}) == 2
    shown = shell.az("vm", "show", *IN, "-n", "pair1", "--include-user-data")
    assert (shown["zones"], shown["userData"]) == (["2"], "aGlnaCB0aWRl")
    disk = shell.az("disk", "show", "--ids", shown["storageProfile"]["osDisk"]["managedDisk"]["id"])
    assert (disk["diskSizeGB"], disk["zones"]) == (2, ["2"])
    shell.az("vm", "delete", "--ids", *[one["id"] for one in made], "--yes")


def test_an_ephemeral_disk_and_an_identity_with_a_role(
    shell: AzShell, image: tuple[str, ...], tmp_path: Path
) -> None:
    named = (*IN, "-n", "raft")
    scope = shell.az("group", "show", "-n", "g1")["id"]
    words = (*image, "--public-ip-address", "", "--os-disk-size-gb", "3")
    fleeting = ("--ephemeral-os-disk", "--ephemeral-os-disk-placement", "ResourceDisk")
    said = shell.refused("vm", "create", *named, *words, *fleeting, "--size", "Standard_D2s_v5")
    assert "NotSupported" in said
    role = ("--assign-identity", "--scope", scope, "--role", "Reader")
    made = shell.az("vm", "create", *named, *words, *fleeting, *role, "--size", "Standard_B2s")
    own = made["identity"]["systemAssignedIdentity"]
    (given,) = shell.az("role", "assignment", "list", "--assignee", own, "--scope", scope)
    assert given["roleDefinitionName"] == "Reader"
    system = shell.az("vm", "show", *named)["storageProfile"]["osDisk"]
    assert system["diffDiskSettings"] == {"option": "Local", "placement": "ResourceDisk"}
    assert (system["caching"], system["deleteOption"]) == ("ReadOnly", "Delete")

    assert "Operation 'deallocate' is not supported" in shell.refused("vm", "deallocate", *named)
    copy = shell.refused("snapshot", "create", *IN, "-n", "wake", "--source", system["managedDisk"]["id"])
    assert "cannot be read or copied" in copy
    first, second = tmp_path / "first", tmp_path / "second"
    first.hardlink_to(system_file(shell, "raft"))
    shell.az("vm", "stop", *named, "--skip-shutdown")
    shell.az("vm", "start", *named)
    assert first.samefile(system_file(shell, "raft")), "it outlives a stop"
    shell.az("vm", "redeploy", *named)
    second.hardlink_to(system_file(shell, "raft"))
    assert not first.samefile(second), "it does not outlive another host"
    shell.az("vm", "resize", *named, "--size", "Standard_B2ms")
    assert not second.samefile(system_file(shell, "raft"))
    shell.az("vm", "delete", *named, "--yes")
    assert system["name"] not in names(shell.az("disk", "list", *IN))


def test_integrity_monitoring_is_accepted_and_only_kept(shell: AzShell, image: tuple[str, ...]) -> None:
    trusted = ("--security-type", "TrustedLaunch", "--enable-secure-boot", "true", "--enable-vtpm", "true")
    words = (*image, "--public-ip-address", "", *SMALL)
    shell.az("vm", "create", *IN, "-n", "keep", *words, *trusted, "--enable-integrity-monitoring")
    (found,) = shell.az("vm", "extension", "list", *IN, "--vm-name", "keep")
    assert (found["name"], found["provisioningState"]) == ("GuestAttestation", "Succeeded")
    shell.az("vm", "delete", *IN, "-n", "keep", "--yes")


def test_a_validation_makes_nothing(shell: AzShell, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    words = (*IN, "-n", "nobody", "--image", "AzureLinux4", *WHO, *SMALL)
    found = shell.az("vm", "create", *words, "--admin-password", PASSWORD, "--validate")
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert PASSWORD not in json.dumps(found)
    shell.az("vm", "create", *words, "--ssh-key-values", f"{key}.pub", "--validate")
    assert "nobody" not in names(shell.az("vm", "list"))


def test_an_alias_names_an_image(shell: AzShell, tmp_path: Path) -> None:
    named, key = (*IN, "-n", "alias"), make_key(tmp_path / "key")
    words = ("--image", "AzureLinux4", "--ssh-key-values", f"{key}.pub", *WHO, *SMALL, "--no-wait")
    shell.az("vm", "create", *named, *words)
    shell.az("vm", "wait", *named, "--exists", *SOON)
    image = shell.az("vm", "show", *named)["storageProfile"]["imageReference"]
    assert (image["publisher"], image["offer"], image["sku"]) == ("AzureLinux", "azure-linux-4", "4-lts")
    shell.az("vm", "delete", *named, "--yes")


def test_a_password_is_told_to_nobody(shell: AzShell) -> None:
    """Its image is an empty disk, so that the machine never reports that it is ready."""
    shell.az("disk", "create", *IN, "-n", "bare", "--size-gb", "1", "--os-type", "Linux")
    empty = ("--source", "bare", "--os-type", "Linux", "--hyper-v-generation", "V2")
    made = shell.az("image", "create", *IN, "-n", "bare", *empty)
    words = (*IN, "-n", "mute", "--image", made["id"], *WHO, *SMALL, "--admin-password", PASSWORD)
    assert "OSProvisioningTimedOut" in shell.refused("vm", "create", *words)
    shown = shell.az("vm", "show", *IN, "-n", "mute")
    assert shown["osProfile"]["linuxConfiguration"]["disablePasswordAuthentication"] is False
    said = [shown, shell.az("deployment", "group", "list", *IN), shell.cloud.log]
    assert PASSWORD not in json.dumps(said)
