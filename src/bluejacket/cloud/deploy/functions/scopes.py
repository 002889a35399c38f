"""Functions that look around: at the template, its deployment, and the resources.

Source: Azure Resource Manager, "Deployment functions", "Resource functions" and "Scope functions" for ARM
templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.deploy.expressions import ExpressionError
from bluejacket.cloud.deploy.functions.table import Library
from bluejacket.cloud.deploy.scope import Scope, Stage

SCOPES = Library()


@SCOPES.add("parameters", "s", scoped=True)
def _parameters(scope: Scope, name: str) -> Any:
    _unmasked(scope, "parameters", name)
    return scope.names.parameter(name)


@SCOPES.add("variables", "s", scoped=True)
def _variables(scope: Scope, name: str) -> Any:
    _unmasked(scope, "variables", name)
    return scope.names.variable(name)


def _unmasked(scope: Scope, kind: str, name: str) -> None:
    if scope.masked and scope.names.is_secret(kind, name):
        raise CloudError(400, "SecretNotShown", f"'{name}' is a secret.")


@SCOPES.add("copyIndex", "?kk", scoped=True)
def _copy_index(scope: Scope, name: str | int | None = None, offset: int = 0) -> int:
    if isinstance(name, int):
        offset, name = name, None
    if not isinstance(offset, int):
        raise ExpressionError("The template language function 'copyIndex' expects an integer as its offset.")
    for loop, index in reversed(scope.copies):
        if name is None or loop.lower() == name.lower():
            return index + offset
    raise ExpressionError(
        "The template function 'copyIndex' is not expected at this location. The function can only be used "
        "in a resource with copy specified. Please see https://aka.ms/arm-copy for usage details."
        if name is None
        else f"The template function 'copyIndex' has the copy name '{name}', which is not found."
    )


def _about(name: str) -> None:
    @SCOPES.add(name, "", scoped=True)
    def _told(scope: Scope) -> Any:
        return scope.host.about(name)


for _name in ("deployment", "deployer", "environment", "resourceGroup", "subscription", "tenant"):
    _about(_name)


@SCOPES.add("managementGroup", "", scoped=True)
def _management_group(_: Scope) -> Any:
    raise ExpressionError(
        "The template function 'managementGroup' is not expected at this location: "
        "it is only for a deployment to a management group."
    )


@SCOPES.add("providers", "s?s", scoped=True)
def _providers(scope: Scope, namespace: str, kind: str | None = None) -> Any:
    return scope.host.providers(namespace, kind)


@SCOPES.add("reference", "s?ss", scoped=True)
def _reference(scope: Scope, name: str, version: str | None = None, full: str = "") -> Any:
    _at_run(scope, "reference")
    if full and full.lower() != "full":
        raise ExpressionError("The template function 'reference' expects 'Full' as its third parameter.")
    return scope.host.reference(name, version, bool(full))


@SCOPES.add("references", "s?s", scoped=True)
def _references(scope: Scope, name: str, full: str = "") -> Any:
    _at_run(scope, "references")
    return scope.host.references(name, full.lower() == "full")


@SCOPES.add("list*", "s?xx", scoped=True)
def _listing(scope: Scope, action: str, resource: str, _: Any = None, body: Any = None) -> Any:
    _at_run(scope, action)
    return scope.host.listing(action, resource, body)


def _at_run(scope: Scope, name: str) -> None:
    if scope.stage is not Stage.RUN:
        raise ExpressionError(
            f"The template function '{name}' is not expected at this location. "
            "Please see https://aka.ms/arm-functions for usage details."
        )


@SCOPES.add("resourceId", "s*", scoped=True)
def _resource_id(scope: Scope, *words: str) -> str:
    before, path = _typed("resourceId", words)
    if len(before) > 2:
        raise _misfit("resourceId", words)
    subscription = before[0] if len(before) == 2 else scope.host.subscription
    group = before[-1] if before else scope.host.group
    if len(before) == 1 and not scope.host.group:
        subscription, group = before[0], ""  # of a subscription's deployment the first word names that
    return f"/subscriptions/{subscription}" + (f"/resourceGroups/{group}" if group else "") + path


@SCOPES.add("subscriptionResourceId", "s*", scoped=True)
def _subscription_resource_id(scope: Scope, *words: str) -> str:
    before, path = _typed("subscriptionResourceId", words)
    return f"/subscriptions/{before[0] if before else scope.host.subscription}{path}"


@SCOPES.add("tenantResourceId", "s*")
def _tenant_resource_id(*words: str) -> str:
    return _typed("tenantResourceId", words)[1]


@SCOPES.add("managementGroupResourceId", "s*")
def _management_group_resource_id(*words: str) -> str:
    before, path = _typed("managementGroupResourceId", words)
    if not before:
        raise _misfit("managementGroupResourceId", words)
    return f"/providers/Microsoft.Management/managementGroups/{before[0]}{path}"


@SCOPES.add("extensionResourceId", "sss*")
def _extension_resource_id(scope_id: str, *words: str) -> str:
    return scope_id.rstrip("/") + _typed("extensionResourceId", words)[1]


def _typed(name: str, words: Sequence[str]) -> tuple[Sequence[str], str]:
    """Find the type among the words: what stands before it, and the path that it makes with its names."""
    for at, word in enumerate(words):
        provider, *kinds = word.strip("/").split("/")
        names = words[at + 1 :]
        if kinds and "." in provider and len(kinds) == len(names):
            pairs = "".join(f"/{kind}/{one}" for kind, one in zip(kinds, names, strict=True))
            return words[:at], f"/providers/{provider}{pairs}"
    raise _misfit(name, words)


def _misfit(name: str, words: Sequence[str]) -> ExpressionError:
    kind = next((word for word in words if "/" in word), "")
    if not kind:
        return ExpressionError(
            f"Unable to evaluate template language function '{name}': the type must have its "
            "provider, as in 'Microsoft.Network/virtualNetworks'. Please see "
            "https://aka.ms/arm-resource-functions for usage details."
        )
    count = kind.strip("/").count("/")
    return ExpressionError(
        f"Unable to evaluate template language function '{name}': the type '{kind}' requires '{count}' "
        f"resource name argument(s). Please see https://aka.ms/arm-resource-functions#{name.lower()} "
        "for usage details."
    )
