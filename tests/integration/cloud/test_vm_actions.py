"""What Azure's own CLI does to a machine that is there, looked at from inside it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest
from createrepo_c import UpdateCollection, UpdateCollectionPackage, UpdateRecord

from azcli import CloudProcess
from azmachine import AzMachine, make_key
from rpmrepo import Spec, package, repository

pytestmark = [pytest.mark.boot, pytest.mark.long]
PART = ("-g", "g1", "--vm-name", "web")
LOT = [f"a-package-whose-name-is-rather-long-{number:03}" for number in range(120)]
SAFE, MENDED = LOT[7], LOT[8]
SOURCE = "[lot]\nname=lot\nbaseurl=file:///opt/lot/new\ngpgcheck=0\nrepo_gpgcheck=0\nenabled=1\n"
LISTEN = "systemd-run --unit=door python3 -m http.server --directory /opt 80"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzMachine]:
    folder = tmp_path_factory.mktemp("actions")
    with CloudProcess(folder / "state") as cloud:
        size = ("--size", "Standard_DS1_v2")
        yield AzMachine.create(cloud, "web", make_key(folder / "key"), *size)


def test_tags_and_views(web: AzMachine) -> None:
    web.az("update", "--set", "tags.deck=upper")
    assert web.az("show")["tags"] == {"deck": "upper"}
    web.az("wait", "--updated", "--timeout", "60")
    view = web.az("get-instance-view")["instanceView"]
    assert [one["displayStatus"] for one in view["statuses"]] == ["Provisioning succeeded", "VM running"]
    assert view["vmAgent"]["statuses"][0]["displayStatus"] == "Ready"
    (found,) = web.az("list-ip-addresses")
    network = found["virtualMachine"]["network"]
    assert network["publicIpAddresses"][0]["ipAddress"] == web.address
    assert network["privateIpAddresses"] == ["10.0.0.4"]
    assert "10.0.0.4" in web.ssh("ip -4 address show dev eth0")


def test_a_machine_that_is_not_spot_is_not_evicted(web: AzMachine) -> None:
    said = web.cloud.refused("vm", "simulate-eviction", "-g", "g1", "-n", "web")
    assert "OperationNotAllowed" in said
    assert web.power() == "VM running"


def test_another_user_gets_in_with_a_key_of_their_own(web: AzMachine, tmp_path: Path) -> None:
    key = make_key(tmp_path / "another")
    web.cloud.az(
        "vm", "user", "update", "-g", "g1", "-n", "web", "-u", "deck", "--ssh-key-value", f"{key}.pub"
    )
    assert web.ssh("sudo id -un", user="deck", key=key).strip() == "root"
    assert web.ssh("id -un", user="deck", key=key).strip() == "deck"


def test_a_custom_script_runs(web: AzMachine) -> None:
    words = ("-n", "CustomScript", "--publisher", "Microsoft.Azure.Extensions")
    settings = json.dumps({"commandToExecute": "id -un > /opt/by-script"})
    web.cloud.az("vm", "extension", "set", *PART, *words, "--settings", settings)
    assert web.ssh("cat /opt/by-script").strip() == "root"
    listed = web.cloud.az("vm", "extension", "list", *PART)
    assert ("CustomScript", "Succeeded") in [(one["name"], one["provisioningState"]) for one in listed]
    bad = json.dumps({"commandToExecute": "echo it broke >&2; exit 3"})
    said = web.cloud.refused("vm", "extension", "set", *PART, *words, "--settings", bad)
    assert "VMExtensionProvisioningError" in said
    assert "exit status=3" in said
    assert "it broke" in said


def test_run_commands_are_kept_with_what_they_said(web: AzMachine) -> None:
    named = (*PART, "--run-command-name", "probe")
    web.cloud.az("vm", "run-command", "create", *named, "--script", "echo here; echo there >&2; exit 4")
    (found,) = web.cloud.az("vm", "run-command", "list", *PART)
    assert found["name"] == "probe"
    shown = web.cloud.az("vm", "run-command", "show", *named, "--instance-view")["instanceView"]
    assert (shown["executionState"], shown["exitCode"]) == ("Failed", 4)
    assert (shown["output"].strip(), shown["error"].strip()) == ("here", "there")
    web.cloud.az("vm", "run-command", "delete", *named, "--yes")
    assert web.cloud.az("vm", "run-command", "list", *PART) == []


def test_a_port_is_shut_until_it_is_opened(web: AzMachine) -> None:
    web.ssh(f"sudo {LISTEN}")
    end = monotonic() + 60
    while ":80 " not in web.ssh("ss -Hltn"):
        assert monotonic() < end, "the guest's own server does not come up"
        sleep(1)
    assert not answers(web.address)
    web.az("open-port", "--port", "80")
    assert answers(web.address)


def test_updates_are_found_and_installed(web: AzMachine, tmp_path: Path) -> None:
    """More than one answer of an agent can name; of two kinds, and without an advisory."""
    for name in LOT:
        package(Spec(name, "1.0", arch="noarch"), tmp_path / "old")
        package(Spec(name, "2.0", arch="noarch"), tmp_path / "new" / "Packages")
    updates = [advisory(SAFE, "security"), advisory(MENDED, "bugfix")]
    repository(tmp_path / "new", updates=updates)
    (tmp_path / "lot.repo").write_text(SOURCE)
    web.put(tmp_path, "/opt/lot")
    web.ssh("sudo rpm -i --nosignature /opt/lot/old/*.rpm", 600)
    web.ssh("sudo cp /opt/lot/lot.repo /etc/yum.repos.d/")
    found = web.az("assess-patches")
    ours = {one["name"].rpartition(".")[0]: one for one in found["availablePatches"]}
    assert set(LOT) <= set(ours)
    assert ours[SAFE]["classifications"] == ["Security"]
    assert ours[SAFE]["version"] == "2.0-1"
    assert ours[MENDED]["classifications"] == ["Other"]
    assert found["criticalAndSecurityPatchCount"] == 1
    summary = web.az("get-instance-view")["instanceView"]["patchStatus"]["availablePatchSummary"]
    assert summary["otherPatchCount"] == found["otherPatchCount"] >= len(LOT) - 1
    limits = ("--maximum-duration", "PT1H", "--reboot-setting", "Never")
    done = web.az("install-patches", *limits, "--classifications-to-include-linux", "Security")
    assert (done["status"], done["installedPatchCount"]) == ("Succeeded", 1)
    assert [one["name"] for one in done["patches"]] == [f"{SAFE}.noarch"]
    versions = web.ssh(f"rpm -q --qf '%{{version}} ' {SAFE} {MENDED}").split()
    assert versions == ["2.0", "1.0"]


def test_another_size_has_other_processors(web: AzMachine) -> None:
    assert web.ssh("nproc").strip() == "1"
    web.az("deallocate")
    web.az("resize", "--size", "Standard_DS2_v2")
    assert web.power() == "VM deallocated"
    web.az("start")
    assert web.az("show")["hardwareProfile"]["vmSize"] == "Standard_DS2_v2"
    assert web.ssh("nproc").strip() == "2"


@pytest.mark.long
def test_a_redeployed_machine_has_booted_again(web: AzMachine) -> None:
    before = web.ssh("cat /proc/sys/kernel/random/boot_id")
    web.az("redeploy")
    assert web.ssh("cat /proc/sys/kernel/random/boot_id") != before


@pytest.mark.long
def test_a_reimaged_machine_is_the_same_with_a_new_system(web: AzMachine) -> None:
    web.ssh("sudo touch /opt/mark")
    kept = web.az("show")["vmId"]
    web.az("reimage")
    assert web.ssh("test -e /opt/mark && echo there || echo gone").strip() == "gone"
    assert web.ssh("hostname").strip() == "web"
    assert web.az("show")["vmId"] == kept
    assert web.az("show", "-d")["publicIps"] == web.address


def answers(address: str) -> bool:
    """True when something speaks HTTP at this address, port 80."""
    try:
        with closing(socket.create_connection((address, 80), timeout=5)) as there:
            there.settimeout(10)
            there.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return there.recv(8) == b"HTTP/1.0"
    except OSError:
        return False


def advisory(name: str, kind: str) -> UpdateRecord:
    """Give an advisory that says that version 2.0 of a package is of this kind."""
    told = UpdateRecord()
    told.id, told.type, told.severity, told.status = f"LOT-{kind}", kind, "Important", "final"
    told.fromstr, told.version, told.title = "nobody@lot.example", "1", f"{name}: an update"
    collection, fixed = UpdateCollection(), UpdateCollectionPackage()
    fixed.name, fixed.epoch, fixed.version, fixed.release = name, "0", "2.0", "1"
    fixed.arch, fixed.filename = "noarch", f"{name}-2.0-1.noarch.rpm"
    collection.append(fixed)
    told.append_collection(collection)
    return told
