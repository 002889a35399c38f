"""Parameters whose values are secrets of a key vault.

The vaults are in a room above this one: what reads them is given to the cloud as a `SecretReader`. Source:
Azure Resource Manager, "Use Azure Key Vault to pass secure parameter value during deployment".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller, Cloud


@dataclass(frozen=True, slots=True)
class SecretReader:
    """Reads a secret's value; the service that deployments ask.

    `read` gets the vault, the secret's name, its version (or '' for the newest) and who asks, and raises
    CloudError in the words that Azure has for parameters.
    """

    read: Callable[[ResourceId, str, str, Caller], str]


def with_secrets(cloud: Cloud, caller: Caller, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give parameters with the value of each reference to a secret beside it. Raises CloudError."""
    found = dict(given)
    for name, one in given.items():
        if isinstance(one, dict) and isinstance(one.get("reference"), dict):
            found[name] = one | {"value": _value(cloud, caller, name, one["reference"])}
    return found


def _value(cloud: Cloud, caller: Caller, name: str, reference: Mapping[str, Any]) -> str:
    vault = reference.get("keyVault")
    secret = reference.get("secretName")
    if not isinstance(vault, dict) or not vault.get("id") or not secret:
        raise CloudError(
            400,
            "InvalidRequestContent",
            f"The request content was invalid: the reference of the parameter '{name}' must have a "
            "'keyVault' with an 'id', and a 'secretName'.",
        )
    try:
        reader = cloud.service(SecretReader)
    except LookupError:
        raise CloudError(
            400,
            "KeyVaultParameterReferenceNotFound",
            f"The specified KeyVault '{vault['id']}' could not be found.",
        ) from None
    version = str(reference.get("secretVersion") or "")
    return reader.read(ResourceId.parse(str(vault["id"])), str(secret), version, caller)
