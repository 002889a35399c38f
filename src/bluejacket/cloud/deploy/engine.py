"""Carrying out a plan: each resource when those that it waits for are done, as many at a time as can be.

Source: Azure Resource Manager, "Define the order for deploying resources", "Deployment modes" and "Linked
and nested templates".
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, Protocol

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller, Cloud
from bluejacket.cloud.deploy.evaluate import resolved
from bluejacket.cloud.deploy.expressions import ExpressionError, escaped, is_expression
from bluejacket.cloud.deploy.plan import Plan, Planned
from bluejacket.cloud.deploy.scope import Stage
from bluejacket.cloud.deploy.secrets import with_secrets
from bluejacket.cloud.deploy.surroundings import Request, Surroundings
from bluejacket.cloud.deploy.template import Template

_AT_ONCE = 16
"""Resources that are worked on at a time."""
_NOT_SENT = (
    "type",
    "name",
    "apiversion",
    "dependson",
    "condition",
    "copy",
    "resources",
    "comments",
    "metadata",
)
_NOT_SENT_EITHER = ("scope", "existing", "import", "asserts", "resourcegroup", "subscriptionid", "apiprofile")


class Told(Protocol):
    """Who is told of each resource's turn."""

    def begun(self, one: Planned) -> None:
        """A resource is being written."""

    def ended(self, one: Planned, seconds: float, error: CloudError | None) -> None:
        """It is there, or `error` says why not."""


@dataclass(slots=True)
class Prepared:
    """A deployment that can be carried out: its template is read, its plan made, nothing has happened."""

    id: ResourceId
    caller: Caller
    request: Request
    template: Template
    plan: Plan

    @property
    def base(self) -> ResourceId:
        """The group, or the subscription, that it is deployed to."""
        return ResourceId(self.id.subscription, self.id.group)


@dataclass(slots=True)
class Outcome:
    """What a deployment came to: outputs as they are shown, values of secure ones, ids of what it wrote."""

    outputs: dict[str, Any]
    secrets: dict[str, Any]
    written: list[ResourceId]


def prepare(cloud: Cloud, deployment: ResourceId, caller: Caller, request: Request) -> Prepared:
    """Read the template and make its plan. Raises CloudError for whatever can be known before."""
    if request.mode.lower() not in ("incremental", "complete"):
        raise CloudError(
            400,
            "InvalidDeploymentMode",
            f"The deployment mode '{request.mode}' is not valid: it is 'Incremental' or 'Complete'.",
        )
    if request.mode.lower() == "complete" and not deployment.group:
        raise CloudError(
            400,
            "InvalidDeploymentMode",
            "The deployment mode 'Complete' is not supported for a deployment to a subscription.",
        )
    around = Surroundings(cloud, deployment, caller, request)
    template = Template(request.template, with_secrets(cloud, caller, request.parameters), around)
    plan = Plan(template, ResourceId(deployment.subscription, deployment.group))
    around.plan = plan
    for one in plan.resources.values():
        cloud.kinds.need(one.id)
    return Prepared(deployment, caller, request, template, plan)


def prepare_inner(cloud: Cloud, prepared: Prepared, one: Planned) -> Prepared | None:
    """Prepare a nested deployment as it would be now; None when it needs what does not exist yet.

    Raises CloudError for a template that cannot be deployed.
    """
    body = body_of(one, lenient=True)
    properties = body["properties"]
    parameters = dict(properties.get("parameters") or {})
    if properties.get("template") is None or is_open(parameters):
        return None
    request = Request(
        properties["template"],
        parameters,
        location=str(body.get("location", "")),
        started=prepared.request.started,
        correlation=prepared.request.correlation,
    )
    try:
        return prepare(cloud, one.id, prepared.caller, request)
    except CloudError as error:
        if error.status == 404 and one.id.group.lower() != prepared.id.group.lower():
            return None  # its group may be one that this deployment makes
        raise


def is_open(value: Any) -> bool:
    """Whether anything in a value is still an expression."""
    if isinstance(value, dict):
        return any(map(is_open, value.values()))
    if isinstance(value, list):
        return any(map(is_open, value))
    return is_expression(value)


def deploy(cloud: Cloud, prepared: Prepared, told: Told, cancelled: Callable[[], bool]) -> Outcome:
    """Write all that the plan has, then delete what is too much in complete mode, and give the outputs.

    After a failure, what waits for the failed resource is not begun, and all else is finished. Raises
    CloudError: DeploymentFailed with a detail for each failed resource, or DeploymentCanceled.
    """
    failed = _write_all(cloud, prepared, told, cancelled)
    if cancelled():
        raise CloudError(409, "DeploymentCanceled", f"The deployment '{prepared.id.name}' was canceled.")
    if failed:
        raise _failure(prepared.id, failed)
    if prepared.request.mode.lower() == "complete":
        wrong = _delete_rest(cloud, prepared)
        if wrong:
            raise _failure(prepared.id, wrong)
    written = [one.id for one in prepared.plan.resources.values() if one.wanted and not one.existing]
    return Outcome(prepared.template.outputs(), prepared.template.secrets, written)


