"""What a template asks for: each resource by its id, with all loops written out, and what it waits for.

Source: Azure Resource Manager, "Define the order for deploying resources", "Set name and type for child
resources", "Set scope for extension resources" and "Resource iteration".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.deploy.evaluate import evaluated, loop_count, resolved
from bluejacket.cloud.deploy.expressions import ExpressionError, calls
from bluejacket.cloud.deploy.parameters import invalid_template
from bluejacket.cloud.deploy.scope import Scope, Stage
from bluejacket.cloud.deploy.template import Template

DEPLOYMENTS = "microsoft.resources/deployments"
_GROUPS = "microsoft.resources/resourcegroups"
_MOST = 800
"""Resources of one template: Azure's own limit."""


@dataclass(slots=True)
class Planned:
    """One resource of a template. `waits` are the keys of the ids that have to be done before.

    `wanted` is False when its condition says so; `existing` ones are only looked at. `scope` is that of its
    own place, so that `raw` can be evaluated when its turn has come. `step` is its turn in its loop.
    """

    id: ResourceId
    raw: Mapping[str, Any]
    scope: Scope
    name: str
    wanted: bool = True
    existing: bool = False
    symbol: str = ""
    loop: str = ""
    step: int = 0
    waits: set[str] = field(default_factory=set)

    @property
    def is_deployment(self) -> bool:
        """Whether it is a deployment within this one."""
        return self.id.type.lower() == DEPLOYMENTS

    @property
    def is_inner(self) -> bool:
        """Whether the expressions of its own template are evaluated there, rather than here."""
        options = (self.raw.get("properties") or {}).get("expressionEvaluationOptions") or {}
        return str(options.get("scope", "")).lower() == "inner"


class Plan:
    """All resources of a template, by the keys of their ids, in the order of the template."""

    def __init__(self, template: Template, base: ResourceId) -> None:
        """`base` is the group or subscription. Raises CloudError (400 InvalidTemplate)."""
        self._base = base
        self._template = template
        self.resources: dict[str, Planned] = {}
        self._called: dict[str, dict[str, None]] = {}  # keys, each once and in order
        self._last: dict[str, dict[str, None]] = {}  # the same by the last of a name's words
        for symbol, raw in template.resources:
            self._add(raw, template.scope(Stage.PLAN), symbol, None)
        for one in self.resources.values():
            self._wait(one)
        self._in_order()

    def named(self, name: str) -> list[Planned]:
        """Give the resources with an id, name, `Type/name`, symbolic name or name of a loop, in any case.

        A part is found by its own name without its parent's as well, when nothing else is called so.
        """
        known = name.strip("/").lower()
        keys = self._called.get(known) or self._last.get(known) or ()
        return [self.resources[key] for key in keys]

    def order(self) -> TopologicalSorter[str]:
        """Give the resources' keys as a sorter that is ready to be asked what can begin."""
        sorter = TopologicalSorter({key: one.waits for key, one in self.resources.items()})
        sorter.prepare()
        return sorter

    def _add(self, raw: Mapping[str, Any], scope: Scope, symbol: str, parent: Planned | None) -> None:
        copy = raw.get("copy")
        if not isinstance(copy, dict):
            self._add_one(raw, scope, symbol, parent, "", 0)
            return
        loop = str(copy.get("name", ""))
        with _at(loop):
            loop = str(resolved(loop, scope))
            count = loop_count(copy.get("count"), loop, scope)
        for known in filter(None, (loop, symbol)):
            self._called.setdefault(known.lower(), {})  # of a loop that never runs, the name is still one
        for step in range(count):
            self._add_one(raw, scope.inside(loop, step), symbol, parent, loop, step)

    def _add_one(
        self, raw: Mapping[str, Any], scope: Scope, symbol: str, parent: Planned | None, loop: str, step: int
    ) -> None:
        told = str(raw.get("name", symbol))
        for key in ("name", "type"):
            if not raw.get(key):
                raise invalid_template(f"The template resource '{told}' has no '{key}'")
        with _at(told):
            wanted = _truth(resolved(raw.get("condition", True), scope))
            try:
                name = resolved(raw["name"], scope)
                kind = resolved(raw["type"], scope)
                target = resolved({key: raw[key] for key in _TARGETS if key in raw}, scope)
            except ExpressionError:
                if wanted or not self._template.symbolic:
                    raise
                # its name is often made of the very value whose absence makes the condition false
                self._called.setdefault(symbol.lower(), {})
                return
        existing = raw.get("existing") is True
        if not (raw.get("apiVersion") or existing or self._template.api_profile):
            raise invalid_template(f"The template resource '{name}' of the type '{kind}' has no 'apiVersion'")
        if parent is not None and not kind.lower().startswith(parent.id.type.lower() + "/"):
            if "." in kind.partition("/")[0]:
                target.setdefault("scope", parent.id.text)
            else:
                kind, name = f"{parent.id.type}/{kind}", f"{parent.name}/{name}"
        found = Planned(self._id(kind, str(name), target), raw, scope, str(name), wanted, existing)
        found.symbol, found.loop, found.step = symbol, loop, step
        if parent is not None:
            found.wanted = found.wanted and parent.wanted
        if found.id.key in self.resources:
            raise invalid_template(
                f"The resource '{found.id.text}' at line '1' and column '1' is defined multiple times in a "
                "template. Please see https://aka.ms/arm-syntax-resources for usage details."
            )
        self.resources[found.id.key] = found
        if len(self.resources) > _MOST:
            raise invalid_template(f"The number of template resources exceeds the limit of '{_MOST}'")
        self._last.setdefault(found.id.name.lower(), {})[found.id.key] = None
        for alias in _aliases(found):
            self._called.setdefault(alias.strip("/").lower(), {})[found.id.key] = None
        for child in raw.get("resources") or []:
            self._add(child, scope, "", found)

    def _id(self, kind: str, name: str, target: Mapping[str, Any]) -> ResourceId:
        """Give the id of a resource. Raises CloudError for a name that does not fit its type."""
        if kind.lower() == _GROUPS:
            return ResourceId(target.get("subscriptionId") or self._base.subscription, name)
        base = self._base.text
        if "scope" in target:
            base = self._scope(str(target["scope"]))
        elif target.get("subscriptionId") or target.get("resourceGroup"):
            subscription = target.get("subscriptionId") or self._base.subscription
            group = target.get("resourceGroup") or ""
            base = f"/subscriptions/{subscription}" + (f"/resourceGroups/{group}" if group else "")
        kinds, names = kind.strip("/").split("/"), name.strip("/").split("/")
        if len(kinds) != len(names) + 1:
            raise invalid_template(
                f"The template resource '{name}' for type '{kind}' at line '1' and column '1' has incorrect "
                "segment lengths. A nested resource type must have identical number of segments as its "
                "resource name. A root resource type must have segment length one greater than its resource "
                "name. Please see https://aka.ms/arm-syntax-resources for usage details."
            )
        if "providers" in kinds[1:]:
            return ResourceId.parse(base + _old_extension(kinds, names))
        pairs = "".join(f"/{one}/{two}" for one, two in zip(kinds[1:], names, strict=True))
        return ResourceId.parse(f"{base}/providers/{kinds[0]}{pairs}")

    def _scope(self, written: str) -> str:
        """Give the id that a `scope` means: an id, or `Type/name` of the same group."""
        if written.startswith("/"):
            return "" if written == "/" else written.rstrip("/")
        known = self.named(written)
        if known:
            return known[0].id.text
        return f"{self._base.text}/providers/{written}"

    def _wait(self, one: Planned) -> None:
        with _at(one.name):
            written = resolved(one.raw.get("dependsOn") or [], one.scope)
        for name in written:
            known = self.named(str(name))
            if not known and str(name).strip("/").lower() not in self._called:
                raise invalid_template(
                    f"The resource '{name}' is not defined in the template. "
                    "Please see https://aka.ms/arm-syntax for usage details."
                )
            one.waits |= {other.id.key for other in known}
        one.waits |= self._looked_at(one)
        copy = one.raw.get("copy")
        if isinstance(copy, dict) and str(copy.get("mode", "")).lower() == "serial":
            with _at(one.name):
                batch = max(loop_count(copy.get("batchSize") or 1, one.loop, one.scope), 1)
            one.waits |= {
                other.id.key
                for other in self.named(one.loop)
                if other.raw is one.raw and other.step // batch < one.step // batch
            }
        one.waits.discard(one.id.key)

    def _looked_at(self, one: Planned) -> set[str]:
        """Give the resources of the template that the body asks for by `reference` or a list function."""
        body = {key: value for key, value in one.raw.items() if key not in ("dependsOn", "resources")}
        if one.is_deployment and one.is_inner:
            body["properties"] = {key: v for key, v in body["properties"].items() if key != "template"}
        found: set[str] = set()
        with _at(one.name):
            every = list(calls(body))
        for call in every:
            if not call.arguments or not call.name.lower().startswith(("reference", "list")):
                continue
            with suppress(
                ExpressionError, CloudError
            ):  # what is known only later names nothing of this template
                name = evaluated(call.arguments[0], one.scope)
                found |= {other.id.key for other in self.named(str(name))}
        return found

    def _in_order(self) -> None:
        try:
            self.order()
        except CycleError as error:
            first = self.resources[error.args[1][0]].id.text
            raise invalid_template(
                f"Circular dependency detected on resource: '{first}'. "
                "Please see https://aka.ms/arm-syntax-resources for usage details."
            ) from None


