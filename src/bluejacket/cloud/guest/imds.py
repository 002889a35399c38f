"""The instance metadata service, on 169.254.169.254: which requests are answered, and with what.

Source: Microsoft Learn, "Azure Instance Metadata Service": security ("Metadata: true" is required,
"X-Forwarded-For" refused), parameters, versioning, data formats, errors.
"""

from __future__ import annotations

import json
import re
from typing import Any

from bluejacket.cloud.guest.askers import Asker, Askers
from bluejacket.cloud.guest.attested import Attester
from bluejacket.cloud.guest.http import Request, Response
from bluejacket.cloud.guest.identity import IdentityService
from bluejacket.cloud.guest.instance import VERSIONS, instance, public_addresses

ENVIRONMENT = "AzureLocalCloud"

_SINCE = {
    "instance": "2017-03-01",
    "scheduledevents": "2017-08-01",
    "identity": "2018-02-01",
    "attested": "2018-10-01",
    "loadbalancer": "2020-10-01",
}
_NONCE = re.compile(r"[0-9]{10}")
_NO_BALANCER = (
    "No load balancer metadata is found. Please check if your VM is using any non-basic SKU load balancer "
    "and retry later."
)


class MetadataService:
    """Answers one machine at a time about itself, and nobody else."""

    def __init__(self, askers: Askers, attester: Attester, identity: IdentityService) -> None:
        self._askers = askers
        self._attester = attester
        self._identity = identity

    def answer(self, request: Request) -> Response:
        """Answer a request, in Azure's words when it is refused."""
        words = [word for word in request.path.split("/") if word]
        if "x-forwarded-for" in request.headers:
            return _bad("Required metadata header not specified or X-Forwarded-For is present")
        if request.headers.get("metadata", "").lower() != "true":
            return _bad("Required metadata header not specified")
        if words[:1] != ["metadata"]:
            return _missing()
        if request.method != "GET" and (request.method, words[1:]) != ("POST", ["scheduledevents"]):
            return Response.json({"error": "Method not allowed"}, 405, Allow="GET")
        if any(len(values) > 1 for values in request.query.values()):
            return _bad("Duplicate query parameters")
        if words[1:] == ["versions"]:
            return Response.json({"apiVersions": list(VERSIONS)})
        asker = self._askers.find(request.namespace, request.peer)
        if asker is None or len(words) < 2 or words[1] not in _SINCE:
            return _missing()
        version = request.first("api-version")
        if version not in VERSIONS or version < _SINCE[words[1]]:
            return _no_version()
        return self._of(words[1], words[2:], asker, version, request)

    def _of(self, category: str, rest: list[str], asker: Asker, version: str, request: Request) -> Response:
        if category == "instance":
            extended = request.first("extended").lower() == "true"
            found = instance(asker, self._askers, version, ENVIRONMENT, extended=extended)
            return _part(found, rest, request.first("format") or "json")
        if category == "scheduledevents" and not rest:
            return _events(request)
        if category == "attested" and rest == ["document"]:
            nonce = request.first("nonce")
            if nonce and not _NONCE.fullmatch(nonce):
                return _bad("The nonce must be a 10-digit number")
            return Response.json(self._attester.document(asker, version, nonce))
        if category == "identity" and rest == ["oauth2", "token"]:
            return self._identity.token(asker, request)
        if category == "identity" and rest == ["info"]:
            return self._identity.info()
        if category == "loadbalancer" and not rest:
            return self._balanced(asker)
        return _missing()

    def _balanced(self, asker: Asker) -> Response:
        """Give the Standard public IPs, which the interfaces' own part leaves out."""
        pairs = list(public_addresses(asker, self._askers, standard=True))
        if not pairs:
            return Response.json({"error": _NO_BALANCER}, 404)
        told = [{"frontendIpAddress": public, "privateIpAddress": private} for private, public in pairs]
        return Response.json(
            {"loadbalancer": {"publicIpAddresses": told, "inboundRules": [], "outboundRules": []}}
        )


def _part(found: Any, steps: list[str], form: str) -> Response:
    """Give what lies at the end of a path through a document, by keys and numbers of a list."""
    for step in steps:
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isascii() and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return _missing()
    if form == "json":
        if isinstance(found, str):
            return _bad("The format parameter must be text for a leaf node")
        return Response.json(found)
    if form != "text":
        return _bad(f"Format {form[:20]} is not supported")
    return Response(body=_listed(found).encode())


def _listed(found: Any) -> str:
    """Give a leaf itself, and the names below anything else: with a slash for what has parts of its own."""
    if isinstance(found, str):
        return found
    pairs = found.items() if isinstance(found, dict) else enumerate(found)
    return "\n".join(f"{name}/" if isinstance(value, dict | list) else str(name) for name, value in pairs)


def _events(request: Request) -> Response:
    """Give the events that the host has in mind for the machine: none, and none can be started."""
    if request.method == "GET":
        return Response.json({"DocumentIncarnation": 1, "Events": []})
    try:
        wanted = json.loads(request.body)["StartRequests"]
        events = [one["EventId"] for one in wanted]
    except (ValueError, KeyError, TypeError):
        return _bad("The request body is not valid")
    if events:
        return _bad(f"The event {str(events[0])[:64]} does not exist")
    return Response.json({})


def _bad(why: str) -> Response:
    return Response.json({"error": f"Bad request. {why}"}, 400)


def _no_version() -> Response:
    why = (
        "Bad request. api-version is invalid or was not specified in the request. "
        "For more information refer to aka.ms/azureimds"
    )
    return Response.json({"error": why, "newest-versions": list(VERSIONS[:-4:-1])}, 400)


def _missing() -> Response:
    return Response.json({"error": "Not found"}, 404)
