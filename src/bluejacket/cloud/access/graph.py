"""As much of Microsoft Graph as `az role assignment`, `az identity` and `az ad sp` ask for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from bluejacket.cloud.access.filters import terms
from bluejacket.cloud.access.principals import APPLICATION, USER, Principal, Principals, absent
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.kind import Caller

Answer = tuple[int, dict[str, Any]]
_FIELDS: Mapping[str, Callable[[Principal], str]] = {
    "serviceprincipalnames": lambda one: one.client_id,
    "appid": lambda one: one.client_id,
    "id": lambda one: one.object_id,
    "displayname": lambda one: one.name,
    "userprincipalname": lambda one: one.name,
    "mail": lambda one: one.name,
}


class Graph:
    """Answers requests below `/graph/`: service principals, applications and users; there are no groups."""

    def __init__(self, principals: Principals) -> None:
        self._principals = principals

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes, caller: Caller) -> Answer:
        """Give status and document. `path` begins with the version: `v1.0/servicePrincipals`."""
        try:
            return self._answer(method.upper(), path, query, body, caller)
        except CloudError as error:
            return error.status, {"error": error.body()}

    def _answer(
        self, method: str, path: str, query: Mapping[str, str], body: bytes, caller: Caller
    ) -> Answer:
        words = [word for word in path.split("/") if word][1:]
        kind, name = words[0].lower() if words else "", "/".join(words[1:])
        if method == "POST" and path.lower().endswith("/directoryobjects/getbyids"):
            found = [self._principals.get(str(one)) for one in _document(body).get("ids", [])]
            return 200, {"value": [self._service_principal(one) for one in found if one]}
        if kind in ("serviceprincipals", "applications") and method in ("POST", "DELETE", "PATCH"):
            if not caller.owner:
                what = "Insufficient privileges to complete the operation."
                raise CloudError(403, "Authorization_RequestDenied", what)
            return self._changed(method, kind, name, _document(body))
        if kind == "me":
            return 200, self._me(caller)
        if method == "GET" and kind in self._lists and not (kind == "groups" and name):
            return 200, self._one(kind, name) if name else {"value": self._lists[kind](query)}
        raise CloudError(404, "Request_ResourceNotFound", f"Resource not found for the segment '{kind}'.")

    def _me(self, caller: Caller) -> dict[str, Any]:
        person = self._principals.get(caller.object_id)
        if person is None or person.type != USER:
            what = "/me request is only valid with delegated authentication flow."
            raise CloudError(400, "BadRequest", what)
        return person.graph()

    def _one(self, kind: str, name: str) -> dict[str, Any]:
        """Give what a path with a name leads to: a person by id or name, an application by its client id."""
        match kind:
            case "users":
                for one in self._principals.list():
                    if one.type == USER and name.lower() in (one.object_id, one.name.lower()):
                        return one.graph()
                raise absent(name)
            case "serviceprincipals":
                return self._service_principal(self._principals.need(name))
            case _:
                return self._application(self._named("applications", name))

    @property
    def _lists(self) -> Mapping[str, Callable[[Mapping[str, str]], list[dict[str, Any]]]]:
        """What gives the members of a collection that fit a request's query."""
        return {
            "groups": lambda _: [],
            "users": lambda query: [one.graph() for one in self._chosen(query) if one.type == USER],
            "serviceprincipals": lambda query: [
                self._service_principal(one) for one in self._chosen(query) if one.type != USER
            ],
            "applications": lambda query: [
                self._application(one) for one in self._chosen(query) if one.type == APPLICATION
            ],
        }

    def _changed(self, method: str, kind: str, name: str, body: dict[str, Any]) -> Answer:
        name, _, action = name.partition("/")
        of = "servicePrincipals" if kind == "serviceprincipals" else "applications"
        if method == "POST" and not name:
            return self._made(of, body)
        one = self._named(of, name)
        credentials = self._principals.credentials
        match method, action.lower():
            case "PATCH", "":
                self._patch(one, of, body)
                return 204, {}
            case "POST", "addpassword":
                wanted = body.get("passwordCredential")
                wanted = wanted if isinstance(wanted, dict) else {}
                return 200, credentials.add_secret(one.client_id, of, wanted)
            case "POST", "removepassword":
                credentials.remove_secret(one.client_id, of, str(body.get("keyId", "")))
                return 204, {}
            case "DELETE", "" if one.type == APPLICATION:
                self._principals.remove(one.object_id)
                return 204, {}
        raise CloudError(404, "Request_ResourceNotFound", f"Resource '{name}/{action}' does not exist.")

    def _made(self, of: str, body: dict[str, Any]) -> Answer:
        if of == "applications":
            wanted = _certificates(body)
            made = self._principals.add(str(body.get("displayName") or "application"))
            try:
                self._principals.credentials.replace_certificates(made.client_id, of, wanted)
            except CloudError:
                self._principals.remove(made.object_id)
                raise
            return 201, self._application(made)
        for one in self._principals.list():
            if one.client_id.lower() == str(body.get("appId", "")).lower():
                return 201, self._service_principal(one)
        raise CloudError(400, "Request_BadRequest", "The appId of the service principal is not valid.")

    def _patch(self, one: Principal, of: str, body: dict[str, Any]) -> None:
        unknown = sorted(set(body) - {"displayName", "keyCredentials"})
        if unknown:
            what = f"Property '{unknown[0]}' of an application is not kept here."
            raise CloudError(400, "Request_BadRequest", what)
        if "keyCredentials" in body:
            self._principals.credentials.replace_certificates(one.client_id, of, _certificates(body))
        if body.get("displayName"):
            self._principals.rename(one.client_id, str(body["displayName"]))

    def _named(self, of: str, name: str) -> Principal:
        """Give who a path names: an application by its client id, a service principal by its object id."""
        for one in self._principals.list():
            mine = one.client_id if of == "applications" else one.object_id
            if one.type != USER and name.lower() == mine.lower():
                return one
        raise absent(name)

    def _application(self, one: Principal) -> dict[str, Any]:
        return {
            "@odata.type": "#microsoft.graph.application",
            "id": one.client_id,
            "appId": one.client_id,
            "displayName": one.name,
            "identifierUris": [],
            **self._principals.credentials.shown(one.client_id, "applications"),
            "signInAudience": "AzureADMyOrg",
        }

    def _service_principal(self, one: Principal) -> dict[str, Any]:
        kept = self._principals.credentials.shown(one.client_id, "servicePrincipals")
        return one.graph() | (kept if one.type != USER else {})

    def _chosen(self, query: Mapping[str, str]) -> list[Principal]:
        try:
            wanted = terms(query.get("$filter", ""))
        except ValueError as error:
            what = f"Invalid filter clause: '{error}'."
            raise CloudError(400, "Request_UnsupportedQuery", what) from None
        found = list(self._principals.list())
        for key, value in wanted.items():
            begins = key.startswith("startswith ")
            field = _FIELDS.get(key.removeprefix("startswith "))
            if field is None:
                what = f"Unsupported property filter clause for property '{key}' of ServicePrincipal."
                raise CloudError(400, "Request_UnsupportedQuery", what)
            found = [one for one in found if _fits(field(one).lower(), value.lower(), begins)]
        return found


def _fits(text: str, wanted: str, begins: bool) -> bool:
    return text.startswith(wanted) if begins else text == wanted


def _certificates(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = body.get("keyCredentials") or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise CloudError(400, "Request_BadRequest", "The keyCredentials of an application are a list.")
    return found


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CloudError(400, "BadRequest", "Unable to read JSON request payload.")
    return found
