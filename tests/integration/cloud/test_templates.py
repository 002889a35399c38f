"""Templates of the shapes that people take from a gallery, deployed by Azure's own CLI to the whole cloud.

They are this repository's own. Source of the shapes: Azure Resource Manager, "ARM template quickstarts".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azcli import CloudProcess
from azmachine import AzMachine, make_key
from azshell import AzShell
from webserver import serve

pytestmark = [pytest.mark.integration, pytest.mark.boot]
TEMPLATES = Path(__file__).parents[2] / "templates"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
PASSWORD = "Tide-and-time-4"


class Deployer(AzShell):
    """Azure's CLI with the templates at hand."""

    def group(self, name: str) -> str:
        self.az("group", "create", "-n", name, "-l", "eastus")
        return name

    def deploy(self, name: str, group: str, verb: str = "create", **parameters: Any) -> Any:
        """Deploy the template `name` to a group; gives its outputs, or all that `verb` gives."""
        plain = ("--no-pretty-print",) if verb == "what-if" else ()
        done = self.az("deployment", "group", verb, "-g", group, *self.words(name, parameters), *plain)
        if verb != "create":
            return done
        return {key: one["value"] for key, one in done["properties"]["outputs"].items()}

    def words(self, name: str, parameters: dict[str, Any]) -> list[str]:
        file = TEMPLATES / f"{name}.json"
        given = json.dumps({key: {"value": value} for key, value in parameters.items()})
        return ["--template-file", str(file), "--parameters", given]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployer]:
    state = tmp_path_factory.mktemp("cloud") / "state"
    with CloudProcess(state) as cloud, Deployer(cloud, "deployment group", "vm", "network") as made:
        yield made


def test_a_machine_by_its_key_with_disks_a_script_and_an_image(shell: Deployer, tmp_path: Path) -> None:
    """What would be made; it is the same engine that makes it, and its machines take minutes to boot."""
    group = shell.group("keyed")
    given: dict[str, Any] = {"adminPasswordOrKey": Path(f"{make_key(tmp_path / 'key')}.pub").read_text()}
    shell.deploy("linux-vm", group, "validate", **given)
    plain = _changed(shell.deploy("linux-vm", group, "what-if", **given))
    assert len(plain) == 5
    assert plain["pilot"]["storageProfile"]["imageReference"]["publisher"] == "Bluejacket"

    shell.az("disk", "create", "-g", group, "-n", "hull", "--size-gb", "1", "--os-type", "Linux")
    image = shell.az("image", "create", "-g", group, "-n", "golden", "--source", "hull", "--os-type", "Linux")
    given |= {"imageId": image["id"], "script": "touch /run/was-here", "dataDisks": 3}
    made = _changed(shell.deploy("linux-vm", group, "what-if", **given))
    assert set(made) == {*plain, "setUp"}
    profile = made["pilot"]["storageProfile"]
    assert profile["imageReference"]["id"] == image["id"]
    assert [(one["lun"], one["diskSizeGB"]) for one in profile["dataDisks"]] == [(0, 1), (1, 2), (2, 3)]
    assert made["pilot"]["osProfile"]["linuxConfiguration"].startswith("[if(")  # made of a secure parameter
    assert given["adminPasswordOrKey"] not in json.dumps(made)
    assert made["setUp"]["type"] == "CustomScript"
    assert "was-here" not in json.dumps(made), "settings that are protected are shown by nothing"


def test_the_machine_of_a_template_boots(shell: Deployer, tmp_path: Path) -> None:
    """With its disks, its identity, and the script that its template gives it."""
    group, key = shell.group("launched"), make_key(tmp_path / "key")
    given: dict[str, Any] = {
        "adminPasswordOrKey": Path(f"{key}.pub").read_text(),
        "script": "lsblk -bdno SIZE,TYPE >/run/was-here",
    }
    told = shell.deploy("linux-vm", group, **given)
    user, _, address = told["sshCommand"].removeprefix("ssh ").partition("@")
    machine = AzMachine(shell.cloud, "pilot", address, key, user, group)
    assert machine.ssh("hostname; getenforce; cloud-init status").split() == [
        *("pilot", "Enforcing", "status:", "done"),
    ]
    disks = [
        int(line.split()[0]) >> 30 for line in machine.ssh("cat /run/was-here").splitlines() if "disk" in line
    ]
    assert sorted(disks)[:2] == [1, 2]
    assert machine.az("show")["identity"]["principalId"] == told["principal"]
    assert shell.deploy("linux-vm", group, **given) == told
    assert machine.power() == "VM running"
    shell.az("group", "delete", "-n", group, "--yes")


