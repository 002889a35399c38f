"""The action run-command, and Microsoft.Compute/virtualMachines/runCommands: scripts inside a machine.

They go to the guest's agent through the wire server, and are answered by it (see `cloud.guest.agents`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from bluejacket.cloud.arm.endpoint import Asked, Endpoint
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import (
    DELETE,
    GET,
    LIST,
    PATCH,
    PUT,
    Call,
    Cloud,
    Grade,
    Job,
    Kind,
    Verb,
    record,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.documents import whole
from bluejacket.cloud.compute.limits import VMS
from bluejacket.cloud.compute.vmview import need_running
from bluejacket.cloud.guest.agents import Agents, Ran

ACTION_S = 5400.0
_SCHEMA = "https://schema.management.azure.com/schemas/2016-11-17/runcommands.json"
_BUILT_IN: dict[str, dict[str, Any]] = {
    name.lower(): {
        "$schema": _SCHEMA,
        "id": name,
        "osType": "Linux",
        "label": label,
        "description": description,
        "script": script,
        "parameters": [],
    }
    for name, label, description, script in (
        (
            "RunShellScript",
            "Executes a Linux shell script",
            "Custom multiline shell script should be defined in script property.",
            [],
        ),
        (
            "ifconfig",
            "List network configuration",
            "Get the configuration of all network interfaces.",
            ["ip address show"],
        ),
    )
}


def _documents(_cloud: Cloud, _asked: Asked) -> Any:
    brief = [dict(one) for one in _BUILT_IN.values()]
    for one in brief:
        del one["script"], one["parameters"]
    return {"value": brief}


def _document(_cloud: Cloud, asked: Asked) -> Any:
    return _known(asked.parts["command"])


def _known(command: str) -> dict[str, Any]:
    """Give the document of a built-in command; raises CloudError."""
    if command.lower() not in _BUILT_IN:
        raise CloudError(
            404,
            "RunCommandDocumentNotFound",
            f"The entity was not found: run command '{command}' is not known.",
        )
    return _BUILT_IN[command.lower()]


_HERE = "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/runCommands"
_READ = "Microsoft.Compute/locations/runCommands/read"
ENDPOINTS = (
    Endpoint("GET", _HERE, Grade.REAL, _documents, _READ),
    Endpoint("GET", f"{_HERE}/{{command}}", Grade.REAL, _document, _READ),
)


def checked_command(body: dict[str, Any]) -> tuple[str, ...]:
    """Give the script of a run-command action; raises CloudError."""
    known = _known(str(body.get("commandId") or ""))
    script = body.get("script")
    if script is not None and not (isinstance(script, list) and all(isinstance(one, str) for one in script)):
        raise invalid("The value of parameter 'script' is invalid: it is a list of lines.", "script")
    lines = tuple(script or known["script"])
    if not lines:
        raise invalid("Required parameter 'script' is missing (null).", "script")
    return lines


def run_command(cloud: Cloud, job: Job, vm: Resource) -> dict[str, Any]:
    """Run the action's script in the guest, and give its answer."""
    ran = run_in(
        cloud, vm, checked_command(job.payload), job.payload.get("parameters"), ACTION_S, key=job.name
    )
    good = ran.status == 0 and not ran.why
    return {
        "value": [
            {
                "code": "ProvisioningState/succeeded",
                "level": "Info",
                "displayStatus": "Provisioning succeeded",
                "message": f"Enable {'succeeded' if good else 'failed'}: {ran.why}\n[stdout]\n{ran.out}\n"
                f"[stderr]\n{ran.err}",
            }
        ]
    }


def run_in(
    cloud: Cloud,
    vm: Resource,
    script: tuple[str, ...],
    parameters: Any = None,
    limit_s: float = ACTION_S,
    *,
    user: str = "",
    key: str = "",
) -> Ran:
    """Have the machine's agent run a script; raises CloudError when there is none that answers."""
    pairs = [(str(one.get("name", "")), str(one.get("value", ""))) for one in parameters or ()]
    try:
        return cloud.service(Agents).run(str(vm.properties["vmId"]), script, pairs, limit_s, user, key=key)
    except TimeoutError:
        raise CloudError(
            409,
            "VMAgentStatusCommunicationError",
            f"VM '{vm.id.name}' has not reported status for VM agent or extensions. Verify that the OS is "
            "up and healthy, the VM has a running VM agent, and that it can establish outbound "
            "connections to Azure storage.",
        ) from None


class RunCommands(Kind):
    """A script of a machine, with what became of it."""

    type = f"{VMS}/runCommands"
    verbs: ClassVar = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL, long=True),
        PATCH: Verb(Grade.REAL, long=True, created=202),
        DELETE: Verb(Grade.REAL, long=True),
    }
    versions = ("2024-11-01", "2023-03-01")

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record; what is protected is put away."""
        found = record(call, old)
        properties = (old.properties if old else {}) | found.properties
        source = properties.get("source") or {}
        if not source.get("script") and not source.get("commandId"):
            what = "Required parameter 'source.script' is missing (null)."
            if source.get("scriptUri"):
                what = "Only scripts in the request itself can be run in this cloud."
            raise invalid(what, "source.script")
        properties.setdefault("asyncExecution", False)
        properties["timeoutInSeconds"] = whole(
            properties.get("timeoutInSeconds") or int(ACTION_S), "timeoutInSeconds", 1, 86400
        )
        if "protectedParameters" in properties:
            found.hidden["protectedParameters"] = properties.pop("protectedParameters")
        properties.pop("runAsPassword", None)
        found.properties = properties
        need_running(cloud, cloud.resources.need(found.id.parent))
        return found

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Run the script, and keep its instance view."""
        if job.verb == DELETE:
            return
        has = resource.properties
        source = has["source"]
        script = checked_command(
            {"commandId": source.get("commandId", "RunShellScript")}
            | ({"script": str(source["script"]).splitlines()} if source.get("script") else {})
        )
        parameters = [*(has.get("parameters") or ()), *(resource.hidden.get("protectedParameters") or ())]
        began = _now()
        ran = run_in(
            cloud,
            cloud.resources.need(ResourceId.parse(resource.id.parent.text)),
            script,
            parameters,
            float(has["timeoutInSeconds"]),
            user=str(has.get("runAsUser") or ""),
            key=job.name,
        )
        state = "TimedOut" if "limit" in ran.why else "Succeeded" if ran.status == 0 else "Failed"
        view = {
            "executionState": state,
            "executionMessage": ran.why,
            "exitCode": ran.status,
            "output": ran.out,
            "error": ran.err,
            "startTime": began,
            "endTime": _now(),
            "statuses": [],
        }
        cloud.resources.change(resource.id, lambda one: one.hidden.update(view=view))
        if state != "Succeeded" and has.get("treatFailureAsDeploymentFailure"):
            what = f"Run command '{resource.id.name}' ended with exit code {ran.status}: {ran.err[-500:]}"
            raise CloudError(409, "VMExtensionProvisioningError", what)

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document, with its instance view when that is asked for."""
        found = resource.document(self.type)
        if "instanceview" in call.query.get("$expand", "").lower():
            view = resource.hidden.get("view")
            found["properties"]["instanceView"] = view or {"executionState": "Pending", "exitCode": 0}
        return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