_TARGETS = ("scope", "resourceGroup", "subscriptionId")


def _aliases(one: Planned) -> Iterator[str]:
    """All that `dependsOn` and `reference` may call a resource, besides the loop's name."""
    yield one.id.text
    path = one.id.text.lower().rpartition("/providers/")[2]
    named = {one.name, f"{one.id.type}/{one.name}", path}
    if not one.id.provider:  # a group, which the functions for ids write like any other resource
        named = {one.name, f"{one.id.type}/{one.name}", group_as_resource(one.id)}
    yield from {alias.lower(): alias for alias in named}.values()
    if one.loop and one.loop.lower() != one.name.lower():
        yield one.loop
    if one.symbol:
        yield one.symbol
        yield f"{one.symbol}[{one.step}]"


def group_as_resource(group: ResourceId) -> str:
    """Give a group's id as `subscriptionResourceId` makes it."""
    return f"/subscriptions/{group.subscription}/providers/Microsoft.Resources/resourceGroups/{group.group}"


def _old_extension(kinds: list[str], names: list[str]) -> str:
    """`Microsoft.Compute/virtualMachines/providers/locks` named `vm/Microsoft.Authorization/lock`."""
    at = kinds.index("providers")
    before = "".join(f"/{kind}/{name}" for kind, name in zip(kinds[1:at], names[: at - 1], strict=True))
    after = "".join(f"/{kind}/{name}" for kind, name in zip(kinds[at + 1 :], names[at:], strict=True))
    return f"/providers/{kinds[0]}{before}/providers/{names[at - 1]}{after}"


def _truth(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise invalid_template("The condition of a template resource must be a boolean")
    return value


@contextmanager
def _at(name: str) -> Iterator[None]:
    try:
        yield
    except ExpressionError as error:
        raise invalid_template(
            f"The template resource '{name}' at line '1' and column '1' is not valid: {error}"
        ) from error
