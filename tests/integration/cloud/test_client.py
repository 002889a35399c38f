"""The unmodified client of Azure against a real control plane: log in, groups, tags, locks, tokens."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from azcli import AzFailed, CloudProcess
from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.tokens import Tokens

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[CloudProcess]:
    with CloudProcess(tmp_path_factory.mktemp("cloud") / "state") as made:
        yield made


@pytest.fixture
def account(cloud: CloudProcess) -> Account:
    return Account.of(cloud.state / "cloud" / "account.json")


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """A configuration folder in which nobody has logged in yet."""
    return {"AZURE_CONFIG_DIR": str(tmp_path / "az")}


def register(cloud: CloudProcess, own: dict[str, str], *more: str) -> dict[str, str]:
    base = cloud.status()["address"]
    own |= {"AZURE_CLOUD_NAME": "AzureCloud"}
    cloud.az("cloud", "register", "--name", "local", "--endpoint-resource-manager", base, *more, env=own)
    return own | {"AZURE_CLOUD_NAME": "local"}


def test_the_prepared_settings_need_no_login(cloud: CloudProcess, account: Account) -> None:
    found = cloud.az("account", "show")
    assert (found["id"], found["environmentName"]) == (account.subscription, "Bluejacket")
    assert cloud.az("group", "list") == []


def test_a_group_as_the_documentation_has_it(cloud: CloudProcess) -> None:
    made = cloud.az("group", "create", "-n", "harbour", "-l", "eastus", "--tags", "a=1")
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert cloud.az("group", "exists", "-n", "harbour") is True
    assert cloud.az("group", "exists", "-n", "sea") is False
    assert cloud.az("group", "show", "-n", "HARBOUR")["location"] == "eastus"
    assert [one["name"] for one in cloud.az("group", "list", "--tag", "a=1")] == ["harbour"]
    assert cloud.az("group", "update", "-n", "harbour", "--set", "tags.b=2")["tags"] == {"a": "1", "b": "2"}
    assert "ResourceGroupNotFound" in cloud.refused("group", "show", "-n", "sea", status=3)
    told = cloud.refused("group", "create", "-n", "harbour", "-l", "westus2")
    assert "InvalidResourceGroupLocation" in told
    cloud.az("group", "delete", "-n", "harbour", "--yes")
    assert cloud.az("group", "exists", "-n", "harbour") is False


def test_tags_locks_and_the_log_of_who_did_it(cloud: CloudProcess, account: Account) -> None:
    group = f"/subscriptions/{account.subscription}/resourceGroups/quay"
    cloud.az("group", "create", "-n", "quay", "-l", "eastus")
    cloud.az("tag", "create", "--resource-id", group, "--tags", "team=red", "cost=1")
    merged = cloud.az("tag", "update", "--resource-id", group, "--operation", "Merge", "--tags", "team=blue")
    assert merged["properties"]["tags"] == {"team": "blue", "cost": "1"}
    cloud.az("tag", "update", "--resource-id", group, "--operation", "Delete", "--tags", "cost=1")
    assert cloud.az("tag", "list", "--resource-id", group)["properties"]["tags"] == {"team": "blue"}
    assert {one["tagName"] for one in cloud.az("tag", "list")} >= {"team"}

    cloud.az("lock", "create", "-n", "keep", "-g", "quay", "--lock-type", "CanNotDelete")
    assert "ScopeLocked" in cloud.refused("group", "delete", "-n", "quay", "--yes")
    cloud.az("lock", "create", "-n", "freeze", "-g", "quay", "--lock-type", "ReadOnly")
    assert "ScopeLocked" in cloud.refused("group", "update", "-n", "quay", "--set", "tags.x=1")
    assert {one["name"] for one in cloud.az("lock", "list", "-g", "quay")} == {"keep", "freeze"}
    for name in ("keep", "freeze"):
        cloud.az("lock", "delete", "-n", name, "-g", "quay")
    cloud.az("group", "delete", "-n", "quay", "--yes")

    events = cloud.az("monitor", "activity-log", "list", "-g", "quay", "--offset", "1h")
    told = {(one["operationName"]["value"], one["status"]["value"]) for one in events}
    assert ("Microsoft.Resources/subscriptions/resourceGroups/delete", "Succeeded") in told
    assert ("Microsoft.Authorization/locks/write", "Succeeded") in told
    assert {one["caller"] for one in events} == {account.object_id}


def test_what_there_is_to_use(cloud: CloudProcess) -> None:
    namespaces = {one["namespace"] for one in cloud.az("provider", "list")}
    assert {"Microsoft.Network", "Microsoft.Resources"} <= namespaces
    cloud.az("provider", "register", "-n", "Microsoft.Network")
    assert "eastus" in {one["name"] for one in cloud.az("account", "list-locations")}
    assert cloud.az("resource", "list") == []


def test_a_service_principal_logs_in(cloud: CloudProcess, account: Account, own: dict[str, str]) -> None:
    own = register(cloud, own)
    words = ("login", "--service-principal", "-u", account.client_id, "--tenant", account.tenant)
    wrong = cloud.refused(*words, "-p", "not-the-secret", env=own)
    assert "AADSTS7000215" in wrong
    assert [one["id"] for one in cloud.az(*words, "-p", account.secret, env=own)] == [account.subscription]
    cloud.az("group", "list", env=own)


def test_a_service_principal_has_secrets_and_certificates(
    cloud: CloudProcess, own: dict[str, str], tmp_path: Path
) -> None:
    own = register(cloud, own)
    here = {"HOME": str(tmp_path)}  # where the client leaves the keys that it makes
    made = cloud.az("ad", "sp", "create-for-rbac", "-n", "signalman", "--create-cert", env=here)
    who = ("--id", made["appId"])

    def enters(*words: str) -> bool:
        """Log in without a token of an earlier time; a refusal is the credential's fault."""
        cloud.az("account", "clear", env=own)
        line = ("login", "--service-principal", "-u", made["appId"], "--tenant", made["tenant"], *words)
        try:
            (found,) = cloud.az(*line, env=own)
        except AzFailed as refused:
            if any(number in str(refused) for number in ("AADSTS700027", "AADSTS7000215")):
                return False
            raise
        assert found["user"] == {"name": made["appId"], "type": "servicePrincipal"}
        return True

    first = made["fileWithCertAndPrivateKey"]
    assert enters("--certificate", first)
    (kept,) = cloud.az("ad", "app", "credential", "list", *who, "--cert")
    assert (kept["type"], kept["key"]) == ("AsymmetricX509Cert", None)
    reset = ("credential", "reset", *who)
    second = cloud.az("ad", "app", *reset, "--create-cert", "--append", env=here)["fileWithCertAndPrivateKey"]
    assert enters("--certificate", first)
    cloud.az("ad", "app", "credential", "delete", *who, "--cert", "--key-id", kept["keyId"])
    assert (enters("--certificate", first), enters("--certificate", second)) == (False, True)

    old = cloud.az("ad", "sp", *reset)["password"]
    assert enters("-p", old)
    new = cloud.az("ad", "sp", *reset, "--display-name", "new")["password"]
    (left,) = cloud.az("ad", "sp", "credential", "list", *who)
    assert (left["displayName"], left["hint"]) == ("new", new[:3])
    assert (enters("-p", old), enters("-p", new)) == (False, True)
    cloud.az("ad", "app", "update", *who, "--display-name", "bosun")
    assert cloud.az("ad", "sp", "show", *who)["displayName"] == "bosun"
    cloud.az("ad", "app", "delete", *who)
    assert (enters("-p", new), enters("--certificate", second)) == (False, False)


