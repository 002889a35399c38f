"""Secrets as parameters of deployments: read with the right to deploy from a vault that allows it.

Source: Azure Resource Manager, "Use Azure Key Vault to pass secure parameter value during deployment".
"""

from __future__ import annotations

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller
from bluejacket.cloud.deploy.secrets import SecretReader
from bluejacket.cloud.vault.objects import SECRETS
from bluejacket.cloud.vault.service import KeyVaults

_DEPLOY = "Microsoft.KeyVault/vaults/deploy/action"


def secret_reader(vaults: KeyVaults) -> SecretReader:
    """Give what deployments read secrets with."""

    def read(vault: ResourceId, name: str, version: str, caller: Caller) -> str:
        record = vaults.resources.get(vault)
        if record is None:
            raise CloudError(
                400,
                "KeyVaultParameterReferenceNotFound",
                f"The specified KeyVault '{vault.text}' could not be found.",
            )
        if not vaults.roles.allowed(caller, _DEPLOY, vault):
            raise CloudError(
                403,
                "KeyVaultParameterReferenceAuthorizationFailed",
                f"The client with object id '{caller.object_id}' does not have authorization to perform "
                f"action '{_DEPLOY}' over the specified KeyVault resource '{vault.text}'.",
            )
        if not record.properties.get("enabledForTemplateDeployment"):
            raise CloudError(
                400,
                "KeyVaultParameterReferenceNotEnabled",
                f"The specified KeyVault '{vault.text}' is not enabled for template deployment.",
            )
        words = ("secrets", name, *([version] if version else []))
        plane = vaults.plane(record, caller, vaults.uri(vault.name).rstrip("/"), "GET", words, {}, {})
        try:
            found = plane.latest(SECRETS, name, *words[2:])
            plane.usable(found, "get", after_expiry=True)
        except CloudError as error:
            raise CloudError(
                400,
                "KeyVaultParameterReferenceSecretRetrieveFailed",
                f"The secret '{name}' of the KeyVault '{vault.text}' cannot be retrieved. Http status code: "
                f"'{error.status}'. Error message: '{error.message}'.",
            ) from None
        return found.material.decode("utf-8")

    return SecretReader(read)