def body_of(one: Planned, *, lenient: bool = False, masked: bool = False) -> dict[str, Any]:
    """Give what is sent to write a resource, with everything evaluated. Raises CloudError (InvalidTemplate).

    With `lenient`, what depends on a resource that does not exist yet stays an expression; with
    `masked` as well, what is made of a secret.
    """
    scope = replace(one.scope, stage=Stage.RUN, lenient=lenient, masked=masked)
    sent = {key: value for key, value in one.raw.items() if key.lower() not in _NOT_SENT + _NOT_SENT_EITHER}
    try:
        if not one.is_deployment:
            return dict(resolved(sent, scope))
        properties = dict(sent.pop("properties", None) or {})
        inner = properties.pop("template", None)
        found = dict(resolved(sent, scope)) | {"properties": resolved(properties, scope)}
        if inner is not None:
            # outside, names are those of this template: what they come to must not be evaluated again
            found["properties"]["template"] = inner if one.is_inner else _literal(resolved(inner, scope))
        return found
    except ExpressionError as error:
        raise CloudError(
            400,
            "InvalidTemplate",
            f"Unable to process template language expressions for resource '{one.id.text}' at line '1' and "
            f"column '1'. '{error}'",
        ) from error


def too_much(cloud: Cloud, prepared: Prepared) -> list[ResourceId]:
    """Give what complete mode deletes: all that is in the group, in no template, and part of nothing else."""
    kept = {key for key, one in prepared.plan.resources.items() if one.wanted or one.existing}
    group = cloud.resources.list(subscription=prepared.id.subscription, group=prepared.id.group)
    return [
        one.id
        for one in group
        if len(one.id.names) == 1
        and one.id.provider.lower() not in ("microsoft.resources", "microsoft.authorization")
        and not one.id.scope
        and one.id.key not in kept
    ]


def _write_all(
    cloud: Cloud, prepared: Prepared, told: Told, cancelled: Callable[[], bool]
) -> dict[ResourceId, CloudError]:
    failed: dict[ResourceId, CloudError] = {}
    order = prepared.plan.order()
    running: dict[Future[None], Planned] = {}
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="deployment") as threads:
        while True:
            passed = False
            for key in () if cancelled() else order.get_ready():
                one = prepared.plan.resources[key]
                if one.existing or not one.wanted:
                    order.done(key)
                    passed = True
                else:
                    running[threads.submit(_write, cloud, prepared.caller, one, told)] = one
            if passed:
                continue
            if not running:
                return failed
            for future in wait(running, timeout=1, return_when=FIRST_COMPLETED).done:
                one = running.pop(future)
                try:
                    future.result()
                    order.done(one.id.key)
                except CloudError as error:
                    failed[one.id] = error


def _write(cloud: Cloud, caller: Caller, one: Planned, told: Told) -> None:
    begin = time.monotonic()
    told.begun(one)
    try:
        cloud.put(one.id, body_of(one), caller)
    except CloudError as error:
        told.ended(one, time.monotonic() - begin, error)
        raise
    except Exception:  # a bug of ours, which the cloud tells in its log; here it is seen where it struck
        bug = CloudError(500, "InternalServerError", "An internal error occurred.")
        told.ended(one, time.monotonic() - begin, bug)
        raise
    told.ended(one, time.monotonic() - begin, None)


def _delete_rest(cloud: Cloud, prepared: Prepared) -> dict[ResourceId, CloudError]:
    """Delete in any order that works: what something else still uses is tried again after that is gone."""
    rest = too_much(cloud, prepared)
    while rest:
        refused: dict[ResourceId, CloudError] = {}
        for one in rest:
            try:
                cloud.delete(one, prepared.caller)
            except CloudError as error:
                refused[one] = error
        if len(refused) == len(rest):
            return refused
        rest = list(refused)
    return {}


def _failure(deployment: ResourceId, failed: dict[ResourceId, CloudError]) -> CloudError:
    details = [
        CloudError(
            error.status, error.code, error.message, target=error.target or one.text, details=error.details
        )
        for one, error in failed.items()
    ]
    return CloudError(
        409,
        "DeploymentFailed",
        "At least one resource deployment operation failed. Please list deployment operations for details. "
        "Please see https://aka.ms/arm-deployment-operations for usage details.",
        target=deployment.text,
        details=details,
    )


def _literal(value: Any) -> Any:
    if isinstance(value, dict):
        return {_literal(key): _literal(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_literal(one) for one in value]
    return escaped(value) if isinstance(value, str) else value