def _changed(told: Any) -> dict[str, Any]:
    """Give the properties of what would be created, by name."""
    every = [one for one in told["changes"] if one["changeType"] == "Create"]
    return {one["resourceId"].rpartition("/")[2]: one["after"]["properties"] for one in every}


def test_a_password_instead_of_a_key_is_shown_by_nothing(shell: Deployer) -> None:
    group = shell.group("worded")
    given = {"authenticationType": "password", "adminPasswordOrKey": PASSWORD, "dataDisks": 1}
    changes = shell.deploy("linux-vm", group, "what-if", **given)
    (vm,) = [one for one in changes["changes"] if one["resourceId"].endswith("/virtualMachines/pilot")]
    assert PASSWORD not in json.dumps(changes)
    assert vm["after"]["properties"]["osProfile"].get("linuxConfiguration") is None
    assert PASSWORD not in json.dumps(shell.deploy("linux-vm", group, "validate", **given))


def test_several_machines_in_a_set(shell: Deployer) -> None:
    """They stand on empty disks, so that nobody waits for them."""
    group = shell.group("setted")
    told = shell.deploy("two-in-a-set", group, diskPrefix="hull")
    assert (told["members"], len(set(told["addresses"]))) == (2, 2)
    assert {one["name"] for one in shell.az("vm", "list", "-g", group)} == {"tug1", "tug2"}


def test_a_vault_and_a_secret_whose_value_is_shown_by_nothing(shell: Deployer) -> None:
    group = shell.group("vaulted")
    told = shell.deploy("vault-and-secret", group, vaultName="cove-t", secretValue="low water")
    assert told["uri"].endswith("/secrets/tide")
    assert told["host"] in told["uri"]
    role = ("--role", "Key Vault Secrets User", "--scope")
    who = shell.az("account", "show")["user"]["name"]
    vault = shell.az("keyvault", "show", "-n", "cove-t")["id"]
    shell.az("role", "assignment", "create", *role, vault, "--assignee", who)
    found = shell.az("keyvault", "secret", "show", "--vault-name", "cove-t", "-n", "tide")
    assert found["value"] == "low water"
    shown = shell.az("deployment", "group", "list", "-g", group)
    assert "low water" not in json.dumps(shown)


def test_an_identity_with_roles_by_symbolic_names(shell: Deployer) -> None:
    group = shell.group("manned")
    grants = [{"role": READER}, {"role": NETWORK_CONTRIBUTOR, "note": "for the nets"}]
    told = shell.deploy("identity-and-role", group, grants=grants)
    assert told["notes"] == ["of a template", "for the nets"]
    listed = shell.az("role", "assignment", "list", "-g", group, "--assignee", told["principal"])
    assert {one["roleDefinitionName"] for one in listed} == {"Reader", "Network Contributor"}
    assert told == shell.deploy("identity-and-role", group, grants=grants)


def test_deployments_within_one(shell: Deployer) -> None:
    done = shell.az(
        *("deployment", "sub", "create", "-n", "all", "-l", "westeurope"),
        *shell.words("nested", {"groupName": "within"}),
    )
    address = done["properties"]["outputs"]["address"]["value"]
    berth = shell.az("network", "public-ip", "show", "-g", "within", "-n", "berth")
    assert (berth["ipAddress"], berth["tags"], berth["location"]) == (
        address,
        {"label": "inner"},
        "westeurope",
    )
    mole = shell.az("network", "nsg", "show", "-g", "within", "-n", "mole")
    assert mole["tags"] == {"label": "outer", "after": address}


def test_a_linked_template_is_followed_on_this_host_and_refused_elsewhere(shell: Deployer) -> None:
    def linked(link: str, status: int = 0) -> Any:
        words = shell.words("nested", {"groupName": "bound", "link": link})
        return shell.az("deployment", "sub", "create", "-n", "linking", "-l", "eastus", *words, status=status)

    with serve(TEMPLATES) as site:
        linked(site.url("/vault-and-secret.json"))
    assert shell.az("keyvault", "show", "-n", "quay")["properties"]["provisioningState"] == "Succeeded"
    words = shell.words("nested", {"groupName": "bound", "link": "https://example.com/t.json"})
    said = shell.refused("deployment", "sub", "create", "-n", "away", "-l", "eastus", *words)
    assert "InvalidContentLink" in said
    assert "Unable to download deployment content from 'https://example.com/t.json'" in said
