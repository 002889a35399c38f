"""Parameters that are secrets of a real vault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.vault.template import secret_reader
from deploying import OWNER, Deploying, output, template, thing
from vaultkept import VAULT, Cove

SECRET = "correct-horse-battery"
TEMPLATE = template(
    thing(
        "a",
        properties={"adminPassword": "[parameters('password')]", "plain": "[length(parameters('password'))]"},
    ),
    parameters={"password": {"type": "string", "maxLength": 40}},
    outputs={"length": output("[length(parameters('password'))]", "int")},
)


@pytest.fixture
def there(tmp_path: Path) -> Deploying:
    """A cloud with the vault `Cove`, which has the secret `Pin` in two versions."""
    (tmp_path / "vault").mkdir()
    cove = Cove(tmp_path / "vault", asked={"enabledForTemplateDeployment": True})
    keeper = cove.caller("Key Vault Administrator")
    for value in (SECRET, SECRET + "-2"):
        status, found = cove.ask(keeper, "PUT", "/secrets/Pin", {"value": value})
        assert status == 200
        cove.work.joinpath("version").write_text(found["id"].rpartition("/")[2])
    made = Deploying(tmp_path)
    made.cloud.provide(secret_reader(cove.vaults))
    made.cove = cove  # type: ignore[attr-defined]
    return made


def ask(there: Deploying, verb: str = "put", caller: Any = OWNER, **reference: Any) -> Any:
    given = {"keyVault": {"id": VAULT}, "secretName": "pin"} | reference
    body = {
        "properties": {
            "template": TEMPLATE,
            "parameters": {"password": {"reference": given}},
            "mode": "Incremental",
        }
    }
    if verb == "put":
        return there.cloud.put(there.id("d"), body, caller)
    return there.cloud.action(there.id("d"), verb, body, caller)


def test_a_secret_of_a_vault_is_given_and_never_shown(there: Deploying) -> None:
    ask(there)
    made = there.store.need(there.id("Microsoft.Test/things/a"))
    assert made.hidden["adminPassword"] == SECRET + "-2"
    shown = there.document()
    assert shown["properties"]["outputs"]["length"]["value"] == len(SECRET) + 2
    parameter = shown["properties"]["parameters"]["password"]
    assert parameter == {"type": "String", "reference": {"keyVault": {"id": VAULT}, "secretName": "pin"}}
    told = [shown, ask(there, "validate"), ask(there, "whatif")]
    assert SECRET not in json.dumps(told)
    assert SECRET not in json.dumps(there.store.need(there.id("d")).hidden)


def test_a_version_of_a_secret(there: Deploying) -> None:
    version = there.cove.work.joinpath("version").read_text()  # type: ignore[attr-defined]
    ask(there, secretVersion=version)
    assert there.properties("Microsoft.Test/things/a")["plain"] == len(SECRET) + 2


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ({"keyVault": {"id": VAULT + "x"}}, "KeyVaultParameterReferenceNotFound"),
        ({"secretName": "other"}, "KeyVaultParameterReferenceSecretRetrieveFailed"),
        ({"secretVersion": "0" * 32}, "KeyVaultParameterReferenceSecretRetrieveFailed"),
        ({"keyVault": {}}, "InvalidRequestContent"),
    ],
)
def test_references_that_cannot_be(there: Deploying, reference: Any, code: str) -> None:
    with pytest.raises(CloudError) as refused:
        ask(there, "validate", **reference)
    assert refused.value.code == code


def test_a_vault_that_is_not_for_deployments(there: Deploying) -> None:
    there.cove.cloud.put(ResourceId.parse(VAULT), {"location": "eastus", "properties": {}})  # type: ignore[attr-defined]
    with pytest.raises(CloudError) as refused:
        ask(there)
    assert refused.value.code == "KeyVaultParameterReferenceNotEnabled"


def test_a_caller_who_may_not_deploy_from_the_vault(there: Deploying) -> None:
    reader = there.cove.caller("Key Vault Secrets User")  # type: ignore[attr-defined]
    given = {"keyVault": {"id": VAULT}, "secretName": "pin"}
    from bluejacket.cloud.deploy.secrets import with_secrets

    with pytest.raises(CloudError) as refused:
        with_secrets(there.cloud, reader, {"p": {"reference": given}})
    assert refused.value.code == "KeyVaultParameterReferenceAuthorizationFailed"
