"""Microsoft.Resources/deployments: a template, deployed to a resource group or a subscription.

A PUT is taken whatever the template says, and what is wrong with it is told by its operation: the client of
2.91 falls over a direct refusal. `validate` refuses directly, `whatIf` answers with the error. Template and
parameters are kept in the record's hidden part, so that the work can be done again from its start after a
crash.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import DELETE, GET, LIST, PUT, Call, Caller, Cloud, Grade, Job, Kind, Verb
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.store import now
from bluejacket.cloud.deploy import jsonc
from bluejacket.cloud.deploy.engine import Prepared, deploy, prepare, prepare_inner
from bluejacket.cloud.deploy.hiding import without_secrets
from bluejacket.cloud.deploy.links import fetched
from bluejacket.cloud.deploy.operations import Operations, duration
from bluejacket.cloud.deploy.surroundings import Request
from bluejacket.cloud.deploy.whatif import what_if

_STATE = re.compile(r"provisioningState\s+eq\s+'(\w+)'", re.IGNORECASE)
_RUNNING = ("Creating", "Updating")


class DeploymentKind(Kind):
    """Deployments, with validation and what-if."""

    type: ClassVar[str] = "Microsoft.Resources/deployments"
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL, long=True),
        DELETE: Verb(Grade.REAL, long=True, done=204),
        "validate": Verb(Grade.REAL, free=True),
        "whatif": Verb(Grade.REAL, free=True),
        "cancel": Verb(Grade.REAL, done=204),
        "exporttemplate": Verb(Grade.REAL),
        "listoutputswithsecurevalues": Verb(Grade.REAL),
    }
    versions: ClassVar[tuple[str, ...]] = (
        "2025-04-01",
        "2024-11-01",
        "2022-09-01",
        "2021-04-01",
        "2020-10-01",
    )

    def read(self, raw: bytes) -> dict[str, Any]:
        """Read a body that may hold the text of a template as it is written. Raises CloudError 400."""
        found = jsonc.read(raw) if raw.strip() else {}
        if not isinstance(found, dict):
            raise CloudError(
                400, "InvalidRequestContent", "The request content was invalid: it is no object."
            )
        return found

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record of a deployment that begins. Raises CloudError 409 while another one runs."""
        request = _request(call)
        if not call.id.group and not request.location:
            what = "The location property is required for this definition."
            raise CloudError(400, "LocationRequired", what)
        if old is not None and old.state in _RUNNING:
            if _same(old, request):
                return old  # sent again: it is under way already
            raise CloudError(
                409,
                "DeploymentActive",
                f"Unable to edit or replace deployment '{call.id.name}': previous deployment from "
                f"'{old.properties.get('timestamp', '')}' is still active. "
                "Please see https://aka.ms/arm-deploy for usage details.",
            )
        properties = {
            "templateHash": request.hash,
            "mode": request.mode,
            "provisioningState": "Accepted",
            "timestamp": request.started,
            "duration": duration(0),
            "correlationId": request.correlation,
            "providers": [],
            "dependencies": [],
        }
        tags = {str(key): str(value) for key, value in (call.body.get("tags") or {}).items()}
        hidden = {"request": asdict(request)}
        return Resource(call.id, request.location, tags, properties, hidden=hidden)

    def act(self, cloud: Cloud, call: Call, resource: Resource, action: str) -> dict[str, Any]:
        """Let an action begin. Raises CloudError 409 for the cancelling of what does not run."""
        if action == "cancel" and resource.state not in _RUNNING:
            raise CloudError(
                409,
                "DeploymentCannotBeCancelled",
                f"The deployment '{call.id.name}' cannot be cancelled because it is in the "
                f"provisioning state '{resource.state}'.",
            )
        return dict(call.body)

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Deploy, validate, say what would change, cancel, export or give secrets. Raises CloudError."""
        if job.verb == PUT:
            _deploy(cloud, job, resource)
        elif job.verb == "validate":
            return _validated(cloud, job)
        elif job.verb == "whatif":
            return _foreseen(cloud, job)
        elif job.verb == "cancel":
            cloud.resources.change(job.id, lambda one: one.hidden.update(cancelled=True))
        elif job.verb == "exporttemplate":
            return {"template": without_secrets(resource.hidden["request"]["template"])}
        elif job.verb == "listoutputswithsecurevalues":
            return dict(resource.hidden.get("secrets", {}))
        return None

    def listed(self, cloud: Cloud, found: Sequence[Resource], call: Call) -> Iterable[dict[str, Any]]:
        """Give those of the group or of the subscription itself, and in the state that `$filter` asks for."""
        wanted = _STATE.search(call.query.get("$filter", ""))
        here = (one for one in found if one.id.group.lower() == call.id.group.lower())
        for document in (self.shown(cloud, one, call) for one in here):
            state = document["properties"]["provisioningState"]
            if wanted is None or wanted[1].lower() == state.lower():
                yield document

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document, with a deployment's own states: Accepted, Running, Canceled."""
        found = resource.document(self.type)
        state = resource.state
        if state in _RUNNING:
            state = "Running" if resource.hidden.get("begun") else "Accepted"
        elif state == "Failed" and resource.hidden.get("cancelled"):
            state = "Canceled"
        found["properties"]["provisioningState"] = state
        return found


def _request(call: Call) -> Request:
    """Take from a body what a deployment needs; what is wrong with it is told later."""
    properties = call.body.get("properties")
    said = properties if isinstance(properties, dict) else {}
    parameters = said.get("parameters")
    link = {key: said[key] for key in ("templateLink", "parametersLink") if said.get(key)}
    mode = str(said.get("mode") or "Incremental")
    return Request(
        said.get("template"),
        parameters if isinstance(parameters, dict) else {},
        mode=mode[:1].upper() + mode[1:].lower(),
        location=str(call.body.get("location") or ""),
        started=now(),
        correlation=str(uuid.uuid4()),
        link=link,
    )


