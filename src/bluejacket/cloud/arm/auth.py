"""Who calls, and whether he may: the bearer token of a request, and the judge of permissions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller
from bluejacket.cloud.arm.tokens import Tokens

_VERBS = {"get": "read", "list": "read", "head": "read", "put": "write", "patch": "write", "delete": "delete"}


class Access(Protocol):
    """Judges permissions; `cloud.access.roles.Roles` is the real one."""

    def allowed(self, caller: Caller, action: str, scope: ResourceId | str, data: bool = False) -> bool:
        """Tell whether the caller may do `action` at `scope`."""

    def check(self, caller: Caller, action: str, scope: ResourceId | str, data: bool = False) -> None:
        """Raise CloudError (403 AuthorizationFailed) when the caller may not."""


class OwnersOnly:
    """The judge of a cloud without role assignments: its owner may do everything, nobody else anything."""

    def allowed(self, caller: Caller, action: str, scope: ResourceId | str, data: bool = False) -> bool:
        """Tell whether the caller is the owner."""
        return caller.owner

    def check(self, caller: Caller, action: str, scope: ResourceId | str, data: bool = False) -> None:
        """Raise CloudError (403 AuthorizationFailed) when the caller is not the owner."""
        if not caller.owner:
            what = f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have"
            what += f" authorization to perform action '{action}' over scope '{scope}'"
            raise CloudError(403, "AuthorizationFailed", f"{what} or the scope is invalid.")


def permission(type_name: str, verb: str) -> str:
    """Give the permission that an operation needs: `Microsoft.Compute/disks` and "put" are `…/disks/write`.

    A verb that is no method is an action: `Microsoft.Compute/virtualMachines/start/action`.
    Source: Microsoft, "Azure permissions"; groups stand there below `subscriptions`.
    """
    provider, _, kind = type_name.partition("/")
    if kind.lower() == "resourcegroups" and provider.lower() == "microsoft.resources":
        kind = "subscriptions/resourceGroups"
    return f"{provider}/{kind}/{_VERBS.get(verb, f'{verb}/action')}"


def caller_of(tokens: Tokens, authorization: str, audiences: Collection[str]) -> Caller:
    """Give the caller whose `Authorization` header this is; raises CloudError 401."""
    scheme, _, token = authorization.strip().partition(" ")
    if not authorization.strip():
        what = "Authentication failed. The 'Authorization' header is missing."
        raise CloudError(401, "AuthenticationFailed", what)
    if scheme.lower() != "bearer" or not token.strip():
        what = "Authentication failed. The 'Authorization' header is provided in an invalid format."
        raise CloudError(401, "AuthenticationFailedInvalidHeader", what)
    return tokens.read(token.strip(), audiences)


def challenge(tokens: Tokens, error: CloudError) -> str:
    """Give the `WWW-Authenticate` header that goes with a refusal (RFC 6750, section 3)."""
    told = f'Bearer authorization_uri="{tokens.base}/{tokens.tenant}"'
    if error.code == "AuthenticationFailed":
        return told
    words = error.message.replace("\\", " ").replace('"', "'")
    return f'{told}, error="invalid_token", error_description="{words}"'
