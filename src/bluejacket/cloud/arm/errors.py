"""Errors as a client of Azure Resource Manager sees them: `{"error": {"code", "message", …}}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class CloudError(Exception):
    """A request or an operation that is refused or fails, in Azure's words.

    `status` is the HTTP status of a direct answer; `code` is Azure's ("ResourceNotFound"); `target` the
    property that is meant. Source: Microsoft Azure REST API Guidelines, "Handling errors".
    """

    def __init__(
        self, status: int, code: str, message: str, *, target: str = "", details: Sequence[CloudError] = ()
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = tuple(details)

    def body(self) -> dict[str, Any]:
        """Give what stands under `error`, in a direct answer as well as in an operation's status."""
        found: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target:
            found["target"] = self.target
        if self.details:
            found["details"] = [one.body() for one in self.details]
        return found


def not_found(type_name: str, name: str, group: str) -> CloudError:
    """Give the error for a resource that is not there."""
    return CloudError(
        404,
        "ResourceNotFound",
        f"The Resource '{type_name}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def invalid(message: str, target: str = "", code: str = "InvalidParameter") -> CloudError:
    """Give the error for a request whose content cannot be."""
    return CloudError(400, code, message, target=target)
