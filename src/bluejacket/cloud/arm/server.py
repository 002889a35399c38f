"""Azure Resource Manager: one place where paths become calls, and outcomes become answers."""

from __future__ import annotations

import base64
import binascii
import re
import traceback
from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

from bluejacket.cloud.arm.auth import caller_of, challenge, permission
from bluejacket.cloud.arm.cloud import Begun, LocalCloud, Match
from bluejacket.cloud.arm.endpoint import Asked, Endpoint, Reply
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.heard import LARGEST_BODY, Heard, response
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import GET, LIST, Call, Caller, Grade, Kind, Verb, read_object
from bluejacket.cloud.arm.metadata import audiences
from bluejacket.cloud.arm.operations import RUNNING, SUCCEEDED, Operation
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.store import missing
from bluejacket.cloud.arm.tokens import Tokens
from bluejacket.errors import BluejacketError, without_secrets

PAGE = 100
_POLL = {"Retry-After": "1", "retry-after-ms": "200"}
_OPERATION = re.compile(
    r"/subscriptions/[^/]+(?:/providers/(?P<namespace>[^/]+)/locations/(?P<location>[^/]+))?"
    r"/(?P<kind>operations|operationresults)/(?P<name>[0-9a-f-]{36})",
    re.IGNORECASE,
)