def _same(old: Resource, new: Request) -> bool:
    """Whether the running deployment is this one: a PUT may be sent again, by a client or after a crash."""
    before = Request(**old.hidden["request"])
    return (before.template, before.parameters, before.mode, before.link) == (
        new.template,
        new.parameters,
        new.mode,
        new.link,
    )


def _prepared(cloud: Cloud, deployment: ResourceId, caller: Caller, request: Request) -> Prepared:
    if (
        deployment.group
        and cloud.resources.get(ResourceId(deployment.subscription, deployment.group)) is None
    ):
        raise CloudError(
            404, "ResourceGroupNotFound", f"Resource group '{deployment.group}' could not be found."
        )
    if "templateLink" in request.link:
        request.template = fetched(request.link["templateLink"])
    if "parametersLink" in request.link:
        linked = fetched(request.link["parametersLink"])
        request.parameters = dict(linked.get("parameters") or {}) if isinstance(linked, dict) else {}
    return prepare(cloud, deployment, caller, request)


def _deploy(cloud: Cloud, job: Job, resource: Resource) -> None:
    if resource.hidden.get("ended"):
        _end_again(resource)
        return
    begin = time.monotonic()
    told = Operations(cloud, job.id)
    told.clear()
    cloud.resources.change(job.id, lambda one: one.hidden.update(begun=True))

    def cancelled() -> bool:
        now_there = cloud.resources.get(job.id)
        return now_there is None or bool(now_there.hidden.get("cancelled"))

    secrets: dict[str, Any] = {}

    def ended(**changes: Any) -> None:
        changes |= {"timestamp": now(), "duration": duration(time.monotonic() - begin)}

        def edit(one: Resource) -> None:
            one.properties.update(changes)
            one.hidden.update(ended=True, secrets=secrets)
            one.hidden["request"]["parameters"] = {}  # among them secrets, which nobody needs any more

        cloud.resources.change(job.id, edit)

    try:
        prepared = _prepared(cloud, job.id, job.caller, Request(**resource.hidden["request"]))
        cloud.resources.change(job.id, lambda one: one.properties.update(_told(prepared)))
        outcome = deploy(cloud, prepared, told, cancelled)
    except CloudError as error:
        ended(error=error.body())
        raise
    secrets.update(outcome.secrets)
    ended(outputs=outcome.outputs, outputResources=[{"id": one.text} for one in outcome.written])


def _end_again(resource: Resource) -> None:
    """Come to the same end as before the cloud was killed, which was after the deployment's last step."""
    error = resource.properties.get("error")
    if error is not None:
        raise _error(error)


def _error(body: Mapping[str, Any]) -> CloudError:
    details = [_error(one) for one in body.get("details", ())]
    return CloudError(409, body["code"], body["message"], target=body.get("target", ""), details=details)


def _validated(cloud: Cloud, job: Job) -> dict[str, Any]:
    prepared = _prepared(cloud, job.id, job.caller, _request(Call(job.id, job.caller, job.payload)))
    wanted = [one for one in prepared.plan.resources.values() if one.wanted and not one.existing]
    for one in wanted:
        if one.is_deployment:
            prepare_inner(cloud, prepared, one)
    properties: dict[str, Any] = {
        "templateHash": prepared.request.hash,
        "mode": prepared.request.mode,
        "provisioningState": "Succeeded",
        "timestamp": prepared.request.started,
        "duration": duration(0),
        "correlationId": prepared.request.correlation,
        "validatedResources": [{"id": one.id.text} for one in wanted],
    }
    found = {"id": job.id.text, "name": job.id.name, "type": DeploymentKind.type}
    return found | {"properties": properties | _told(prepared)}


def _foreseen(cloud: Cloud, job: Job) -> dict[str, Any]:
    request = _request(Call(job.id, job.caller, job.payload))
    settings = (job.payload.get("properties") or {}).get("whatIfSettings") or {}
    payloads = str(settings.get("resultFormat", "")).lower() != "resourceidonly"
    try:
        changes = what_if(cloud, _prepared(cloud, job.id, job.caller, request), payloads=payloads)
    except CloudError as error:
        return {"status": "Failed", "error": error.body()}
    return {
        "status": "Succeeded",
        "properties": {"correlationId": request.correlation, "changes": changes},
    }


def _told(prepared: Prepared) -> dict[str, Any]:
    """Give what a document tells of a plan: parameters without secrets, providers, who waits for whom."""
    plan = prepared.plan.resources
    types: dict[str, list[str]] = {}
    for one in plan.values():
        provider, _, kind = one.id.type.partition("/")
        known = types.setdefault(provider, [])
        if kind not in known:
            known.append(kind)
    waiting = [one for one in plan.values() if one.waits and one.wanted]
    return {
        "parameters": prepared.template.parameters.shown(),
        "providers": [
            {"namespace": provider, "resourceTypes": [{"resourceType": kind} for kind in kinds]}
            for provider, kinds in types.items()
        ],
        "dependencies": [
            _named(one.id) | {"dependsOn": [_named(plan[key].id) for key in sorted(one.waits)]}
            for one in waiting
        ],
    }


def _named(resource_id: ResourceId) -> dict[str, str]:
    name = "/".join(resource_id.names) or resource_id.name
    return {"id": resource_id.text, "resourceType": resource_id.type, "resourceName": name}
