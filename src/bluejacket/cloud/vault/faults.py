"""Errors as a vault's clients see them: `{"error": {"code", "message", "innererror": {"code"}}}`.

Source: Microsoft, "Azure Key Vault REST API error codes" and the sentences that the service answers with.
"""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.arm.errors import CloudError

_WORDS = {"secrets": "secret", "keys": "key", "certificates": "certificate"}
_HELP = "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid="


class VaultFault(CloudError):
    """A request to a vault that is refused; `inner` is the code of the inner error, if there is one."""

    def __init__(self, status: int, code: str, message: str, inner: str = "") -> None:
        super().__init__(status, code, message)
        self.inner = inner

    def body(self) -> dict[str, Any]:
        """Give what stands under `error`."""
        return super().body() | ({"innererror": {"code": self.inner}} if self.inner else {})


def missing(kind: str, name: str, version: str = "") -> VaultFault:
    """Give the error for an object that is not there."""
    word = _WORDS[kind]
    which = f"{name}/{version}" if version else name
    return VaultFault(
        404,
        f"{word.capitalize()}NotFound",
        f"A {word} with (name/id) {which} was not found in this key vault. If you recently deleted this "
        f"{word} you may be able to recover it using the correct recovery command. {_HELP}2125182",
    )


def deleted(kind: str, name: str) -> VaultFault:
    """Give the error for a name whose object is deleted and can come back."""
    word = _WORDS[kind]
    return VaultFault(
        409,
        "Conflict",
        f"{word.capitalize()} {name} is currently in a deleted but recoverable state, and its name cannot be "
        f"reused; in this state, the {word} can only be recovered or purged.",
        "ObjectIsDeletedButRecoverable",
    )


def disabled(kind: str, action: str) -> VaultFault:
    """Give the error for an object that is switched off."""
    word = _WORDS[kind]
    what = f"Operation {action} is not allowed on a disabled {word}."
    return VaultFault(403, "Forbidden", what, f"{word.capitalize()}Disabled")


def bad(message: str) -> VaultFault:
    """Give the error for a request whose content cannot be."""
    return VaultFault(400, "BadParameter", message)


def unauthorized(message: str) -> VaultFault:
    """Give the error for a request without a token that counts."""
    return VaultFault(401, "Unauthorized", message)
