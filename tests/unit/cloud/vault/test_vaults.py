"""Vaults: names, settings that cannot be turned back, deletion and return, lines of the hosts file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bluejacket.cloud.arm.endpoint import Asked, EndpointTable
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Call
from bluejacket.cloud.vault import ENDPOINTS
from bluejacket.cloud.vault.hosts import HostNames
from bluejacket.cloud.vault.seal import Seal
from bluejacket.errors import OutsideError
from bluejacket.report import SILENT
from recordcloud import GROUP, OWNER, SUBSCRIPTION
from vaultkept import VAULT, Cove

HERE = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault"


@pytest.fixture
def cove(tmp_path: Path) -> Cove:
    return Cove(tmp_path)


def ask(cove: Cove, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    found = EndpointTable(ENDPOINTS).find(method, path)
    assert found is not None
    return found[0].answer(cove.cloud, Asked(path, found[1], OWNER, body or {}))


def put(cove: Cove, text: str = VAULT, **properties: Any) -> dict[str, Any]:
    return cove.cloud.put(ResourceId.parse(text), {"location": "eastus", "properties": properties}).properties


def test_a_vault_has_an_address_and_safe_defaults(cove: Cove) -> None:
    found = cove.cloud.resources.need(ResourceId.parse(VAULT)).properties
    assert found["vaultUri"] == "https://cove.vault.localhost:8443/"
    assert found["enableRbacAuthorization"] is True
    assert found["enableSoftDelete"] is True
    assert "127.0.0.1 cove.vault.localhost # bluejacket cloud test" in cove.hosts.read_text()


def test_older_versions_of_the_interface_mean_access_policies(cove: Cove) -> None:
    kind = cove.cloud.kinds.need(ResourceId.parse(VAULT))
    call = Call(ResourceId.parse(f"{VAULT}2"), OWNER, {"location": "eastus"}, {"api-version": "2023-07-01"})
    assert kind.checked(cove.cloud, call, None).properties["enableRbacAuthorization"] is False


@pytest.mark.parametrize("name", ["ab", "1abc", "a--b", "abc-", "a" * 25, "a_bc"])
def test_names_that_cannot_be(cove: Cove, name: str) -> None:
    with pytest.raises(CloudError, match="VaultNameNotValid"):
        put(cove, f"{GROUP}/providers/Microsoft.KeyVault/vaults/{name}")
    told = ask(cove, "POST", f"{HERE}/checkNameAvailability", {"name": name})
    assert told["reason"] == "AccountNameInvalid"


def test_what_is_irreversible_cannot_be_turned_back(cove: Cove) -> None:
    put(cove, enablePurgeProtection=True)
    assert put(cove)["enablePurgeProtection"] is True
    for change in (
        {"enablePurgeProtection": False},
        {"enableSoftDelete": False},
        {"softDeleteRetentionInDays": 8},
        {"softDeleteRetentionInDays": 6},
        {"sku": {"name": "gold"}},
        {"networkAcls": {"defaultAction": "Deny"}},
    ):
        with pytest.raises(CloudError):
            put(cove, **change)


def test_a_deleted_vault_keeps_its_name_and_comes_back_whole(cove: Cove) -> None:
    keeper = cove.caller("Key Vault Administrator", scope=GROUP)
    cove.ask(keeper, "PUT", "/secrets/tide", {"value": "low"})
    cove.cloud.delete(ResourceId.parse(VAULT))
    assert cove.ask(keeper, "GET", "/secrets/tide")[0] == 404
    assert "cove" not in cove.hosts.read_text()
    assert [one["name"].lower() for one in ask(cove, "GET", f"{HERE}/deletedVaults")["value"]] == ["cove"]
    assert ask(cove, "POST", f"{HERE}/checkNameAvailability", {"name": "COVE"})["nameAvailable"] is False
    with pytest.raises(CloudError, match="ConflictError"):
        put(cove)
    with pytest.raises(CloudError, match="DeletedVaultNotFound"):
        put(cove, VAULT.replace("Harbour", "Elsewhere"), createMode="recover")
    put(cove, createMode="recover")
    assert cove.ask(keeper, "GET", "/secrets/tide")[1]["value"] == "low"
    assert ask(cove, "GET", f"{HERE}/deletedVaults")["value"] == []


def test_a_purged_vault_is_gone_for_good(cove: Cove) -> None:
    keeper = cove.caller("Key Vault Administrator", scope=GROUP)
    cove.ask(keeper, "PUT", "/secrets/tide", {"value": "low"})
    cove.cloud.delete(ResourceId.parse(VAULT))
    ask(cove, "POST", f"{HERE}/locations/eastus/deletedVaults/cove/purge")
    put(cove)
    assert cove.ask(keeper, "GET", "/secrets/tide")[0] == 404
    assert cove.ask(keeper, "GET", "/deletedsecrets")[1]["value"] == []
    with pytest.raises(CloudError, match="DeletedVaultNotFound"):
        ask(cove, "GET", f"{HERE}/locations/eastus/deletedVaults/cove")


def test_a_protected_vault_is_not_purged(cove: Cove) -> None:
    put(cove, enablePurgeProtection=True)
    cove.cloud.delete(ResourceId.parse(VAULT))
    with pytest.raises(CloudError, match="MethodNotAllowed"):
        ask(cove, "POST", f"{HERE}/locations/eastus/deletedVaults/cove/purge")


def test_a_name_is_taken_in_every_group(cove: Cove) -> None:
    with pytest.raises(CloudError, match="VaultAlreadyExists"):
        put(cove, VAULT.replace("Harbour", "Elsewhere"))


def test_access_policies_are_edited(cove: Cove) -> None:
    def edit(how: str, *permissions: str) -> list[dict[str, Any]]:
        policy = {"objectId": "x", "permissions": {"secrets": list(permissions)}}
        body = {"properties": {"accessPolicies": [policy]}}
        found = ask(cove, "PUT", f"{VAULT}/accessPolicies/{how}", body)
        return [one["permissions"]["secrets"] for one in found["properties"]["accessPolicies"]]

    assert edit("add", "get") == [["get"]]
    assert edit("add", "list", "get") == [["get", "list"]]
    assert edit("remove", "get") == [["list"]]
    assert edit("replace", "set") == [["set"]]
    assert edit("remove", "set") == []


def test_a_template_sets_a_secret_and_never_sees_it(cove: Cove) -> None:
    made = cove.cloud.put(ResourceId.parse(f"{VAULT}/secrets/tide"), {"properties": {"value": "low"}})
    assert "low" not in str(made)
    keeper = cove.caller("Key Vault Administrator")
    assert cove.ask(keeper, "GET", "/secrets/tide")[1]["id"] == made.properties["secretUriWithVersion"]
    assert cove.ask(keeper, "GET", "/secrets/tide")[1]["value"] == "low"


def test_lines_of_others_stay_as_they_are(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    before = "127.0.0.1 localhost\n# mine\n10.0.0.1\ta b # bluejacket cloud other"
    hosts.write_text(before)
    inode = hosts.stat().st_ino
    names = HostNames("one", SILENT, hosts)
    names.add("a.vault.localhost")
    names.add("b.vault.localhost")
    names.add("b.vault.localhost")
    names.remove("a.vault.localhost")
    assert hosts.read_text() == f"{before}\n127.0.0.1 b.vault.localhost # bluejacket cloud one\n"
    names.replace(["c.vault.localhost"])
    assert "b.vault" not in hosts.read_text()
    names.clear()
    assert hosts.read_text() == before + "\n"
    assert hosts.stat().st_ino == inode


def test_a_seal_opens_only_what_is_its_own(tmp_path: Path) -> None:
    seal = Seal(tmp_path / "key")
    closed = seal.close(b"treasure", "a")
    assert Seal(tmp_path / "key").open(closed, "a") == b"treasure"
    for blob, label in ((closed, "b"), (closed[:-1], "a"), (b"", "a")):
        with pytest.raises(ValueError):
            seal.open(blob, label)
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(OutsideError, match="others may read"):
        Seal(tmp_path / "key")