def test_a_person_logs_in_by_adfs(cloud: CloudProcess, account: Account, own: dict[str, str]) -> None:
    base = cloud.status()["address"]
    endpoints = {
        "--endpoint-active-directory": f"{base}/adfs",
        "--endpoint-active-directory-resource-id": f"{base}/",
        "--endpoint-management": f"{base}/",
    }
    own = register(cloud, own, *[word for pair in endpoints.items() for word in pair])
    cloud.az("login", "-u", account.user_name, "-p", account.password, env=own)
    assert cloud.az("account", "show", env=own)["user"] == {"name": account.user_name, "type": "user"}
    assert cloud.az("group", "list", env=own) == []


def test_tokens_that_are_none(cloud: CloudProcess, account: Account, tmp_path: Path) -> None:
    base = cloud.status()["address"]
    key = cloud.state / "cloud" / "token-key.pem"
    old = Tokens(key, account.tenant, base, clock=lambda: time.time() - 9 * 3600)
    foreign = Tokens(tmp_path / "other-key.pem", account.tenant, base)
    good = Tokens(key, account.tenant, base)
    who = account.object_id, account.client_id
    expected = {
        old.issue(*who, base + "/", owner=True): "ExpiredAuthenticationToken",
        foreign.issue(*who, base + "/", owner=True): "InvalidAuthenticationToken",
        good.issue(*who, "https://vault.azure.net", owner=True): "InvalidAuthenticationTokenAudience",
        "garbled": "InvalidAuthenticationToken",
        good.issue("0" * 8, "1" * 8, base + "/"): "AuthorizationFailed",
    }
    url = f"{base}/subscriptions/{account.subscription}/resourceGroups/x?api-version=2024-11-01"
    for token, code in expected.items():
        header = f"Authorization=Bearer {token}"
        said = cloud.refused(
            "rest", "--method", "get", "--url", url, "--skip-authorization-header", "--headers", header
        )
        assert f'"code": "{code}"' in said or f'"code":"{code}"' in said, json.dumps(said)


def test_its_own_authority_alone_vouches_for_it(cloud: CloudProcess) -> None:
    port = int(cloud.status()["address"].rpartition(":")[2])
    own = ssl.create_default_context(cafile=str(cloud.state / "cloud" / "ca" / "ca.pem"))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
        own.wrap_socket(plain, server_hostname="localhost") as kept,
    ):
        assert kept.version() in ("TLSv1.2", "TLSv1.3")
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")


def test_a_second_cloud_says_that_there_is_one(cloud: CloudProcess) -> None:
    cloud.bluejacket("cloud", "up", status=2)
    assert cloud.status()["running"] is True
    assert account_secret(cloud) not in cloud.log


def account_secret(cloud: CloudProcess) -> str:
    return Account.of(cloud.state / "cloud" / "account.json").secret