class Manager:
    """Answers requests to Resource Manager."""

    def __init__(self, cloud: LocalCloud, tokens: Tokens) -> None:
        self._cloud = cloud
        self._tokens = tokens

    def answer(self, heard: Heard, too_large: bool = False) -> Response:
        """Give the answer to a request; whatever goes wrong, in Azure's shape."""
        headers: dict[str, str] = {}
        try:
            if too_large:
                what = f"The request content is larger than the allowed {LARGEST_BODY} bytes."
                raise CloudError(413, "RequestContentTooLarge", what)
            caller = caller_of(self._tokens, heard.headers.get("authorization", ""), audiences(self._cloud))
            if not heard.query.get("api-version"):
                what = "The api-version query parameter (?api-version=) is required for all requests."
                raise CloudError(400, "MissingApiVersionParameter", what)
            reply = self._reply(heard, caller)
        except CloudError as error:
            if error.status == 401:
                headers["WWW-Authenticate"] = challenge(self._tokens, error)
            reply = Reply({"error": error.body()}, error.status, {"x-ms-failure-cause": "gateway"} | headers)
        except BluejacketError as error:
            told = CloudError(500, "InternalExecutionError", without_secrets(str(error)))
            reply = Reply({"error": told.body()}, 500)
        except Exception as error:
            lines = "".join(traceback.format_exception(error))
            self._cloud.report.warn(f"{heard.method} {heard.path}, {heard.correlation}:\n{lines}")
            what = f"An internal error occurred. The cloud's log tells it under {heard.correlation}."
            reply = Reply({"error": CloudError(500, "InternalServerError", what).body()}, 500)
        return response(reply, heard)

    def _reply(self, heard: Heard, caller: Caller) -> Reply:
        if found := _OPERATION.fullmatch(heard.path):
            return self._operation(found, heard, caller)
        words = heard.path.split("/")
        if (
            len(words) > 2
            and words[1].lower() == "subscriptions"
            and words[2].lower() != self._cloud.subscription
        ):
            what = f"The subscription '{words[2]}' could not be found."
            raise CloudError(404, "SubscriptionNotFound", what)
        method = "GET" if heard.method == "HEAD" else heard.method
        if at := self._cloud.endpoints.find(method, heard.path):
            return self._endpoint(*at, heard, caller)
        if not heard.path.lower().startswith("/subscriptions/"):
            raise CloudError(404, "InvalidResourceType", f"There is nothing at '{heard.path}'.")
        resource_id = ResourceId.parse(heard.path)
        if heard.method in ("GET", "HEAD"):
            return self._get(resource_id, heard, caller)
        if heard.method == "POST":
            return self._post(resource_id, heard, caller)
        if heard.method not in ("PUT", "PATCH", "DELETE") or resource_id.is_collection:
            what = f"The HTTP method '{heard.method}' is not supported at '{heard.path}'."
            raise CloudError(405, "MethodNotAllowed", what)
        match = Match(heard.headers.get("if-match", ""), heard.headers.get("if-none-match", ""))
        kind = self._cloud.kinds.need(resource_id)
        if heard.method == "DELETE":
            begun = self._cloud.begin_delete(
                Call(resource_id, caller, {}, heard.query), match=match, correlation=heard.correlation
            )
            return self._deleted(begun, kind)
        call = Call(resource_id, caller, kind.read(heard.raw), heard.query)
        begun = self._cloud.begin_put(
            call, patch=heard.method == "PATCH", match=match, correlation=heard.correlation
        )
        return self._written(begun, kind, call, heard.method == "PATCH")

    def _get(self, resource_id: ResourceId, heard: Heard, caller: Caller) -> Reply:
        if resource_id.is_collection:
            if found := self._action(resource_id, "GET"):
                return self._acted(*found, heard, caller)
            return self._list(resource_id, heard, caller)
        unknown = len(resource_id.names) > 1 and self._cloud.kinds.find(resource_id.type) is None
        if unknown and (found := self._action(resource_id, "GET")):
            return self._acted(*found, heard, caller)
        kind, verb = self._cloud.verb(resource_id, GET)
        self._cloud.access.check(caller, permission(kind.type, GET), resource_id)
        resource = self._cloud.store.get(resource_id)
        if resource is None:
            self._cloud.check_place(resource_id)
            raise missing(resource_id)
        if heard.method == "HEAD":
            return Reply(status=204)
        call = Call(resource_id, caller, {}, heard.query)
        return Reply(kind.shown(self._cloud, resource, call), 200, _graded(kind, verb, resource))

    def _list(self, resource_id: ResourceId, heard: Heard, caller: Caller) -> Reply:
        kind, verb = self._cloud.verb(resource_id, LIST)
        parts = len(resource_id.types) > 1 or bool(resource_id.scope)
        owner = _owner(resource_id) if parts else None
        where = owner or ResourceId(resource_id.subscription, resource_id.group)
        groups = not resource_id.provider  # of these one sees what one may read
        if not groups:
            self._cloud.access.check(caller, permission(kind.type, LIST), where)
        if resource_id.provider and (where.group or where.provider):
            self._cloud.store.need(owner or ResourceId(where.subscription, where.group))
        call = Call(resource_id, caller, {}, heard.query)
        top = heard.query.get("$top", "")
        if top and not (top.isdigit() and int(top)):
            raise CloudError(
                400, "InvalidParameter", f"The value '{top}' of '$top' is not a positive number."
            )
        limit = min(int(top), 1000) if top else PAGE
        found = list(
            self._cloud.store.page(
                type_name=kind.type,
                subscription=resource_id.subscription,
                group=resource_id.group,
                parent=owner,
                after=_token(heard.query.get("$skiptoken", "")),
                limit=limit + 1 if kind.paged else 0,
            )
        )
        more, found = kind.paged and len(found) > limit, found[:limit] if kind.paged else found
        last = found[-1].id.key if found else ""
        if groups:
            action = permission(kind.type, GET)
            found = [one for one in found if self._cloud.allowed(caller, action, one.id)]
        body: dict[str, Any] = {"value": list(kind.listed(self._cloud, found, call))}
        if more:
            body["nextLink"] = self._next(heard, last)
        return Reply(body, 200, _graded(kind, verb, *found))

    def _post(self, resource_id: ResourceId, heard: Heard, caller: Caller) -> Reply:
        found = self._action(resource_id, "POST")
        if found is None:
            kind = self._cloud.kinds.need(resource_id)
            what = f"The HTTP method 'POST' is not supported for the resource type '{kind.type}'."
            raise CloudError(405, "MethodNotAllowed", what)
        return self._acted(*found, heard, caller)

    def _action(self, resource_id: ResourceId, method: str) -> tuple[ResourceId, Kind, str] | None:
        """Give the resource, its kind and the action that a path means (`vm1/start`, `x/upgrades/cancel`)."""
        types, names = resource_id.types, resource_id.names
        if resource_id.is_collection and len(types) > 1:
            owner, action = _owner(resource_id), types[-1]
        elif len(names) > 1:
            owner, action = resource_id.parent, f"{types[-1]}/{names[-1]}"
        else:
            return None
        kind = self._cloud.kinds.find(owner.type)
        verb = kind.verbs.get(action.lower()) if kind else None
        if kind is None or verb is None or verb.method != method:
            return None
        return owner, kind, action

    def _acted(self, owner: ResourceId, kind: Kind, action: str, heard: Heard, caller: Caller) -> Reply:
        body = kind.read(heard.raw) if heard.method != "GET" else {}
        call = Call(owner, caller, body, heard.query)
        begun = self._cloud.begin_action(call, action, correlation=heard.correlation)
        headers = _graded(kind, begun.verb, begun.resource)
        if begun.operation is not None:
            return Reply(None, 202, headers | self._promise(begun.operation, kind, begun.resource))
        return Reply(begun.answer, begun.verb.done, headers)

    def _written(self, begun: Begun, kind: Kind, call: Call, patch: bool) -> Reply:
        assert begun.resource is not None, "a PUT has a record"
        body = kind.shown(self._cloud, begun.resource, call)
        headers = _graded(kind, begun.verb, begun.resource)
        status = begun.verb.created if begun.created and not patch else 200
        if begun.operation is not None:
            headers |= self._promise(begun.operation, kind, begun.resource)
        return Reply(body, status, headers)

    def _deleted(self, begun: Begun, kind: Kind) -> Reply:
        headers = _graded(kind, begun.verb, begun.resource)
        if begun.operation is not None:
            return Reply(None, 202, headers | self._promise(begun.operation, kind, begun.resource))
        if begun.resource is None:
            return Reply(None, 204, headers)
        return Reply(None, begun.verb.done, headers)

    def _promise(self, operation: Operation, kind: Kind, resource: Resource | None) -> dict[str, str]:
        """Give the headers that lead a client to the operation: absolute, as the SDKs need them."""
        base = f"{self._cloud.base}/subscriptions/{self._cloud.subscription}"
        provider = operation.id.provider
        if not provider:  # a group: its DELETE has a Location only
            return {"Location": f"{base}/operationresults/{operation.name}?api-version=2024-11-01"} | _POLL
        location = (resource.location if resource else "") or "global"
        where = f"{base}/providers/{provider}/locations/{location}"
        version = kind.versions[0]
        found = {"Azure-AsyncOperation": f"{where}/operations/{operation.name}?api-version={version}"}
        if operation.verb != "put":
            found["Location"] = f"{where}/operationresults/{operation.name}?api-version={version}"
        return found | _POLL

    def _operation(self, found: re.Match[str], heard: Heard, caller: Caller) -> Reply:
        operation = self._cloud.operations.get(found["name"].lower())
        if operation is None or (not caller.owner and caller.object_id != operation.caller.object_id):
            what = f"The operation '{found['name']}' could not be found."
            raise CloudError(404, "OperationNotFound", what)
        if found["kind"].lower() == "operations":
            waits = _POLL if operation.status == RUNNING else {}
            return Reply(operation.document(heard.path), 200, waits)
        if operation.status == RUNNING:
            again = f"{self._cloud.base}{heard.path}?{urlencode(heard.query)}"
            return Reply(None, 202, {"Location": again} | _POLL)
        if operation.status != SUCCEEDED:
            raise operation.failure()
        if operation.verb == "put":
            kind, resource = self._cloud.kinds.need(operation.id), self._cloud.store.need(operation.id)
            return Reply(kind.shown(self._cloud, resource, Call(operation.id, caller, {}, heard.query)))
        if operation.verb == "delete" or (operation.answer is None and operation.done == 200):
            return Reply(None, 200)
        return Reply(operation.answer, operation.done)

    def _endpoint(self, endpoint: Endpoint, parts: dict[str, str], heard: Heard, caller: Caller) -> Reply:
        if "scope" in parts:
            parts["scope"] = "/" + parts["scope"].strip("/")
        if endpoint.action:
            scope = parts.get("scope") or f"/subscriptions/{self._cloud.subscription}"
            if "group" in parts:
                scope += f"/resourceGroups/{parts['group']}"
            self._cloud.access.check(caller, endpoint.action, scope)
        body = read_object(heard.raw) if heard.method in ("PUT", "PATCH", "POST") else {}
        given = endpoint.answer(self._cloud, Asked(heard.path, parts, caller, body, heard.query))
        reply = given if isinstance(given, Reply) else Reply(given)
        if endpoint.grade is Grade.STORED:
            reply = Reply(reply.body, reply.status, {"x-bluejacket-grade": "stored", **reply.headers})
        return reply

    def _next(self, heard: Heard, last: str) -> str:
        query = dict(heard.query)
        query["$skiptoken"] = base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")
        return f"{self._cloud.base}{quote(heard.path)}?{urlencode(query)}"


def _graded(kind: Kind, verb: Verb, *records: Resource | None) -> dict[str, str]:
    """Give the header that says so when an answer, or a record of it, is only kept and given back."""
    grades = {verb.grade, *(kind.grade(verb, one) for one in records if one is not None)}
    return {"x-bluejacket-grade": "stored"} if Grade.STORED in grades else {}


def _owner(resource_id: ResourceId) -> ResourceId:
    """Give what a list hangs on: the resource whose parts it lists, or the scope of extension resources."""
    if len(resource_id.types) > 1:
        types = resource_id.types[:-1]
        return ResourceId(
            resource_id.subscription,
            resource_id.group,
            resource_id.provider,
            types,
            resource_id.names,
            resource_id.scope,
        )
    return ResourceId.parse(resource_id.scope)


def _token(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise CloudError(400, "InvalidSkipToken", "The '$skiptoken' is not one that we gave.") from None
