"""Key Vault, roles and identities by the unmodified client, as Azure's documentation has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azcli import CloudProcess

pytestmark = pytest.mark.integration
GROUP = "harbour"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[CloudProcess]:
    with CloudProcess(tmp_path_factory.mktemp("cloud") / "state") as made:
        made.az("group", "create", "-n", GROUP, "-l", "eastus")
        mark = made.az("account", "show")["id"]
        yield made
    assert mark not in Path("/etc/hosts").read_text(), "a name of this cloud outlives it"


@pytest.fixture(scope="module")
def vault(cloud: CloudProcess) -> str:
    """A vault in which the owner has the role that the documentation tells him to take."""
    made = cloud.az("keyvault", "create", "-n", "cove", "-g", GROUP, "-l", "eastus")
    assert made["properties"]["enableRbacAuthorization"] is True
    who = cloud.az("account", "show")["user"]["name"]
    refused = cloud.refused(
        "keyvault", "secret", "set", "--vault-name", "cove", "-n", "tide", "--value", "low"
    )
    assert "ForbiddenByRbac" in refused
    role = ("--role", "Key Vault Administrator", "--assignee", who, "--scope", made["id"])
    assigned = cloud.az("role", "assignment", "create", *role)
    assert assigned["principalType"] in ("ServicePrincipal", "User")
    return str(made["id"])


def test_secrets(cloud: CloudProcess, vault: str) -> None:
    def secret(verb: str, *words: str) -> Any:
        return cloud.az("keyvault", "secret", verb, "--vault-name", "cove", *words)

    first = secret("set", "-n", "tide", "--value", "low", "--description", "text/plain")
    secret("set", "-n", "tide", "--value", "high")
    assert secret("show", "-n", "tide")["value"] == "high"
    assert cloud.az("keyvault", "secret", "show", "--id", first["id"])["value"] == "low"
    assert [one["name"] for one in secret("list")] == ["tide"]
    assert len(secret("list-versions", "-n", "tide")) == 2
    assert secret("set-attributes", "-n", "tide", "--enabled", "false")["attributes"]["enabled"] is False
    assert "disabled secret" in cloud.refused(
        "keyvault", "secret", "show", "--vault-name", "cove", "-n", "tide"
    )
    secret("delete", "-n", "tide")
    assert [one["name"] for one in secret("list-deleted")] == ["tide"]
    secret("recover", "-n", "tide")
    secret("delete", "-n", "tide")
    secret("purge", "-n", "tide")
    assert secret("list-deleted") == []
    missing = cloud.refused("keyvault", "secret", "show", "--vault-name", "cove", "-n", "tide", status=3)
    assert "SecretNotFound" in missing


def test_keys_and_certificates(cloud: CloudProcess, vault: str, tmp_path: Path) -> None:
    key = cloud.az(
        "keyvault", "key", "create", "--vault-name", "cove", "-n", "anchor", "--kty", "RSA", "--size", "2048"
    )
    assert key["key"]["kty"] == "RSA"
    where = ("--vault-name", "cove", "-n", "anchor")
    plain = ("--algorithm", "RSA-OAEP-256", "--value", "ZG91Ymxvb25z", "--data-type", "base64")
    closed = cloud.az("keyvault", "key", "encrypt", *where, *plain)["result"]
    opened = cloud.az(
        "keyvault", "key", "decrypt", *where, *plain[:2], "--value", closed, "--data-type", "base64"
    )
    assert opened["result"] == "ZG91Ymxvb25z"
    cloud.az("keyvault", "key", "rotate", *where)
    assert len(cloud.az("keyvault", "key", "list-versions", *where)) == 2
    policy = cloud.az("keyvault", "certificate", "get-default-policy")
    made = ("certificate", "create", "--vault-name", "cove", "-n", "web", "-p", json.dumps(policy))
    assert cloud.az("keyvault", *made)["status"] == "completed"
    shown = cloud.az("keyvault", "certificate", "show", "--vault-name", "cove", "-n", "web")
    assert shown["policy"]["x509CertificateProperties"]["subject"] == "CN=CLIGetDefaultPolicy"
    file = tmp_path / "web.pem"
    cloud.az("keyvault", "certificate", "download", "--vault-name", "cove", "-n", "web", "-f", str(file))
    assert "BEGIN CERTIFICATE" in file.read_text()


def test_a_vault_comes_back(cloud: CloudProcess) -> None:
    cloud.az("keyvault", "create", "-n", "inlet", "-g", GROUP, "--enable-rbac-authorization", "false")
    cloud.az("keyvault", "secret", "set", "--vault-name", "inlet", "-n", "tide", "--value", "low")
    assert cloud.az("keyvault", "show", "-n", "inlet")["properties"]["accessPolicies"][0]["permissions"][
        "secrets"
    ]
    cloud.az("keyvault", "update", "-n", "inlet", "-g", GROUP, "--enabled-for-deployment", "true")
    somebody = ("-n", "inlet", "-g", GROUP, "--object-id", "0b5d8a3e-3c55-4a1e-9d6f-6f2b2c2f7c01")
    found = cloud.az("keyvault", "set-policy", *somebody, "--secret-permissions", "get", "list")
    given = found["properties"]["accessPolicies"][1]["permissions"]["secrets"]
    assert sorted(given) == ["get", "list"]
    assert len(cloud.az("keyvault", "delete-policy", *somebody)["properties"]["accessPolicies"]) == 1
    cloud.az("keyvault", "delete", "-n", "inlet")
    assert [one["name"] for one in cloud.az("keyvault", "list-deleted")] == ["inlet"]
    assert "already exists in deleted state" in cloud.refused(
        "keyvault", "create", "-n", "inlet", "-g", GROUP
    )
    cloud.az("keyvault", "recover", "-n", "inlet")
    assert cloud.az("keyvault", "secret", "show", "--vault-name", "inlet", "-n", "tide")["value"] == "low"
    cloud.az("keyvault", "delete", "-n", "inlet")
    cloud.az("keyvault", "purge", "-n", "inlet")
    assert cloud.az("keyvault", "list-deleted") == []


def test_identities_and_roles(cloud: CloudProcess, vault: str) -> None:
    made = cloud.az("identity", "create", "-n", "crew", "-g", GROUP)
    assert cloud.az("identity", "show", "-n", "crew", "-g", GROUP)["principalId"] == made["principalId"]
    assert [one["name"] for one in cloud.az("identity", "list", "-g", GROUP)] == ["crew"]
    role = ("--role", "Key Vault Secrets User", "--scope", vault)
    cloud.az("role", "assignment", "create", "--assignee", made["principalId"], *role)
    found = cloud.az("role", "assignment", "list", "--assignee", made["principalId"], "--scope", vault)
    assert [one["roleDefinitionName"] for one in found] == ["Key Vault Secrets User"]
    everywhere = cloud.az("role", "assignment", "list", "--all")
    assert made["principalId"] in [one["principalId"] for one in everywhere]
    cloud.az("role", "assignment", "delete", "--assignee", made["principalId"], *role)
    assert cloud.az("role", "assignment", "list", "--assignee", made["principalId"], "--scope", vault) == []
    (reader,) = cloud.az("role", "definition", "list", "--name", "Reader")
    assert reader["name"] == "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    cloud.az("identity", "delete", "-n", "crew", "-g", GROUP)


def test_somebody_else_with_a_role_of_a_teams_own(cloud: CloudProcess, tmp_path: Path) -> None:
    subscription = cloud.az("account", "show")["id"]
    scope = f"/subscriptions/{subscription}/resourceGroups/{GROUP}"
    wanted = {
        "Name": "Lookout",
        "Description": "Looks out",
        "Actions": ["*/read"],
        "AssignableScopes": [scope],
    }
    (tmp_path / "role.json").write_text(json.dumps(wanted))
    cloud.az("role", "definition", "create", "--role-definition", str(tmp_path / "role.json"))
    login = cloud.az("ad", "sp", "create-for-rbac", "-n", "lookout", "--role", "Lookout", "--scopes", scope)
    env = {"AZURE_CONFIG_DIR": str(tmp_path / "az"), "AZURE_CLOUD_NAME": "AzureCloud"}
    base = cloud.status()["address"]
    cloud.az("cloud", "register", "--name", "local", "--endpoint-resource-manager", base, env=env)
    env |= {"AZURE_CLOUD_NAME": "local"}
    who = ("-u", login["appId"], "-p", login["password"], "--tenant", login["tenant"])
    cloud.az("login", "--service-principal", *who, env=env)
    assert [one["name"] for one in cloud.az("group", "list", env=env)] == [GROUP]
    refused = cloud.refused("identity", "create", "-n", "x", "-g", GROUP, env=env)
    assert "AuthorizationFailed" in refused
